import type { Awaitable } from '../cache-like.js';
import type { Duration } from '../duration.js';
import { invalidArgument } from '../errors.js';
import { asKey } from '../memory/arguments.js';
import { callback, integer, positiveDuration, type Read, read } from '../memory/readers.js';
import type { Count } from '../memory/types.js';
import { TiercelError } from '../tiercel-error.js';
import { platformTimers, readTimers, type Timers } from '../timers.js';
import { DecayingCounts } from './decaying-counts.js';
import { Repeating } from './repeating.js';
import { SlidingWindow } from './sliding-window.js';
import { Slots } from './slots.js';

/** A key that is likely to be asked for. */
export interface Prediction {
  readonly key: string;
  /** Of trending keys their uses, recent ones counting for more; of a user's next keys how likely they are, 0 to 1. */
  readonly score: number;
}

/** What a round of warming came to. */
export interface WarmedKeys {
  readonly warmed: Count;
  readonly failed: Count;
}

export interface PredictorOptions {
  /** Loads a key into the cache, for {@link Predictor.warm}: `(key) => cache.getOrSet(key, load)`, for instance. */
  warm?: (key: string) => Awaitable<unknown>;
  /** What is longer ago is no part of a trend. More than 0; default 10 minutes. */
  window?: Duration;
  /** After which time a use counts for half. More than 0; default 5 minutes. */
  halfLife?: Duration;
  /** After {@link Predictor.start}: how often the trending keys are warmed. More than 0; default 1 minute. */
  every?: Duration;
  /** How many trending keys are warmed. 1 to 10000, default 20. */
  top?: Count;
  /** Most calls of `warm` at a time. 1 to 1024, default 4. */
  concurrency?: Count;
  /** Most keys that are counted in each eighth of the window, and of which successors are known. 8 to 10^6, default 10000. */
  maxKeys?: Count;
  /** Most users that are remembered: those seen last. 1 to 10^6, default 1000. */
  maxUsers?: Count;
  /** Most keys of a user whose successors are remembered: those used last. 1 to 10000, default 32. */
  keysPerUser?: Count;
  /** Most successors of a key. 2 to 1000, default 8. */
  successors?: Count;
  /** Default: those of the platform. */
  timers?: Timers;
}

/** How much a predictor remembers. */
export interface PredictorStats {
  /** Counts of keys within the window: at most nine times `maxKeys`. */
  readonly counts: Count;
  readonly users: Count;
  /**
   * Pairs of a key and one that followed it: at most `successors` for each of `maxKeys` keys, and as many for each of
   * the `keysPerUser` keys of each user.
   */
  readonly pairs: Count;
}

/** Which key followed which, for some keys: those used last. */
class Successors {
  readonly #byKey = new Map<string, DecayingCounts>();
  readonly #maxKeys: Count;
  readonly #make: () => DecayingCounts;

  constructor(maxKeys: Count, make: () => DecayingCounts) {
    this.#maxKeys = maxKeys;
    this.#make = make;
  }

