import type { Milliseconds } from '../duration.js';
import { Engine, type Namespace, type Payload, type Terms } from '../engine/engine.js';
import { type EngineChoice, isRequestScoped } from '../engine/platform.js';
import { TiercelError } from '../errors.js';
import {
  CAUSE_CLEAR,
  CAUSE_DEPENDENCY,
  CAUSE_EXPIRED,
  CAUSE_EXPLICIT,
  CAUSE_PATTERN,
  CAUSE_REPLACED,
  CAUSE_SIZE,
  CAUSE_TAG,
  TOUCH_EXPIRE,
  TOUCH_RENEW,
} from '../generated/abi.js';
import { platformClock, userClock } from './clock.js';
import { Events, Wanted } from './events.js';
import { Loading } from './loading.js';
import type { ReadCacheOptions, ReadSetOptions } from './options.js';
import { Schedule } from './schedule.js';
import { randomSeed, seedRandomly } from './seed.js';
import { type Opening, openingOf, sharingOf } from './sharing.js';
import { type Sweepable, Sweeper } from './sweeper.js';
import { TtlByRule } from './ttl-rules.js';
import type { RemovalCause } from './types.js';
import { BytesValues, type Note, ReferenceValues, type Values } from './values.js';

const CAUSES: Readonly<Record<number, RemovalCause>> = {
  [CAUSE_EXPLICIT]: 'explicit',
  [CAUSE_REPLACED]: 'replaced',
  [CAUSE_EXPIRED]: 'expired',
  [CAUSE_SIZE]: 'size',
  [CAUSE_TAG]: 'tag',
  [CAUSE_CLEAR]: 'clear',
  [CAUSE_PATTERN]: 'pattern',
  [CAUSE_DEPENDENCY]: 'dependency',
};

/** Where memory is scarce, of a cache that is given no bound: a Worker has 128 MB for everything. */
const SCARCE = { maxEntries: 10_000, maxBytes: 32 * 1024 ** 2 };

const NO_NAMES: readonly string[] = [];

/** What all views of one cache share: the root and its namespaces. */
export class Shared<V> implements Sweepable {
  readonly engine: Engine;
  readonly values: Values<V>;
  readonly events: Events;
  readonly loading: Loading<V>;
  readonly sweeper: Sweeper;
  /** Keys to be deleted. */
  readonly #schedule = new Schedule<{ due: Milliseconds; ns: Namespace; key: string }>();
  readonly #rules: TtlByRule | undefined;
  /** Undefined of a cache that other threads cannot open. */
  readonly opening: Opening | undefined;
  /** Whether values are kept as copies, in bytes mode. */
  readonly copies: boolean;
  readonly #clock: () => Milliseconds;
  readonly #ttl: Milliseconds;
  readonly #stale: Milliseconds;
  /** What an entry gets that is stored without options. */
  readonly #terms: Terms;
  /** Whether any entry may have a ttl: until then no clock is read. */
  #timed: boolean;
  /** Whether the hash seed is still to be chosen, because there is no randomness at module scope of a Worker. */
  #unseeded = false;
  /** Whether the size of every value is known. */
  readonly #weighed: boolean;
  closed = false;

