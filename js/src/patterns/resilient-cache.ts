import { type Awaitable, asCache, type CacheLike, type LoadOptionsOf, type SetOptionsOf } from '../cache-like.js';
import type { Duration } from '../duration.js';
import { asFunction, asKey, listOf } from '../memory/arguments.js';
import { MemoryCache } from '../memory/memory-cache.js';
import { callback, duration, integer, positiveDuration, type Read, read } from '../memory/readers.js';
import type { Count, GetOrSetOptions, Loader } from '../memory/types.js';
import { TiercelError, type TiercelErrorCode } from '../tiercel-error.js';
import { LONGEST_DELAY, platformTimers, readTimers, type Timers } from '../timers.js';
import { type MissedChange, MissedChanges } from './missed-changes.js';

export interface ResilientCacheOptions<V> {
  /**
   * Serves while the cache cannot: a small `MemoryCache` with a short ttl, for instance, as other processes do not know
   * of it. It is told all changes. Default: none, and everything is a miss.
   */
  fallback?: CacheLike<V>;
  /** Failures in a row after which the cache is left alone. 1 to 1000, default 5. */
  failures?: Count;
  /** After which time it is tried again, by one call. More than 0; default 30 s. */
  reset?: Duration;
  /** Longest wait for the cache, loaders not counted. Default 1 s; 0: no limit. */
  timeout?: Duration;
  /** Most changes that are remembered while the cache is away; past that it is cleared when it is back. Default 1000. */
  maxMissed?: Count;
  /** Told what the cache throws. Default: such errors are only counted. */
  onError?: (error: unknown, operation: string) => void;
  /** Default: those of the platform. */
  timers?: Timers;
}

export interface ResilientStats {
  /** `'open'`: the cache is left alone. `'half-open'`: one call tries it. */
  readonly state: 'closed' | 'open' | 'half-open';
  /** Calls that the cache answered, and that it failed or did not answer in time. */
  readonly succeeded: Count;
  readonly failed: Count;
  /** Calls that did without it: the fallback, the loader or nothing answered. */
  readonly fellBack: Count;
  /** How often it was given up. */
  readonly opened: Count;
  /** Changes that it is still to be told. */
  readonly missed: Count;
}

/** Of errors that say that the call was wrong, not that the cache is. */
const OF_THE_CALLER: ReadonlySet<TiercelErrorCode> = new Set<TiercelErrorCode>([
  'ERR_TIERCEL_INVALID_ARGUMENT',
  'ERR_TIERCEL_INVALID_OPTION',
  'ERR_TIERCEL_UNKNOWN_OPTION',
  'ERR_TIERCEL_KEY_TOO_LONG',
  'ERR_TIERCEL_LIMIT',
  'ERR_TIERCEL_NOT_SERIALIZABLE',
]);

/**
 * A cache in front of one that may fail: reads then miss, or the fallback answers; writes are dropped; loaders run. It
 * throws what loaders throw and what is wrong with a call, and nothing else. After some failures the cache is left alone
 * for a while. What was set or invalidated meanwhile is invalidated there before it is used again, so that it does not
 * come back with what it should have lost.
 */
export class ResilientCache<V = unknown, C extends CacheLike<V> = CacheLike<V>> {
  readonly #cache: C;
  readonly #fallback: CacheLike<V> | undefined;
  readonly #options: Required<Omit<Read<ResilientCacheOptions<V>>, 'fallback' | 'onError'>>;
  readonly #onError: ((error: unknown, operation: string) => void) | undefined;
  readonly #missed: MissedChanges;
  /** Shares loads where there is no fallback, and keeps nothing. */
  #loads: MemoryCache<V> | undefined;
  #inARow = 0;
  /** When the cache may be tried again; undefined while it is used. */
  #openUntil: number | undefined;
  #probing = false;
  readonly #counts = { succeeded: 0, failed: 0, fellBack: 0, opened: 0 };