  get size(): Count {
    return [...this.#byKey.values()].reduce((sum, counts) => sum + counts.size, 0);
  }

  add(key: string, next: string, now: number): void {
    const counts = this.#byKey.get(key) ?? this.#make();
    counts.add(next, now);
    keepLast(this.#byKey, key, counts, this.#maxKeys);
  }

  /** How likely each successor of a key is, the likeliest first. */
  after(key: string, now: number): [string, number][] {
    const top = this.#byKey.get(key)?.top(Number.POSITIVE_INFINITY, now) ?? [];
    const sum = top.reduce((total, [, score]) => total + score, 0);
    return top.map(([next, score]) => [next, score / sum]);
  }
}

interface User {
  last: string;
  readonly successors: Successors;
}

/**
 * Learns from the keys that are asked for which will be: those that trend in a sliding window, and for a user those that
 * followed the user's last one before. Its memory has bounds whatever it is told; what it does not know it does not
 * predict. It warms nothing by itself but through the callback that it is given.
 */
export class Predictor {
  readonly #options: Required<Omit<Read<PredictorOptions>, 'warm'>>;
  readonly #warmKey: PredictorOptions['warm'];
  readonly #window: SlidingWindow;
  readonly #users = new Map<string, User>();
  /** Of all users together. */
  readonly #successors: Successors;
  readonly #slots: Slots;
  readonly #repeating: Repeating;
  #closed = false;

  /** @throws TiercelError naming a wrong option */
  constructor(options?: PredictorOptions) {
    const given = read<Read<PredictorOptions>>(
      options,
      {
        warm: callback('a function of a key'),
        window: positiveDuration,
        halfLife: positiveDuration,
        every: positiveDuration,
        top: integer(1, 10_000),
        concurrency: integer(1, 1024),
        maxKeys: integer(8, 1_000_000),
        maxUsers: integer(1, 1_000_000),
        keysPerUser: integer(1, 10_000),
        successors: integer(2, 1000),
        timers: readTimers,
      },
      'options',
    );
    this.#warmKey = given.warm;
    this.#options = {
      window: given.window ?? 600_000,
      halfLife: given.halfLife ?? 300_000,
      every: given.every ?? 60_000,
      top: given.top ?? 20,
      concurrency: given.concurrency ?? 4,
      maxKeys: given.maxKeys ?? 10_000,
      maxUsers: given.maxUsers ?? 1_000,
      keysPerUser: given.keysPerUser ?? 32,
      successors: given.successors ?? 8,
      timers: given.timers ?? platformTimers,
    };
    const { window, halfLife, maxKeys, concurrency, every, timers } = this.#options;
    this.#window = new SlidingWindow(window, halfLife, maxKeys);
    this.#successors = this.#newSuccessors(maxKeys);
    this.#slots = new Slots(concurrency);
    this.#repeating = new Repeating(() => this.warm(), every, timers);
  }

  /** Notes that a key was asked for, by a user if that is known. Amortised O(log maxKeys). */
  record(key: string, user?: string): void {
    const now = this.#options.timers.now();
    this.#window.add(asKey(key), now);
    if (user === undefined) return;
    if (typeof user !== 'string') throw invalidArgument('user', user, 'a string');
    const known = this.#users.get(user) ?? {
      last: key,
      successors: this.#newSuccessors(this.#options.keysPerUser),
    };
    // Asking for the same again says nothing of what comes next.
    if (known.last !== key) {
      known.successors.add(known.last, key, now);
      this.#successors.add(known.last, key, now);
      known.last = key;
    }
    keepLast(this.#users, user, known, this.#options.maxUsers);
  }

  /** The keys asked for most within the window, recent uses counting for more. O(keys log keys). */
  trending(most: Count = this.#options.top): Prediction[] {
    return this.#window.top(asCount(most), this.#options.timers.now()).map(([key, score]) => ({ key, score }));
  }

  /**
   * What a user is likely to ask for next: first what followed the last key for this user, then what followed it for
   * others. Empty for users that are not known.
   */
  next(user: string, most: Count = 3): Prediction[] {
    asCount(most);
    const known = this.#users.get(user);
    if (known === undefined) return [];
    const now = this.#options.timers.now();
    const own = known.successors.after(known.last, now);
    const others = this.#successors.after(known.last, now).filter(([key]) => !own.some(([other]) => other === key));
    return [...own, ...others].slice(0, most).map(([key, score]) => ({ key, score }));
  }

  /**
   * Warms keys by the callback: of a user the next ones, without a user those that trend.
   * @returns how many were, and for how many the callback failed; rejects only if there is no callback, or with
   *   `ERR_TIERCEL_CLOSED`
   */
  async warm(user?: string): Promise<WarmedKeys> {
    const warm = this.#warmKey;
    if (this.#closed) throw new TiercelError('ERR_TIERCEL_CLOSED', 'the predictor was closed');
    if (warm === undefined)
      throw new TiercelError('ERR_TIERCEL_INVALID_OPTION', 'warm: got undefined; accepted: needed to warm keys');
    const keys = user === undefined ? this.trending() : this.next(user);
    let warmed = 0;
    let failed = 0;
    await Promise.all(
      keys.map(async ({ key }) => {
        await this.#slots.enter();
        try {
          if (this.#closed) return;
          await warm(key);
          warmed++;
        } catch {
          failed++;
        } finally {
          this.#slots.leave();
        }
      }),
    );
    return { warmed, failed };
  }

  /** O(all that is remembered). */
  stats(): PredictorStats {
    const own = [...this.#users.values()].reduce((sum, { successors }) => sum + successors.size, 0);
    return { counts: this.#window.size, users: this.#users.size, pairs: this.#successors.size + own };
  }

  /** Warms the trending keys again and again. Needs the callback. */
  start(): void {
    if (this.#warmKey === undefined)
      throw new TiercelError('ERR_TIERCEL_INVALID_OPTION', 'warm: got undefined; accepted: needed to warm keys');
    if (this.#closed) throw new TiercelError('ERR_TIERCEL_CLOSED', 'the predictor was closed');
    this.#repeating.start();
  }

  /** Ends warming; calls in flight go on, none begins. */
  close(): void {
    this.#closed = true;
    this.#repeating.stop();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #newSuccessors(maxKeys: Count): Successors {
    const { successors, halfLife } = this.#options;
    return new Successors(maxKeys, () => new DecayingCounts(successors, halfLife));
  }
}

/** Puts an entry last, and lets the first go if there are too many. */
function keepLast<T>(map: Map<string, T>, key: string, value: T, most: Count): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= most) return;
  const [first] = map.keys();
  map.delete(first as string);
}

function asCount(value: unknown): Count {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
  throw invalidArgument('most', value, 'a whole number from 0');
}