  constructor(options: ReadCacheOptions<V>) {
    const { policy, values, jitter, maxKeyBytes, ttlRules } = options;
    const isUnbounded = options.maxEntries === undefined && options.maxBytes === undefined;
    const { maxEntries, maxBytes } = isUnbounded && isRequestScoped() ? SCARCE : options;
    const core = { maxEntries, maxBytes, policy, values, jitter, maxKeyBytes, ttlRules: ttlRules?.document };
    const seed = options.seed ?? randomSeed();
    const sharing = options.shared === undefined ? undefined : sharingOf(options, seed as Uint8Array);
    this.opening = openingOf(options);
    this.engine = new Engine((options.engine ?? 'auto') as EngineChoice, core, sharing);
    this.engine.onMail(() => this.#takeMail());
    this.#weighed = !!maxBytes || options.sizeOf !== undefined || values === 'bytes';
    this.copies = values === 'bytes';
    this.values = this.copies
      ? new BytesValues<V>(this.engine, options.serializer)
      : new ReferenceValues<V>(options.sizeOf, this.#weighed);
    this.events = new Events((wanted) => {
      if (!this.closed) this.engine.watch((wanted & Wanted.Remove) !== 0, wanted);
    });
    this.loading = new Loading<V>(this);
    this.sweeper = new Sweeper(this, !isRequestScoped());
    this.#rules = ttlRules && new TtlByRule(this.engine, ttlRules.hour);
    const clock = this.engine.sharedClock ?? platformClock();
    this.#clock = options.now === undefined ? clock : userClock(options.now);
    this.#ttl = options.ttl ?? 0;
    this.#stale = options.stale ?? 0;
    this.#terms = { ttl: this.#ttl, stale: this.#stale, tags: NO_NAMES, dependsOn: NO_NAMES, pinned: false };
    // Where others may have entries with a ttl, a clock of the user's tells all the time; that of all threads is read
    // by the engine.
    this.#timed = this.#ttl !== 0 || (sharing?.ownClock ?? false);
    this.#unseeded = seed === undefined;
    if (seed !== undefined) this.engine.seed(seed);
  }

  /** How long entries that say nothing of it may be served as stale. */
  get staleByDefault(): Milliseconds {
    return this.#stale;
  }

  /** The time for a call; first of all in each operation, since it refuses a closed cache. */
  now(): Milliseconds {
    if (this.closed) throw new TiercelError('ERR_TIERCEL_CLOSED', 'the cache is closed: create a new one');
    if (this.#unseeded) this.#unseeded = !seedRandomly(this.engine);
    if (!this.#timed) return 0;
    const now = this.#clock();
    if (now >= this.#schedule.due) this.#keepAppointments(now);
    return now;
  }

  /** The time for a call after which time matters. */
  timedNow(): Milliseconds {
    this.#timed = true;
    return this.now();
  }

  /** The time for a call that sets a ttl. */
  #nowFor(ttl: Milliseconds): Milliseconds {
    return ttl === 0 ? this.now() : this.timedNow();
  }

  set(ns: Namespace, key: string, value: V, options: ReadSetOptions | undefined): boolean {
    const terms = this.termsOf(options);
    const now = this.#nowFor(terms.ttl);
    const payload = this.values.encode(value, key, options?.weight, options?.note);
    return this.finishStore(ns, key, this.engine.set(ns, key, payload, terms, now), value, options?.note);
  }

  /** All are encoded before the first is stored, so that one that cannot be changes nothing. */
  setMany(ns: Namespace, pairs: readonly (readonly [string, V])[], options: ReadSetOptions): number {
    const terms = this.termsOf(options);
    const now = this.#nowFor(terms.ttl);
    const payloads = pairs.map(([key, value]) => this.values.encode(value, key, options.weight, undefined));
    let stored = 0;
    for (const [i, [key, value]] of pairs.entries()) {
      const slot = this.engine.set(ns, key, payloads[i] as Payload, terms, now);
      if (this.finishStore(ns, key, slot, value, undefined)) stored++;
    }
    return stored;
  }

  /** Ends a load with a value that is not stored, but for those who wait; as {@link commit}. */
  tell(load: number, value: V, key: string, options: ReadSetOptions): number {
    const payload = this.values.encode(value, key, undefined, options.note);
    return this.engine.loadTell(load, payload, this.termsOf(options), this.now());
  }

  /** Ends a load with a value; the result is as of `Engine.loadCommit`. */
  commit(load: number, value: V, key: string, options: ReadSetOptions): number {
    const terms = this.termsOf(options);
    const now = this.#nowFor(terms.ttl);
    const payload = this.values.encode(value, key, options.weight, options.note);
    return this.engine.loadCommit(load, payload, terms, now);
  }

  /** @param ttl that of the cache if left out */
  touch(ns: Namespace, key: string, ttl: Milliseconds | undefined, mode: number): boolean {
    const ms = ttl ?? this.#ttl;
    const now = mode === TOUCH_RENEW ? this.#nowFor(ms) : this.timedNow();
    const touched = this.engine.touch(ns, key, ms, mode, now);
    this.finish();
    return touched;
  }

  /** Makes an entry stale. */
  expire(ns: Namespace, key: string): boolean {
    return this.touch(ns, key, 0, TOUCH_EXPIRE);
  }

  /** What an entry gets that is stored with these options. */
  termsOf(options: ReadSetOptions | undefined): Terms {
    if (options === undefined) return this.#terms;
    return {
      ttl: options.ttl ?? this.#rules?.ttl(options.contentType, options.context) ?? this.#ttl,
      stale: options.stale ?? this.#stale,
      tags: options.tags ?? NO_NAMES,
      dependsOn: options.dependsOn ?? NO_NAMES,
      pinned: options.pinned ?? false,
    };
  }

  // ---- What is to be done later

  due(): Milliseconds {
    return Math.min(this.engine.nextDue, this.#schedule.due);
  }

  sweep(most: number, now: Milliseconds): number {
    const removed = this.engine.sweep(most, now);
    this.finish();
    return removed;
  }

  /** Invalidates whatever is under the key at that time. @param delay from now on; none is at once */
  schedule(ns: Namespace, key: string, delay: Milliseconds): void {
    const now = this.timedNow();
    const due = now + Math.max(0, delay);
    // What the threads share outlives each of them.
    if (this.engine.sharedClock === undefined) this.#schedule.add({ due, ns, key });
    else this.engine.schedule(ns, key, due, now);
    // What is due by now is done here.
    this.now();
    this.finish();
  }

  #keepAppointments(now: Milliseconds): void {
    for (let next = this.#schedule.take(now); next !== undefined; next = this.#schedule.take(now)) {
      this.engine.delete(next.ns, next.key, now);
      this.finish();
    }
  }

  /** Takes the value in after the core gave it a slot, and tells listeners. */
  finishStore(ns: Namespace, key: string, slot: number, value: V, note: Note | undefined): boolean {
    // First what was there goes out: the core may have given the slot out again.
    if (this.engine.removals !== 0) this.drain();
    if (slot >= 0) {
      this.values.stored(slot, value, note);
      if ((this.events.wanted & Wanted.Set) !== 0) this.events.push('set', ns.id, { key, value });
    }
    if (this.events.wanted !== 0) this.events.deliver();
    this.#wake();
    return slot >= 0;
  }

  /** Lets go of the values that left in the last call, and tells listeners. */
  finish(): void {
    if (this.engine.removals !== 0) this.drain();
    if (this.events.wanted !== 0) this.events.deliver();
    this.#wake();
  }

  /** Arms the timer if there is something to do sooner than it was armed for. */
  #wake(): void {
    const { armedFor } = this.sweeper;
    if (armedFor === Number.NEGATIVE_INFINITY) return;
    // Something has a time, perhaps by another thread.
    if (this.engine.nextDue < armedFor && this.engine.sharedClock !== undefined) this.#timed = true;
    if (this.engine.nextDue < armedFor || this.#schedule.due < armedFor) this.sweeper.wake(this.due());
  }

  /** Takes what other threads have for this one. */
  #takeMail(): void {
    if (this.closed) return;
    this.loading.takeOutcomes();
    if (this.closed || this.events.wanted === 0) return;
    // A call that leaves how many events there are.
    this.engine.size(this.engine.root);
    this.finish();
  }

  /** Lets go of the values that left in the last call; listeners are told later. */
  drain(): void {
    const { engine, values, events } = this;
    const count = engine.removals;
    const wanted = engine.sharedClock === undefined ? events.wanted & Wanted.Remove : events.wanted;
    const ids = wanted === 0 ? undefined : this.#watchedIds(wanted);
    const tell: (() => void)[] = [];
    for (let i = 0; i < count; i++) {
      const slot = engine.removal(i);
      if (ids === undefined) {
        values.release(slot);
        continue;
      }
      const id = ids.get(engine.removalNamespace);
      const told = this.#telling(id ?? '', slot);
      if (id !== undefined) tell.push(told);
    }
    engine.removalsClear();
    // Values are decoded after that: a deserializer may call the cache, and so come here again.
    for (const told of tell) told();
  }

  /** What tells listeners of the removal that was just looked at, or of what another thread did. */
  #telling(id: string, slot: number): () => void {
    const { engine, events } = this;
    const { event, isStale: stale, eventCount: count } = engine;
    const key = engine.readKey();
    if (event === Wanted.Hit) return () => events.push('hit', id, { key, stale });
    if (event === Wanted.Miss) return () => events.push('miss', id, { key });
    if (event === Wanted.Clear) return () => events.push('clear', id, { count });
    const cause = CAUSES[engine.removalCause] as RemovalCause;
    const read = this.values.removed(slot);
    if (event === Wanted.Set) return () => events.push('set', id, { key, value: read() });
    return () => {
      const value = read();
      events.push('remove', id, { key, value, cause });
      if (cause === 'expired') events.push('expire', id, { key, value, cause });
      if (cause === 'size') events.push('evict', id, { key, value, cause });
    };
  }

  /** Ids of the namespaces that such events are listened for in, by the handles they have now. */
  #watchedIds(wanted: number): Map<number, string> {
    const ids = new Map<number, string>();
    for (const ns of this.events.watched(wanted)) {
      this.engine.refresh(ns);
      ids.set(ns.handle, ns.id);
    }
    return ids;
  }

  resize(maxEntries: number | undefined, maxBytes: number | undefined): void {
    if (maxBytes && !this.#weighed) {
      throw new TiercelError(
        'ERR_TIERCEL_INVALID_OPTION',
        'maxBytes: this cache was made without, so the sizes of its values are not known; make it with maxBytes or sizeOf',
      );
    }
    this.engine.resize(maxEntries, maxBytes);
    this.finish();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.sweeper.stop();
    this.#schedule.clear();
    this.loading.abort();
    this.events.clear();
    this.values.clear();
    this.engine.dispose();
  }
}
