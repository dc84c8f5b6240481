import { asCache, type CacheLike, type LoadOptionsOf } from '../cache-like.js';
import type { Duration, Milliseconds } from '../duration.js';
import type { MemoryCache } from '../memory/memory-cache.js';
import {
  callback,
  duration,
  handedOn,
  integer,
  nested,
  number,
  positiveDuration,
  type Read,
  readRequiring,
} from '../memory/readers.js';
import type { Count, Loader } from '../memory/types.js';
import { TiercelError } from '../tiercel-error.js';
import { platformTimers, readTimers, type Timers } from '../timers.js';
import { DecayingCounts } from './decaying-counts.js';
import { Repeating } from './repeating.js';
import { Slots } from './slots.js';

/** A `MemoryCache`, or a cache that has one in front. */
export type RefreshableCache<V> = CacheLike<V> & (MemoryCache<V> | { readonly memory: MemoryCache<V> });

export interface CleanUpOptions {
  /** Most entries that a round looks at; the next one goes on where it ended. 1 to 10^6, default 1000. */
  most?: Count;
  /** Longest that a round takes for it. Default 5 ms. */
  budget?: Duration;
  /** Entries with less than this to live go, unless they are hot. Default: as `within`. */
  within?: Duration;
}

export interface RefresherOptions<V, C extends RefreshableCache<V> = RefreshableCache<V>> {
  /** Loads a key that is to be refreshed. `undefined`: there is no such value any more; the entry goes. */
  load: Loader<V | undefined>;
  /** For each `getOrSet`: `ttl`, `tags` and so on. */
  options?: LoadOptionsOf<C>;
  /** After {@link Refresher.start}: how long after the end of a round the next one begins. More than 0; default 30 s. */
  every?: Duration;
  /** Hot keys with less than this to live are refreshed: no less than `every`, if none is to expire. Default 1 minute. */
  within?: Duration;
  /** Most keys that count as hot. 1 to 10000, default 100. */
  top?: Count;
  /** Hits that a key must have had to be hot, older ones counting for less. 0 to 10^6, default 2. */
  hits?: number;
  /** After which time a hit counts for half. More than 0; default 10 minutes. */
  halfLife?: Duration;
  /** Most keys whose hits are counted. 1 to 10^6, default 10000. */
  maxKeys?: Count;
  /** Most loads at a time. 1 to 1024, default 4. */
  concurrency?: Count;
  /**
   * Removes entries that are about to expire and that nobody asks for, with what depends on them, so that their room is
   * free. Default: none are.
   */
  cleanUp?: CleanUpOptions;
  /** Told what loads throw; the old entry stays. Default: such errors are only counted. */
  onError?: (error: unknown, key: string) => void;
  /** Default: those of the platform. */
  timers?: Timers;
}

/** What a round did. */
export interface RefreshRound {
  readonly refreshed: Count;
  /** Loads that failed. */
  readonly failed: Count;
  /** Entries that the clean-up removed, of those that it looked at. */
  readonly removed: Count;
  readonly looked: Count;
}

/**
 * Refreshes entries that are asked for often before they expire, so that nobody waits for them, and may remove those that
 * nobody asks for. It counts hits by listening to the cache, which costs each hit a little.
 */
export class Refresher<V, C extends RefreshableCache<V> = RefreshableCache<V>> {
  readonly #cache: C;
  readonly #memory: MemoryCache<V>;
  readonly #load: Loader<V | undefined>;
  readonly #loadOptions: LoadOptionsOf<C> | undefined;
  readonly #within: Milliseconds;
  readonly #top: Count;
  readonly #hits: number;
  readonly #cleanUp: Read<CleanUpOptions> | undefined;
  readonly #onError: ((error: unknown, key: string) => void) | undefined;
  readonly #timers: Timers;
  readonly #counts: DecayingCounts;
  readonly #slots: Slots;
  readonly #repeating: Repeating;
  readonly #stopListening: () => void;
  /** Where the clean-up goes on. */
  #keys: Iterator<string> | undefined;
  #round: Promise<RefreshRound> | undefined;
  #closed = false;

