/// <reference lib="esnext.disposable" preserve="true" />
import type { Duration, Milliseconds } from '../duration.js';
import { toMilliseconds } from '../duration.js';
import type { Namespace } from '../engine/engine.js';
import { invalidArgument, TiercelError } from '../errors.js';
import { GET_PEEK, GET_STALE } from '../generated/abi.js';
import { Wanted } from './events.js';
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
    const slot = engine.get(this.#ns, asKey(key), shared.now(), GET_STALE);
    if (slot < 0) {
      this.#missed(key);
      return undefined;
    }
    const { isStale: stale, ttl } = engine;
    const tags = engine.tags(this.#ns, slot);
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
    return this.#shared.set(this.#ns, asKey(key), value, options === undefined ? NO_OPTIONS : readSetOptions(options));
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

  /** Removes a key; a load of it that is in flight will not be stored. Returns whether it could have been served. */
  delete(key: string): boolean {
    const shared = this.#shared;
    const removed = shared.engine.delete(this.#ns, asKey(key), shared.now());
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
    const request = { ns: this.#ns, key, loader, options };
    const now = shared.now();
    if (options.signal?.aborted) return Promise.reject(options.signal.reason);
    if (options.forceRefresh) {
      const old = shared.engine.get(this.#ns, key, now, GET_PEEK | GET_STALE);
      const stale = old < 0 ? undefined : shared.values.reader(this.#ns, old);
      if (old < 0) shared.finish();
      return shared.loading.load(request, stale);
    }
    const slot = shared.engine.get(this.#ns, key, now, GET_STALE);
    if (slot < 0) {
      this.#missed(key);
      return shared.loading.load(request);
    }
    const stale = shared.engine.isStale;
    if (!stale) {
      const value = shared.values.read(this.#ns, slot);
      if (shared.events.wanted !== 0) this.#hit(key, stale);
      return Promise.resolve(value);
    }
    const reader = shared.values.reader(this.#ns, slot);
    shared.loading.refresh(request, reader);
    const value = reader();
    if (shared.events.wanted !== 0) this.#hit(key, stale);
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
    return this.#shared.touch(this.#ns, asKey(key), ms);
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
   */
  *keys(): Generator<string, void, undefined> {
    for (const _slot of this.#slots()) yield this.#shared.engine.readKey();
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
   * @returns ends the subscription
   */
  on<N extends keyof CacheEvents<V>>(event: N, listener: (payload: CacheEvents<V>[N]) => void): () => void {
    this.#shared.now();
    return this.#shared.events.on(event, this.#ns, listener);
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
   * Changes the bounds; what is not given stays. A lowered bound holds at once for what comes in; up to 4096 entries
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

  /** Frees everything, for all views of the cache. Loads in flight are aborted. Closing again does nothing. */
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

function asKey(key: unknown): string {
  if (typeof key !== 'string') throw invalidArgument('key', key, 'a string');
  return key;
}

function refuseUndefined(value: unknown): void {
  if (value === undefined) throw invalidArgument('value', value, 'anything but undefined; use delete to remove a key');
}

function listOf(items: unknown, name: string): unknown[] {
  let iterates = false;
  try {
    // A string would be taken for a list of characters, which nobody means.
    iterates = typeof items === 'object' && !(items instanceof String) && isIterable(items);
  } catch {
    // A revoked proxy, which is refused like all else that cannot be iterated.
  }
  if (!iterates) throw invalidArgument(name, items, 'an iterable, but no string');
  return [...(items as Iterable<unknown>)];
}

function isIterable(items: unknown): boolean {
  return typeof (items as Partial<Iterable<unknown>> | null)?.[Symbol.iterator] === 'function';
}
