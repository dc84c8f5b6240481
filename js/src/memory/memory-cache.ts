/// <reference lib="esnext.disposable" preserve="true" />
import type { Duration, Milliseconds } from '../duration.js';
import { toMilliseconds } from '../duration.js';
import type { Namespace } from '../engine/engine.js';
import { invalidArgument, TiercelError } from '../errors.js';
import { GET_PEEK, GET_STALE, GET_TAGS, TOUCH_EXTEND, TOUCH_RENEW } from '../generated/abi.js';
import {
  asBudget,
  asFunction,
  asInstant,
  asKey,
  asPattern,
  asPrefix,
  asSnapshot,
  listOf,
  refuseUndefined,
} from './arguments.js';
import { Wanted } from './events.js';
import { ignore, type Run } from './flight.js';
import { setInside } from './inside.js';
import { contextOf } from './load-context.js';
import { withSignal } from './loading.js';
import {
  type ReadGetOrSetOptions,
  type ReadSetOptions,
  readCacheOptions,
  readGetOrSetOptions,
  readResizeOptions,
  readSetOptions,
  readTags,
  refuseUnbounded,
} from './options.js';
import { Shared } from './shared.js';
import { restoreSnapshot, takeSnapshot } from './snapshot.js';
import { SWEEP_BUDGET } from './sweeper.js';
import type {
  CacheEvents,
  CacheStats,
  Count,
  Entry,
  GetOrSetOptions,
  Loader,
  MemoryCacheOptions,
  SetOptions,
  Size,
} from './types.js';

const NO_OPTIONS: ReadSetOptions = {};

/**
 * An in-memory cache with bounds in entries and bytes, ttl, tags, namespaces and single-flight loading.
 * Synchronous, but for loading. Keys are any strings; two different ones are never the same key.
 *
 * Every operation is O(1) and takes bounded time, except where its doc comment says otherwise. Arguments
 * of a wrong type or value throw `TiercelError`; any operation of a closed cache throws `ERR_TIERCEL_CLOSED`.
 */