  /** @throws TiercelError naming a wrong option */
  constructor(cache: C, options?: ResilientCacheOptions<V>) {
    const given = read<Read<ResilientCacheOptions<V>>>(
      options,
      {
        fallback: (value, name) => asCache(value as CacheLike<V>, name),
        failures: integer(1, 1000),
        reset: positiveDuration,
        timeout: duration as never,
        maxMissed: integer(0, 1_000_000),
        onError: callback('a function of an error and the name of an operation'),
        timers: readTimers,
      },
      'options',
    );
    this.#cache = asCache(cache);
    this.#fallback = given.fallback;
    this.#onError = given.onError;
    this.#options = {
      failures: given.failures ?? 5,
      reset: given.reset ?? 30_000,
      timeout: given.timeout ?? 1_000,
      maxMissed: given.maxMissed ?? 1_000,
      timers: given.timers ?? platformTimers,
    };
    this.#missed = new MissedChanges(this.#options.maxMissed);
  }

  get(key: string): Promise<V | undefined> {
    return this.#read('get', (cache) => cache.get(key), undefined);
  }

  has(key: string): Promise<boolean> {
    return this.#read('has', (cache) => cache.has(key), false);
  }

  async getMany(keys: Iterable<string>): Promise<Map<string, V>> {
    const list = listOf(keys, 'keys') as string[];
    return this.#read('getMany', (cache) => cache.getMany(list), new Map());
  }

  /**
   * The cached value, or what `loader` gives, whatever the cache does. Rejects with what the loader throws. Without the
   * cache as well one call of the loader serves all that ask for the key meanwhile.
   */
  async getOrSet(key: string, loader: Loader<V>, options?: LoadOptionsOf<C>): Promise<V> {
    asFunction(loader, 'loader');
    const load: Load<V> = {};
    const noted: Loader<V> = (context) => {
      load.running = (async () => loader(context))();
      load.running.catch((error: unknown) => {
        load.failure = { error };
      });
      return load.running;
    };
    if (this.#mayTry()) {
      const isCallers = (error: unknown) => isFailureOf(load, error) || isAbortOf(options, error);
      const answer = await this.#attempt('getOrSet', () => this.#cache.getOrSet(key, noted, options), load, isCallers);
      if (answer.ok) return answer.value;
      // What the loader gives is the answer, though the cache has failed since.
      if (load.running !== undefined) return load.running;
    }
    this.#counts.fellBack++;
    if (this.#fallback !== undefined) return this.#fallback.getOrSet(key, loader, portable(options));
    this.#loads ??= MemoryCache.createSync<V>({ maxEntries: 1 });
    const unkept: Loader<V> = (context) => {
      context.skip();
      return loader(context);
    };
    return this.#loads.getOrSet(key, unkept, portable(options));
  }

  /** Whether the value is in the cache now; if not, it is in the fallback, if there is one. */
  set(key: string, value: V, options?: SetOptionsOf<C>): Promise<boolean> {
    return this.#change('set', [{ type: 'key', text: key }], (cache, isFallback) =>
      cache.set(key, value, isFallback ? portable(options) : options),
    );
  }

  async setMany(entries: Iterable<readonly [string, V]>, options?: SetOptionsOf<C>): Promise<boolean> {
    const list = listOf(entries, 'entries') as (readonly [string, V])[];
    const changes = list.map((pair) => asKey(pair?.[0])).map((key) => ({ type: 'key', text: key }) as const);
    return this.#change('setMany', changes, (cache, isFallback) =>
      cache.setMany(list, isFallback ? portable(options) : options),
    );
  }

  /** Whether it is gone from the cache now; if not, it will be before the cache is used again. */
  delete(key: string): Promise<boolean> {
    return this.#change('delete', [{ type: 'key', text: key }], (cache) => cache.delete(key));
  }

  async deleteMany(keys: Iterable<string>): Promise<boolean> {
    const list = listOf(keys, 'keys') as string[];
    const changes = list.map((key) => ({ type: 'key', text: key }) as const);
    return this.#change('deleteMany', changes, (cache) => cache.deleteMany(list));
  }

  /** As {@link delete}: a key is as good as gone. */
  expire(key: string): Promise<boolean> {
    return this.#change('expire', [{ type: 'key', text: key }], (cache) => cache.expire(key));
  }

  touch(key: string, ttl?: Duration): Promise<boolean> {
    return this.#change('touch', [], (cache) => cache.touch(key, ttl));
  }

  invalidateTags(...tags: string[]): Promise<boolean> {
    const changes = tags.map((tag) => ({ type: 'tag', text: tag }) as const);
    return this.#change('invalidateTags', changes, (cache) => cache.invalidateTags(...tags));
  }

  invalidatePrefix(prefix: string): Promise<boolean> {
    return this.#change('invalidatePrefix', [{ type: 'prefix', text: prefix }], (cache) =>
      cache.invalidatePrefix(prefix),
    );
  }

  invalidatePattern(pattern: string): Promise<boolean> {
    const change = { type: 'pattern', text: pattern } as const;
    return this.#change('invalidatePattern', [change], (cache) => cache.invalidatePattern(pattern));
  }

  clear(): Promise<boolean> {
    return this.#change('clear', [{ type: 'all', text: '' }], (cache) => cache.clear());
  }

  /** A namespace of the cache and of the fallback, with a breaker and a memory of its own. */
  namespace(...parts: string[]): ResilientCache<V> {
    return new ResilientCache<V>(this.#cache.namespace(...parts), {
      ...this.#options,
      ...(this.#fallback === undefined ? {} : { fallback: this.#fallback.namespace(...parts) }),
      ...(this.#onError === undefined ? {} : { onError: this.#onError }),
    });
  }

  stats(): ResilientStats {
    return { state: this.#state(), ...this.#counts, missed: this.#missed.size };
  }

  #state(): ResilientStats['state'] {
    if (this.#openUntil === undefined) return 'closed';
    return this.#probing || this.#options.timers.now() >= this.#openUntil ? 'half-open' : 'open';
  }

  /** Whether this call may use the cache; of those that come when it may be tried again the first. */
  #mayTry(): boolean {
    if (this.#openUntil === undefined) return true;
    if (this.#probing || this.#options.timers.now() < this.#openUntil) return false;
    this.#probing = true;
    return true;
  }

  async #read<T>(operation: string, action: (cache: CacheLike<V>) => Awaitable<T>, nothing: T): Promise<T> {
    if (this.#mayTry()) {
      const answer = await this.#attempt(operation, () => action(this.#cache));
      if (answer.ok) return answer.value;
    }
    this.#counts.fellBack++;
    return (await this.#inFallback(operation, (fallback) => action(fallback))) ?? nothing;
  }

  async #change(
    operation: string,
    changes: readonly MissedChange[],
    action: (cache: CacheLike<V>, isFallback: boolean) => Awaitable<unknown>,
  ): Promise<boolean> {
    // Always, so that it never serves what is old by then.
    await this.#inFallback(operation, (fallback) => action(fallback, true));
    if (this.#mayTry()) {
      const { ok } = await this.#attempt(operation, () => action(this.#cache, false));
      if (ok) return true;
    }
    this.#counts.fellBack++;
    for (const change of changes) this.#missed.note(change);
    return false;
  }

  async #inFallback<T>(operation: string, action: (cache: CacheLike<V>) => Awaitable<T>): Promise<T | undefined> {
    if (this.#fallback === undefined) return undefined;
    try {
      return await action(this.#fallback);
    } catch (error) {
      if (isOfCaller(error)) throw error;
      this.#tell(error, operation);
      return undefined;
    }
  }

  /** One call of the cache, after what it missed. Throws what is the caller's fault. */
  async #attempt<T>(
    operation: string,
    action: () => Awaitable<T>,
    load: Load<unknown> = {},
    isCallers: (error: unknown) => boolean = () => false,
  ): Promise<{ ok: true; value: T } | { ok: false }> {
    try {
      const value = await this.#inTime(async () => {
        await this.#missed.replay(this.#cache);
        return action();
      }, load);
      this.#succeeded();
      return { ok: true, value };
    } catch (error) {
      if (isCallers(error) || isOfCaller(error)) {
        // Says nothing of the cache: another call may try it.
        this.#probing = false;
        throw error;
      }
      this.#failed(error, operation);
      return { ok: false };
    }
  }

  /** Not longer than `timeout`; from when a loader runs, for as long as that takes. */
  #inTime<T>(action: () => Promise<T>, load: Load<unknown>): Promise<T> {
    const { timeout, timers } = this.#options;
    if (timeout === 0) return action();
    return new Promise<T>((resolve, reject) => {
      let settled = false;
      const late = () => reject(new TiercelError('ERR_TIERCEL_TIMEOUT', `the cache took more than ${timeout} ms`));
      const arm = (after: () => void) => timers.setTimeout(after, Math.min(timeout, LONGEST_DELAY));
      let timer = arm(() => {
        if (load.running === undefined) return late();
        const again = () => {
          if (!settled) timer = arm(late);
        };
        load.running.then(again, again);
      });
      const end = () => {
        settled = true;
        timers.clearTimeout(timer);
      };
      action().then(resolve, reject).finally(end);
    });
  }

  #succeeded(): void {
    this.#counts.succeeded++;
    this.#inARow = 0;
    this.#probing = false;
    this.#openUntil = undefined;
  }

  #failed(error: unknown, operation: string): void {
    const { failures, reset, timers } = this.#options;
    this.#counts.failed++;
    this.#inARow++;
    if (this.#probing || this.#inARow >= failures) {
      if (this.#openUntil === undefined) this.#counts.opened++;
      this.#openUntil = timers.now() + reset;
      this.#probing = false;
    }
    this.#tell(error, operation);
  }

  #tell(error: unknown, operation: string): void {
    try {
      this.#onError?.(error, operation);
    } catch {
      // One who listens badly must not make of a failure that is dealt with one that is not.
    }
  }
}

/** One call of a loader, as far as it went. */
interface Load<V> {
  running?: Promise<V>;
  failure?: { readonly error: unknown };
}

function isFailureOf({ failure }: Load<unknown>, error: unknown): boolean {
  return failure !== undefined && failure.error === error;
}

function isAbortOf(options: { signal?: AbortSignal } | undefined, error: unknown): boolean {
  return options?.signal?.aborted === true && options.signal.reason === error;
}

function isOfCaller(error: unknown): boolean {
  return error instanceof TiercelError && OF_THE_CALLER.has(error.code);
}

/** Of the options of one kind of cache those that every kind has. */
function portable(options: object | undefined): GetOrSetOptions | undefined {
  if (options === undefined) return undefined;
  return Object.fromEntries(Object.entries(options).filter(([name]) => PORTABLE.has(name)));
}

const PORTABLE: ReadonlySet<string> = new Set<keyof GetOrSetOptions>([
  'ttl',
  'stale',
  'tags',
  'dependsOn',
  'weight',
  'pinned',
  'contentType',
  'context',
  'forceRefresh',
  'signal',
]);