  /** @throws TiercelError naming a wrong option */
  constructor(cache: C, options: RefresherOptions<V, C>) {
    const given = readRequiring<Read<RefresherOptions<V, C>>, 'load'>(
      options,
      {
        load: callback('a function that gets a context with the key and returns the value, or a promise of it'),
        options: handedOn,
        every: positiveDuration as never,
        within: positiveDuration as never,
        top: integer(1, 10_000),
        hits: number(0, 1_000_000),
        halfLife: positiveDuration as never,
        maxKeys: integer(1, 1_000_000),
        concurrency: integer(1, 1024),
        cleanUp: nested<CleanUpOptions>({
          most: integer(1, 1_000_000),
          budget: duration,
          within: positiveDuration,
        }) as never,
        onError: callback('a function of an error and a key'),
        timers: readTimers,
      },
      ['load'],
    );
    this.#cache = asCache(cache);
    this.#memory = ('memory' in cache ? cache.memory : cache) as MemoryCache<V>;
    this.#load = given.load;
    this.#loadOptions = given.options;
    this.#within = (given.within as Milliseconds | undefined) ?? 60_000;
    this.#top = given.top ?? 100;
    this.#hits = given.hits ?? 2;
    this.#cleanUp = given.cleanUp as Read<CleanUpOptions> | undefined;
    this.#onError = given.onError;
    this.#timers = given.timers ?? platformTimers;
    this.#counts = new DecayingCounts(given.maxKeys ?? 10_000, (given.halfLife as Milliseconds | undefined) ?? 600_000);
    this.#slots = new Slots(given.concurrency ?? 4);
    const every = (given.every as Milliseconds | undefined) ?? 30_000;
    this.#repeating = new Repeating(() => this.run().catch(() => undefined), every, this.#timers);
    this.#stopListening = this.#memory.on('hit', ({ key }) => this.#counts.add(key, this.#timers.now()));
  }

  /** One round of refreshing and cleaning up. One that runs already is not begun again: it counts. */
  run(): Promise<RefreshRound> {
    if (this.#closed) return Promise.reject(new TiercelError('ERR_TIERCEL_CLOSED', 'the refresher was closed'));
    this.#round ??= this.#runRound().finally(() => {
      this.#round = undefined;
    });
    return this.#round;
  }

  /** Begins with rounds that repeat; the first is after `every`. */
  start(): void {
    if (this.#closed) throw new TiercelError('ERR_TIERCEL_CLOSED', 'the refresher was closed');
    this.#repeating.start();
  }

  /** The hottest keys and their hits, older ones counting for less. */
  hottest(most: Count = this.#top): [string, number][] {
    return this.#counts.top(most, this.#timers.now()).filter(([, hits]) => hits >= this.#hits);
  }

  /** Ends all: loads in flight go on, none begins. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#repeating.stop();
    this.#stopListening();
    this.#keys = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #runRound(): Promise<RefreshRound> {
    const due = this.hottest()
      .map(([key]) => key)
      .filter((key) => (this.#memory.ttl(key) ?? Number.POSITIVE_INFINITY) < this.#within);
    // Before the loads, which may take long.
    const cleaned = this.#cleanUp === undefined ? { removed: 0, looked: 0 } : this.#removeCold(this.#cleanUp);
    const refreshed = await Promise.all(due.map((key) => this.#refresh(key)));
    const done = refreshed.filter((ok) => ok === true).length;
    return { refreshed: done, failed: refreshed.filter((ok) => ok === false).length, ...cleaned };
  }

  /** Whether the load went well; undefined if there was none. */
  async #refresh(key: string): Promise<boolean | undefined> {
    await this.#slots.enter();
    try {
      if (this.#closed) return undefined;
      const value = await this.#cache.getOrSet(
        key,
        this.#load as Loader<V>,
        {
          ...this.#loadOptions,
          forceRefresh: true,
        } as LoadOptionsOf<C>,
      );
      if (value === undefined) {
        this.#counts.delete(key);
        await this.#cache.delete(key);
      }
      return true;
    } catch (error) {
      this.#tell(error, key);
      return false;
    } finally {
      this.#slots.leave();
    }
  }

  /** One who listens badly must not end the round. */
  #tell(error: unknown, key: string): void {
    try {
      this.#onError?.(error, key);
    } catch {
      // The load's error was the one that counts.
    }
  }

  #removeCold({
    most = 1_000,
    budget = 5,
    within = this.#within,
  }: Read<CleanUpOptions>): Pick<RefreshRound, 'removed' | 'looked'> {
    const hot = new Set(this.hottest().map(([key]) => key));
    const end = this.#timers.now() + budget;
    let removed = 0;
    let looked = 0;
    this.#keys ??= this.#memory.keys();
    while (looked < most && this.#timers.now() <= end) {
      const { done, value: key } = this.#keys.next();
      if (done) {
        this.#keys = undefined;
        break;
      }
      looked++;
      if (hot.has(key) || (this.#memory.ttl(key) ?? Number.POSITIVE_INFINITY) >= within) continue;
      if (this.#memory.delete(key)) removed++;
    }
    return { removed, looked };
  }
}