export class MemoryCache<V = unknown> {
  static {
    setInside((cache) => ({ shared: cache.#shared, ns: cache.#ns }));
  }

  readonly #shared: Shared<V>;
  readonly #ns: Namespace;

  private constructor(shared: Shared<V>, ns: Namespace) {
    if (!(shared instanceof Shared)) {
      throw new TiercelError(
        'ERR_TIERCEL_INVALID_ARGUMENT',
        'MemoryCache: use MemoryCache.create or createSync, not new',
      );
    }
    this.#shared = shared;
    this.#ns = ns;
  }

  /** Makes a cache. Works on every runtime. */
  static async create<V = unknown>(options?: MemoryCacheOptions<V>): Promise<MemoryCache<V>> {
    return MemoryCache.createSync(options);
  }

  /** Makes a cache, where the engine loads synchronously: Node, Workers, browsers (Chromium up to 8 MB of wasm). */
  static createSync<V = unknown>(options?: MemoryCacheOptions<V>): MemoryCache<V> {
    const shared = new Shared<V>(readCacheOptions<V>(options));
    return new MemoryCache(shared, shared.engine.root);
  }

  /** The fresh value of a key, or undefined. Counts as a use. See {@link getEntry} to tell stale from missing. */
  get(key: string): V | undefined {
    const shared = this.#shared;
    const slot = shared.engine.get(this.#ns, asKey(key), shared.now(), 0);
    if (slot < 0) {
      this.#missed(key);
      return undefined;
    }
    const value = shared.values.read(this.#ns, slot);
    if (shared.events.wanted !== 0) this.#hit(key, false);
    return value;
  }

  /** The value of a key with what is known of it, fresh or stale, or undefined. Counts as a use. */
  getEntry(key: string): Entry<V> | undefined {
    const shared = this.#shared;
    const { engine } = shared;
    const slot = engine.get(this.#ns, asKey(key), shared.now(), GET_STALE | GET_TAGS);
    if (slot < 0) {
      this.#missed(key);
      return undefined;
    }
    const { isStale: stale, ttl } = engine;
    const tags = engine.readTags();
    // Last, since a deserializer may call the cache.
    const entry = { value: shared.values.read(this.#ns, slot), stale, ttl, tags };
    if (shared.events.wanted !== 0) this.#hit(key, stale);
    return entry;
  }

  /** As {@link get}, but is no use: neither the statistics nor eviction take notice. */
  peek(key: string): V | undefined {
    const slot = this.#find(key, GET_PEEK);
    return slot < 0 ? undefined : this.#shared.values.read(this.#ns, slot);
  }

  /** Whether {@link get} would find the key. No use of it. */
  has(key: string): boolean {
    return this.#find(key, GET_PEEK) >= 0;
  }

  /**
   * Stores a value. Loads of the key that are in flight will not replace it.
   * @returns false if the entry alone is over `maxBytes`: then it is not stored, and an older one is gone
   * @throws `ERR_TIERCEL_NOT_SERIALIZABLE`, with the cache unchanged, for what bytes mode cannot keep
   */
  set(key: string, value: V, options?: SetOptions): boolean {
    refuseUndefined(value);
    return this.#shared.set(this.#ns, asKey(key), value, options === undefined ? undefined : readSetOptions(options));
  }

  /** The fresh values of those keys that have one. O(keys). */
  getMany(keys: Iterable<string>): Map<string, V> {
    const found = new Map<string, V>();
    for (const key of listOf(keys, 'keys').map((key) => asKey(key))) {
      const value = this.get(key);
      if (value !== undefined) found.set(key, value);
    }
    return found;
  }

  /** Stores several values with the same options; returns how many were not rejected by size. O(entries). */
  setMany(entries: Iterable<readonly [string, V]>, options?: SetOptions): Count {
    const read = options === undefined ? NO_OPTIONS : readSetOptions(options);
    const pairs = listOf(entries, 'entries').map((pair) => {
      if (!Array.isArray(pair) || pair.length !== 2)
        throw invalidArgument('entries', pair, 'pairs of a key and a value');
      refuseUndefined(pair[1]);
      return [asKey(pair[0]), pair[1] as V] as const;
    });
    const stored = this.#shared.setMany(this.#ns, pairs, read);
    return stored;
  }

  /**
   * Removes a key, and what depends on it; a load of it that is in flight will not be stored. Returns whether it could
   * have been served.
   */
  delete(key: string): boolean {
    return this.#delete(asKey(key)) % 2 === 1;
  }

  /** Removes a key as {@link delete}; returns how many could have been served of it and its dependents. */
  invalidateWithDependents(key: string): Count {
    const removed = this.#delete(asKey(key));
    return (removed % 2) + Math.floor(removed / 2);
  }

  /** As `Engine.delete`: whether the key could have been served, and twice the number of its dependents. */
  #delete(key: string): number {
    const shared = this.#shared;
    const removed = shared.engine.delete(this.#ns, key, shared.now());
    shared.finish();
    return removed;
  }

  /** Removes several keys; returns how many could have been served. O(keys). */
  deleteMany(keys: Iterable<string>): Count {
    let removed = 0;
    for (const key of listOf(keys, 'keys').map((key) => asKey(key))) if (this.delete(key)) removed++;
    return removed;
  }

  /**
   * The fresh value of a key, or the result of `loader`, which is stored. All that ask for the key while it is
   * loaded share one call, its result, rejection or skip. A stale value is returned at once and refreshed behind
   * the caller's back. A load that began before an invalidation of its key, namespace or a tag is returned to
   * those who asked before, and not stored. A loader must not wait for its own key: that never ends.
   */
  getOrSet(key: string, loader: Loader<V>, options?: GetOrSetOptions): Promise<V> {
    try {
      return this.#getOrSet(asKey(key), loader, readGetOrSetOptions(options));
    } catch (e) {
      return Promise.reject(e);
    }
  }

  #getOrSet(key: string, loader: Loader<V>, options: ReadGetOrSetOptions): Promise<V> {
    if (typeof loader !== 'function') throw invalidArgument('loader', loader, 'a function');
    const shared = this.#shared;
    const { engine, values, loading } = shared;
    const now = shared.now();
    if (options.signal?.aborted) return Promise.reject(options.signal.reason);
    const flags = options.forceRefresh ? GET_PEEK | GET_STALE : GET_STALE;
    const slot = engine.get(this.#ns, key, now, flags);
    if (slot >= 0 && !engine.isStale && !options.forceRefresh) {
      const value = values.read(this.#ns, slot);
      if (shared.events.wanted !== 0) this.#hit(key, false);
      return Promise.resolve(value);
    }
    const stale = slot < 0 ? undefined : { note: values.note(slot), value: values.reader(this.#ns, slot) };
    const missed = !options.forceRefresh;
    const request = { ns: this.#ns, key, work: (run: Run<V>) => loader(contextOf(run)), options, stale, missed };
    if (stale === undefined || options.forceRefresh) {
      if (options.forceRefresh) shared.finish();
      else this.#missed(key);
      const value = loading.load(request);
      options.waitUntil?.(value.then(ignore, ignore));
      return withSignal(value, options.signal);
    }
    const refreshed = loading.refresh(request);
    options.waitUntil?.(refreshed);
    const value = stale.value();
    if (shared.events.wanted !== 0) this.#hit(key, true);
    return Promise.resolve(value);
  }

  /**
   * Milliseconds that a key stays fresh: negative once stale, Infinity without a ttl, undefined if there is nothing to
   * serve. No use of it.
   */
  ttl(key: string): Milliseconds | undefined {
    return this.#find(key, GET_PEEK | GET_STALE) < 0 ? undefined : this.#shared.engine.ttl;
  }

  /** Makes an entry fresh again for `ttl` from now (default: the cache's). Returns whether there was one to serve. */
  touch(key: string, ttl?: Duration): boolean {
    const ms = ttl === undefined ? undefined : toMilliseconds(ttl, 'ttl');
    return this.#shared.touch(this.#ns, asKey(key), ms, TOUCH_RENEW);
  }

  /** Makes an entry stay fresh for `by` longer; one without a ttl is left alone. Returns whether there was one to serve. */
  extendTtl(key: string, by: Duration): boolean {
    const ms = toMilliseconds(by, 'by');
    return this.#shared.touch(this.#ns, asKey(key), ms, TOUCH_EXTEND);
  }

  /**
   * Makes an entry stale, to be served as such until it would have gone: `getOrSet` serves it once more while it loads a
   * new one. A load of the key that is in flight will not be stored. Returns whether there was one to serve.
   */
  expire(key: string): boolean {
    return this.#shared.expire(this.#ns, asKey(key));
  }

  /**
   * Adds tags to an entry. Returns whether it has them now: false if there is none to serve, or if it has no room in
   * `maxBytes` with them, and so was removed.
   */
  addTags(key: string, ...tags: string[]): boolean {
    const shared = this.#shared;
    const slot = shared.engine.addTags(this.#ns, asKey(key), readTags(tags, 'tags', invalidArgument), shared.now());
    shared.finish();
    return slot >= 0;
  }

  /** The tags of a fresh or stale entry, in no particular order; undefined if there is nothing to serve. No use of it. */
  tagsOf(key: string): string[] | undefined {
    const slot = this.#find(key, GET_PEEK | GET_STALE | GET_TAGS);
    return slot < 0 ? undefined : this.#shared.engine.readTags();
  }

  /**
   * Invalidates all entries that have one of the tags and were set through this namespace: none of them is served
   * after the call, nor stored by a load that began before. O(tags) beyond 4096 entries of a tag, whose space is
   * reclaimed by later operations.
   * @returns how many entries; for more than 4096 of a tag an upper bound
   */
  invalidateTags(...tags: string[]): Count {
    const shared = this.#shared;
    const now = shared.now();
    const count = shared.engine.invalidateTags(this.#ns, readTags(tags, 'tags', invalidArgument), now);
    shared.finish();
    return count;
  }

  /**
   * Invalidates all entries of this namespace itself whose key begins with `prefix`, and loads of such keys. In a cache
   * of at most 16384 entries they are gone after the call, O(entries); in a larger one the call is O(1): none of them is
   * served after it, and later operations reclaim the space.
   * @returns how many entries; in a cache of more than 16384 an upper bound
   */
  invalidatePrefix(prefix: string): Count {
    const shared = this.#shared;
    const count = shared.engine.invalidatePrefix(this.#ns, asPrefix(prefix), shared.now());
    shared.finish();
    return count;
  }

  /**
   * Invalidates all entries of this namespace itself whose key matches a glob, and loads of such keys: `*` is any text,
   * `?` any character, `[abc]`, `[a-z]` and `[^a]` one of a set, `\` makes the next character itself. At most 256 bytes
   * with 8 `*`. Cost and count as {@link invalidatePrefix}; while more than 8 patterns wait to be reclaimed O(entries).
   */
  invalidatePattern(pattern: string): Count {
    const shared = this.#shared;
    const count = shared.engine.invalidatePattern(this.#ns, asPattern(pattern), shared.now());
    shared.finish();
    return count;
  }

  /**
   * Deletes the entries of this namespace itself that `predicate` returns true for, of those whose key matches `pattern`
   * (default: all), stale ones included. O(entries of the whole cache), all within the call: prefer tags.
   * @returns how many were deleted, without their dependents
   */
  invalidateIf(predicate: (key: string, value: V) => boolean, pattern?: string): Count {
    const shared = this.#shared;
    shared.now();
    const wanted = asFunction<typeof predicate>(predicate, 'predicate');
    const matches = this.#matcher(pattern);
    let count = 0;
    for (const slot of this.#slots()) {
      const key = shared.engine.readKey();
      // Taken out first: matching uses the buffer in which the value may lie.
      const value = shared.values.reader(this.#ns, slot);
      if ((matches === undefined || matches(key)) && wanted(key, value()) && this.delete(key)) count++;
    }
    return count;
  }

  /**
   * Deletes whatever is under a key at a time of the wall clock, which is only read now: a later step of it changes
   * nothing. A time that has passed is at once. At most 2^20 wait at a time. O(log of those that wait).
   * @returns false, with nothing scheduled, if there is nothing to serve under the key now
   */
  scheduleInvalidation(key: string, at: Date | Milliseconds): boolean {
    const instant = asInstant(at, 'at');
    if (this.#find(key, GET_PEEK | GET_STALE) < 0) return false;
    this.#shared.schedule(this.#ns, key, instant - Date.now());
    return true;
  }

  /**
   * A view of the cache with keys and tags of its own, below this one. Parts are joined without loss: `a`, `b:c` and
   * `a:b`, `c` are two namespaces. Bounds, statistics and `close` are the whole cache's. At most 16 deep.
   */
  namespace(...parts: string[]): MemoryCache<V> {
    const shared = this.#shared;
    shared.now();
    let ns = this.#ns;
    for (const part of parts) if (typeof part !== 'string') throw invalidArgument('parts', part, 'strings');
    for (const part of parts) ns = shared.engine.namespace(ns, part);
    return ns === this.#ns ? this : new MemoryCache(shared, ns);
  }

  /** Invalidates all entries of this namespace and of those below it. Cost and count as {@link invalidateTags}. */
  clear(): Count {
    const shared = this.#shared;
    const count = shared.engine.clear(this.#ns, shared.now());
    if ((shared.events.wanted & Wanted.Clear) !== 0) shared.events.push('clear', this.#ns.id, { count });
    shared.finish();
    return count;
  }

  /**
   * Keys of this namespace itself that may be served, stale ones included, in no particular order. The cache may be
   * changed meanwhile: entries that stay are met exactly once, others at most once. O(entries of the whole cache).
   * @param pattern only keys that match it, as in {@link invalidatePattern}
   */
  keys(pattern?: string): Generator<string, void, undefined> {
    this.#shared.now();
    return this.#keys(this.#matcher(pattern));
  }

  *#keys(matches: ((key: string) => boolean) | undefined): Generator<string, void, undefined> {
    for (const _slot of this.#slots()) {
      const key = this.#shared.engine.readKey();
      if (matches === undefined || matches(key)) yield key;
    }
  }

  /** Values, as {@link keys}. */
  *values(): Generator<V, void, undefined> {
    for (const slot of this.#slots()) yield this.#shared.values.read(this.#ns, slot);
  }

  /** Pairs of key and value, as {@link keys}. */
  *entries(): Generator<[string, V], void, undefined> {
    for (const slot of this.#slots()) {
      const key = this.#shared.engine.readKey();
      yield [key, this.#shared.values.read(this.#ns, slot)];
    }
  }

  [Symbol.iterator](): Generator<[string, V], void, undefined> {
    return this.entries();
  }

  *#slots(): Generator<number, void, undefined> {
    const shared = this.#shared;
    shared.now();
    const iteration = shared.engine.iterate(this.#ns);
    for (let slot = -1; ; ) {
      slot = shared.engine.next(this.#ns, slot, iteration, shared.now());
      if (slot < 0) return;
      yield slot;
    }
  }

  /**
   * Calls `listener` at each event of this namespace itself. Listeners run after the operation, in its call; what they
   * throw is reported as uncaught and disturbs nothing.
   * @param pattern only events of keys that match it, as in {@link invalidatePattern}; not for `clear`
   * @returns ends the subscription
   */
  on<N extends keyof CacheEvents<V>>(
    event: N,
    listener: (payload: CacheEvents<V>[N]) => void,
    pattern?: string,
  ): () => void {
    this.#shared.now();
    return this.#shared.events.on(event, this.#ns, listener, this.#matcher(pattern));
  }

  /** Refuses a bad pattern before it is used. */
  #matcher(pattern: string | undefined): ((key: string) => boolean) | undefined {
    if (pattern === undefined) return undefined;
    const { engine } = this.#shared;
    engine.matches(asPattern(pattern), '');
    return (key) => engine.matches(pattern, key);
  }

  /**
   * Returns the space of entries that expired or were invalidated, for about `budgetMs` milliseconds (default 0.5; Infinity:
   * until all is done). Never needed: in Node and browsers a timer does it in the background, elsewhere each operation a
   * part of it. In Workers it fits `ctx.waitUntil` or an alarm.
   * @returns how many entries left
   */
  sweep(budgetMs: Milliseconds = SWEEP_BUDGET): Count {
    this.#shared.now();
    return this.#shared.sweeper.sweep(asBudget(budgetMs));
  }

  /**
   * The entries of the whole cache, all namespaces, with their times and tags, to be restored by another process or
   * later; checked on the way back. In reference mode values are written like those of bytes mode, and what that
   * would refuse is left out. O(bytes of the cache), all within the call.
   */
  snapshot(): Uint8Array {
    return takeSnapshot(this.#shared);
  }

  /**
   * Takes in the entries of a snapshot. Left out are those that have expired, are damaged, are under a key that is there
   * already, or have no room, and those that this cache invalidated after the snapshot was taken of it. No `set` events.
   * Into a cache with the same `values` and serializer. O(bytes), all within the call.
   * @returns how many entries
   * @throws `ERR_TIERCEL_INVALID_ARGUMENT` if the bytes are no snapshot, or that of another version
   */
  restore(bytes: Uint8Array): Count {
    this.#shared.now();
    return restoreSnapshot(this.#shared, asSnapshot(bytes));
  }

  /** Counters since the opening, or the last {@link resetStats}, of the whole cache. */
  stats(): CacheStats {
    return this.#stats(false);
  }

  /** Sets the counters to 0 and returns what they were. */
  resetStats(): CacheStats {
    return this.#stats(true);
  }

  #stats(reset: boolean): CacheStats {
    const shared = this.#shared;
    shared.now();
    const { loading } = shared;
    const core = shared.engine.stats(reset) as unknown as CacheStats;
    // A load given up for another is one more call of a loader, and one value that is not stored.
    const { givenUp, failures: loadFailures } = loading;
    const stats = { ...core, loads: core.loads + givenUp, overtaken: core.overtaken + givenUp, loadFailures };
    if (reset) loading.failures = loading.givenUp = 0;
    return stats;
  }

  /**
   * Changes the bounds; what is not given stays. A lowered bound holds at once for what comes in; up to 256 entries
   * leave within the call, the rest in slices with later operations. In reference mode without `sizeOf`, `maxBytes` can
   * only be changed if the cache was made with one.
   */
  resize(bounds: { maxEntries?: Count; maxBytes?: Size }): void {
    const shared = this.#shared;
    shared.now();
    const { maxEntries, maxBytes } = readResizeOptions(bounds);
    const stats = this.stats();
    refuseUnbounded(maxEntries ?? stats.maxEntries, maxBytes ?? stats.maxBytes);
    shared.resize(maxEntries, maxBytes);
  }

  /** Entries of this namespace and those below it, dead ones included until they are reclaimed. */
  get size(): Count {
    this.#shared.now();
    return this.#shared.engine.size(this.#ns);
  }

  /** Bytes accounted for all entries of the cache. */
  get bytes(): number {
    this.#shared.now();
    return this.#shared.engine.bytes;
  }

  get engine(): 'native' | 'wasm' {
    return this.#shared.engine.kind;
  }

  get closed(): boolean {
    return this.#shared.closed;
  }

  /**
   * Frees everything, for all views of the cache. Loads in flight are aborted. Closing again does nothing. Of a shared
   * cache what this call of `create` opened is closed: loads go over to those that wait for them in other threads, and the
   * entries are freed with the last that closes. One that is forgotten is closed when it is collected.
   */
  close(): void {
    this.#shared.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #find(key: string, flags: number): number {
    const shared = this.#shared;
    const slot = shared.engine.get(this.#ns, asKey(key), shared.now(), flags);
    if (slot < 0) shared.finish();
    return slot;
  }

  #missed(key: string): void {
    const { events } = this.#shared;
    if ((events.wanted & Wanted.Miss) !== 0) events.push('miss', this.#ns.id, { key });
    this.#shared.finish();
  }

  #hit(key: string, stale: boolean): void {
    const { events } = this.#shared;
    if ((events.wanted & Wanted.Hit) === 0) return;
    events.push('hit', this.#ns.id, { key, stale });
    events.deliver();
  }
}
