/// <reference lib="esnext.disposable" preserve="true" />
import { type Duration, type Milliseconds, toMilliseconds } from '../duration.js';
import type { Namespace } from '../engine/engine.js';
import { invalidArgument, TiercelError } from '../errors.js';
import { GET_PEEK, GET_STALE } from '../generated/abi.js';
import { asFunction, asKey, asPattern, asPrefix, listOf, refuseUndefined } from '../memory/arguments.js';
import { Wanted } from '../memory/events.js';
import { ignore, type Stale } from '../memory/flight.js';
import { insideOf } from '../memory/inside.js';
import type { Request } from '../memory/loading.js';
import type { MemoryCache } from '../memory/memory-cache.js';
import { readTags } from '../memory/options.js';
import type { Count, Loader } from '../memory/types.js';
import { Batch, type BatchLoader } from './batch.js';
import { type Change, isStrings } from './change.js';
import { OWN_EVENTS, type OwnEvent } from './emitter.js';
import { Aim, loadOne, lookUp, Part, type Reason } from './load.js';
import { type Lock, takeLock } from './lock.js';
import {
  type ReadLoadOptions,
  readLoadOptions,
  readLockOptions,
  readStoreOptions,
  readTierOptions,
} from './options.js';
import { Read, type RemoteWrite } from './remote.js';
import { Tiers } from './tiers.js';
import type {
  CacheOptions,
  Health,
  Invalidation,
  LoadOptions,
  LockOptions,
  StoreOptions,
  TierEvents,
  TierStats,
} from './types.js';
import { Waiting } from './waiting.js';
import { type WrapOptions, type Wrapped, wrap } from './wrap.js';

/** Of a look for what is there. */
const NO_OPTIONS: ReadLoadOptions = {};

/** Makes a cache of memory and, if they are given, a second tier and a bus. Waits for the bus `remoteTimeout` at most. */
export async function createCache<V = unknown>(options?: CacheOptions<V>): Promise<Cache<V>> {
  const tiers = new Tiers<V>(readTierOptions<V>(options));
  await tiers.open();
  return new Cache(tiers, tiers.memory);
}

/**
 * A cache in memory, in front of a second tier that others share. Operations take effect in memory at once, before the
 * promise that they return resolves; that resolves when the second tier and the bus know, or could not be reached in
 * time. Failures of those are never the caller's: they are events, counted, and in {@link health}. Errors of loaders
 * always are, as they are.
 *
 * Arguments of a wrong type or value reject with `TiercelError`, as does any operation of a closed cache.
 */
export class Cache<V = unknown> {
  /** The first tier, in this namespace. What is changed there directly, other tiers do not hear of. */
  readonly memory: MemoryCache<V>;
  readonly #tiers: Tiers<V>;
  readonly #ns: Namespace;
  readonly #path: readonly string[];
  /** The last options that were found to be right: mostly those of the next call as well. */
  #checked: LoadOptions | undefined;

  /** @internal */
  constructor(tiers: Tiers<V>, memory: MemoryCache<V>) {
    if (!(tiers instanceof Tiers))
      throw new TiercelError('ERR_TIERCEL_INVALID_ARGUMENT', 'Cache: use createCache, not new');
    this.#tiers = tiers;
    this.memory = memory;
    this.#ns = insideOf(memory).ns;
    this.#path = tiers.pathOf(this.#ns);
  }

  // ---- Reading

  /** The fresh value of a key, from memory or else the second tier; undefined if neither has it. */
  get<T extends V = V>(key: string): Promise<T | undefined> {
    try {
      this.#tiers.refuseClosed();
      const value = this.#tiers.trusted ? this.memory.get(key) : undefined;
      if (value !== undefined || this.#tiers.remote === undefined) return Promise.resolve(value as T | undefined);
      return this.#lookUpOne(asKey(key)) as Promise<T | undefined>;
    } catch (e) {
      return Promise.reject(e);
    }
  }

  /**
   * The fresh values of those keys that have one, in the order of the keys: one round trip for all that memory does not
   * have. O(keys).
   */
  async getMany<T extends V = V>(keys: Iterable<string>): Promise<Map<string, T>> {
    this.#tiers.refuseClosed();
    const wanted = listOf(keys, 'keys').map((key) => asKey(key));
    const found = this.#tiers.trusted ? this.memory.getMany(wanted) : new Map<string, V>();
    const missing = [...new Set(wanted)].filter((key) => !found.has(key));
    if (missing.length === 0 || this.#tiers.remote === undefined) return found as Map<string, T>;
    const further = await this.#lookUp(missing);
    const all = new Map<string, V>();
    for (const key of wanted) {
      const value = found.has(key) ? found.get(key) : further.get(key);
      if (value !== undefined) all.set(key, value);
    }
    return all as Map<string, T>;
  }

  /** Whether {@link get} would find the key. */
  async has(key: string): Promise<boolean> {
    const tiers = this.#tiers;
    tiers.refuseClosed();
    if (tiers.trusted && this.memory.has(asKey(key))) return true;
    if (!tiers.isReadable(this.#path, key)) return false;
    const found = await tiers.read([new Read(this.#path, key, false)]);
    return (found?.[0]?.entry?.ttl ?? 0) > 0;
  }

  /** The fresh value that the second tier has; memory takes it, unless something overtakes it. */
  async #lookUpOne(key: string): Promise<V | undefined> {
    const tiers = this.#tiers;
    if (!tiers.isReadable(this.#path, key)) return undefined;
    const part = this.#partOf(key);
    if (part === undefined) return (await this.#peekRemote([key], new Map())).get(key);
    await lookUp(tiers, [part]);
    return part.found?.value;
  }

  /** As {@link #lookUpOne}, with one question for all. */
  async #lookUp(keys: readonly string[]): Promise<Map<string, V>> {
    const tiers = this.#tiers;
    const found = new Map<string, V>();
    const parts: Part<V>[] = [];
    const unfilled: string[] = [];
    let looking: Promise<void> | undefined;
    try {
      for (const key of keys) {
        if (!tiers.isReadable(this.#path, key)) continue;
        const part = this.#partOf(key);
        if (part === undefined) unfilled.push(key);
        else parts.push(part);
      }
    } finally {
      // What was begun is to end.
      if (parts.length > 0) looking = lookUp(tiers, parts);
      looking?.catch(ignore);
    }
    if (unfilled.length > 0) await Promise.all([looking, this.#peekRemote(unfilled, found)]);
    await looking;
    for (const { aim, found: one } of parts) if (one !== undefined) found.set(aim.key, one.value);
    return found;
  }

  /**
   * A look at the second tier for a key; undefined if there is a load in flight: that will bring something newer, and until
   * then what the second tier has is still right.
   */
  #partOf(key: string): Part<V> | undefined {
    const tiers = this.#tiers;
    const run = tiers.shared.loading.open(this.#ns, key);
    return run && new Part(tiers, run, new Aim(this.#ns, this.#path, key, NO_OPTIONS));
  }

  async #peekRemote(keys: readonly string[], found: Map<string, V>): Promise<Map<string, V>> {
    const reads = keys.map((key) => new Read(this.#path, key, false));
    const answers = (await this.#tiers.read(reads)) ?? [];
    for (const [i, { entry }] of answers.entries()) {
      if (entry !== undefined && entry.ttl > 0) found.set(keys[i] as string, entry.value as V);
    }
    return found;
  }

  // ---- Loading

  /**
   * The fresh value of a key: from memory, else from the second tier, else from `loader`, whose value is stored in both.
   * All that ask for the key meanwhile share one load, its result, rejection or skip. `null` is a value like others;
   * `undefined` is returned and not stored. What the loader fails with is what the caller gets, unless `grace` or `stale`
   * allow a stale value. A load that began before an invalidation of its key, namespace or a tag is returned to those who
   * asked before, and never stored. A loader must not wait for its own key: that never ends.
   */
  getOrSet<T extends V>(key: string, loader: Loader<T>, options?: LoadOptions): Promise<T> {
    try {
      return this.#getOrSet(key, loader as unknown as Loader<V>, options) as Promise<T>;
    } catch (e) {
      return Promise.reject(e);
    }
  }

  #getOrSet(key: string, loader: Loader<V>, options: LoadOptions | undefined): Promise<V> {
    const tiers = this.#tiers;
    if (options !== undefined && options !== this.#checked) this.#check(options);
    if (typeof loader !== 'function') throw invalidArgument('loader', loader, 'a function');
    tiers.refuseClosed();
    const { shared } = tiers;
    const { engine, values } = shared;
    const now = shared.now();
    const isForced = options?.forceRefresh === true;
    if (options?.signal?.aborted) return Promise.reject(options.signal.reason);
    const flags = isForced || !tiers.trusted ? GET_PEEK | GET_STALE : GET_STALE;
    const slot = engine.get(this.#ns, asKey(key), now, flags);
    if (slot < 0 || flags !== GET_STALE || engine.isStale) return this.#load(key, loader, this.#read(options), slot);
    const eager = options?.eagerRefresh ?? tiers.defaults.eagerRefresh ?? 0;
    const value = eager > 0 ? this.#readEagerly(key, loader, options, slot, eager) : values.read(this.#ns, slot);
    if (shared.events.wanted !== 0) this.#hit(key, false);
    return Promise.resolve(value);
  }

  /** Refuses options that make no sense, though a value that is there needs none of them. */
  #check(options: LoadOptions): void {
    if (this.#checked !== undefined && differsInTags(options, this.#checked)) return;
    readLoadOptions(options);
    // Not what belongs to one call: that would keep it alive.
    if (options.signal === undefined && options.waitUntil === undefined) this.#checked = options;
  }

  #read(options: LoadOptions | undefined): ReadLoadOptions {
    return options === undefined ? this.#tiers.defaults : { ...this.#tiers.defaults, ...readLoadOptions(options) };
  }

  #aim(key: string, options: ReadLoadOptions, reason: Reason, left?: Milliseconds): Aim {
    return new Aim(this.#ns, this.#path, key, options, reason, left);
  }

  /** Loads a value that is not there, or not fresh: the entry in `slot`, which was just found. */
  #load(key: string, loader: Loader<V>, options: ReadLoadOptions, slot: number): Promise<V> {
    const tiers = this.#tiers;
    const aim = this.#aim(key, options, options.forceRefresh ? 'forced' : 'missing');
    const { request, value } = this.#request(aim, slot, (run) => loadOne(tiers, run, aim, loader));
    return value ?? this.#wait(request, options);
  }

  /** What is to be loaded; or the stale value that does meanwhile. */
  #request(
    aim: Aim,
    slot: number,
    work: Request<V>['work'],
  ): { readonly request: Request<V>; readonly value?: Promise<V> } {
    const { shared, now, backoffs, trusted } = this.#tiers;
    const { engine, values, events } = shared;
    const { key, options } = aim;
    const request = { ns: this.#ns, key, work, options, trusts: () => this.#tiers.trusted };
    if (slot < 0) {
      if ((events.wanted & Wanted.Miss) !== 0) events.push('miss', this.#ns.id, { key });
      shared.finish();
      return { request };
    }
    const { ttl } = engine;
    const note = values.note(slot);
    const stale: Stale<V> = { note, value: values.reader(this.#ns, slot) };
    const requestWithStale = { ...request, stale };
    if (aim.reason === 'forced' || !trusted) return { request: requestWithStale };
    const age = (note?.age ?? 0) - ttl;
    const { stale: served = 0, grace = 0 } = options;
    const isOff = age < Math.max(served, grace) && backoffs.isActive(aim.path, key, now());
    if (age >= served && !isOff) return { request: requestWithStale };
    if (isOff) this.#tiers.counts.graced++;
    else this.#refresh(requestWithStale, options);
    const value = stale.value();
    if (events.wanted !== 0) this.#hit(key, true);
    return { request, value: Promise.resolve(value) };
  }

  #refresh(request: Request<V>, options: ReadLoadOptions): void {
    const refreshed = this.#tiers.shared.loading.refresh(request);
    options.waitUntil?.(refreshed);
  }

  #wait(request: Request<V>, options: ReadLoadOptions): Promise<V> {
    if (!Waiting.isPlain(options)) return new Waiting(this.#tiers, request, options).promise;
    const value = this.#tiers.shared.loading.load(request);
    options.waitUntil?.(value.then(ignore, ignore));
    return value;
  }

  /** The value in `slot`, which was just found and is fresh; perhaps begins to load another before it goes stale. */
  #readEagerly(key: string, loader: Loader<V>, options: LoadOptions | undefined, slot: number, beta: number): V {
    const tiers = this.#tiers;
    const { engine, values } = tiers.shared;
    const left = engine.ttl;
    const note = values.note(slot);
    const stale = { note, value: values.reader(this.#ns, slot) };
    // XFetch: the end of the ttl is brought forward by a random multiple of what a load takes.
    if (note?.took === undefined || left > -note.took * beta * Math.log(1 - Math.random())) return stale.value();
    const read = this.#read(options);
    const aim = this.#aim(key, read, 'eager', left);
    if (!tiers.backoffs.isActive(aim.path, key, tiers.now())) {
      tiers.counts.eagerRefreshes++;
      this.#refresh({ ns: this.#ns, key, work: (run) => loadOne(tiers, run, aim, loader), options: read, stale }, read);
    }
    return stale.value();
  }

  /**
   * The values of several keys, each as by {@link getOrSet}; `loadMissing` is called once, with those keys that neither
   * memory nor the second tier has and that nobody loads yet. What it does not find is not in the result, and not stored.
   * O(keys).
   */
  async getOrSetMany<T extends V>(
    keys: Iterable<string>,
    loadMissing: BatchLoader<T>,
    options?: LoadOptions,
  ): Promise<Map<string, T>> {
    const tiers = this.#tiers;
    tiers.refuseClosed();
    const wanted = new Set(listOf(keys, 'keys').map((key) => asKey(key)));
    asFunction(loadMissing, 'loadMissing');
    const read = this.#read(options);
    read.signal?.throwIfAborted();
    const batch = new Batch<V>(tiers, loadMissing as unknown as BatchLoader<V>);
    const waiting = new Map<string, Promise<V>>();
    const { shared } = tiers;
    const isUsable = tiers.trusted && !read.forceRefresh;
    const wait = (key: string, value: Promise<V>) => {
      // Whichever fails first is the one that is heard of.
      value.catch(ignore);
      waiting.set(key, value);
    };
    try {
      for (const key of wanted) {
        const flags = isUsable ? GET_STALE : GET_PEEK | GET_STALE;
        const slot = shared.engine.get(this.#ns, key, shared.now(), flags);
        if (slot >= 0 && isUsable && !shared.engine.isStale) {
          const value = shared.values.read(this.#ns, slot);
          if (shared.events.wanted !== 0) this.#hit(key, false);
          wait(key, Promise.resolve(value));
          continue;
        }
        const aim = this.#aim(key, read, read.forceRefresh ? 'forced' : 'missing');
        const { request, value } = this.#request(aim, slot, (run) => batch.add(run, aim));
        wait(key, value ?? this.#wait(request, read));
      }
    } finally {
      batch.start();
    }
    const found = new Map<string, T>();
    for (const [key, promise] of waiting) {
      const value = await promise;
      if (value !== undefined) found.set(key, value as T);
    }
    return found;
  }

  /**
   * A function that remembers its results, each under the key that `options.key` makes of the arguments; other options
   * as of {@link getOrSet}. Its `invalidate` takes the same arguments and forgets their result.
   */
  wrap<This, A extends unknown[], T extends V>(
    fn: (this: This, ...args: A) => T | Promise<T>,
    options: WrapOptions<A>,
  ): Wrapped<This, A, T> {
    return wrap(this as unknown as Cache<T>, fn, options);
  }

  // ---- Writing

  /**
   * Stores a value in all tiers; other caches forget theirs. Loads of the key that are in flight will not replace it. If a
   * tier cannot be reached it resolves all the same, and the change waits: {@link acknowledged} tells.
   * @returns whether any tier has it: false if it is too large for memory, and there is no other
   */
  async set(key: string, value: V, options?: StoreOptions): Promise<boolean> {
    return (await this.#set([[key, value]], options)) > 0;
  }

  /** Stores several values with the same options; returns how many some tier has. O(entries). */
  async setMany(entries: Iterable<readonly [string, V]>, options?: StoreOptions): Promise<Count> {
    const pairs = listOf(entries, 'entries').map((pair) => {
      if (Array.isArray(pair) && pair.length === 2) return pair as [string, V];
      throw invalidArgument('entries', pair, 'pairs of a key and a value');
    });
    return this.#set(pairs, options);
  }

  async #set(pairs: readonly (readonly [string, V])[], options: StoreOptions | undefined): Promise<Count> {
    const tiers = this.#tiers;
    tiers.refuseClosed();
    for (const [key, value] of pairs) {
      asKey(key);
      refuseUndefined(value);
    }
    const { defaults, shared, remote, bus } = tiers;
    const read = tiers.settle({ ...storeDefaults(defaults), ...readStoreOptions(options) });
    const store = () => {
      const stored = shared.setMany(this.#ns, pairs, read);
      for (const [key] of pairs) tiers.backoffs.delete(this.#path, key);
      return stored;
    };
    if ((remote === undefined && bus === undefined) || pairs.length === 0) return store();
    const changes = pairs.map(([key]): Change => ({ kind: 'set', namespace: this.#path, key }));
    const writes = pairs.map(
      ([key, value]): RemoteWrite => ({ namespace: this.#path, key, entry: tiers.entryOf(value, read) }),
    );
    const { here, counts } = await tiers.outbox.send(changes, store, remote && writes);
    return Math.max(here, counts?.reduce((sum, count) => sum + count, 0) ?? 0);
  }

  /** Makes an entry fresh again for `ttl` from now (default: that of the defaults, or the memory's), in all tiers. Returns whether there was one. */
  async touch(key: string, ttl?: Duration): Promise<boolean> {
    const tiers = this.#tiers;
    tiers.refuseClosed();
    const ms = ttl === undefined ? tiers.shared.termsOf(tiers.defaults).ttl : toMilliseconds(ttl, 'ttl');
    const touched = this.memory.touch(key, ms);
    const { remote } = tiers;
    if (remote?.tier.touch === undefined || !tiers.isReadable(this.#path, key)) return touched;
    const { tier, guard } = remote;
    const touches = [{ namespace: this.#path, key, ttl: ms }];
    const answer = await guard.call('touch', async (call) => tier.touch?.(touches, call) ?? []);
    return touched || answer?.[0] === true;
  }

  // ---- Invalidating

  /**
   * Removes a key, and what depends on it, from all tiers; a load of it that is in flight will not be stored. If a tier
   * cannot be reached it resolves all the same: {@link acknowledged} and {@link invalidateKeys} tell. Returns whether one had it.
   */
  async delete(key: string): Promise<boolean> {
    return (await this.deleteMany([key])) > 0;
  }

  /** Removes several keys; returns how many some tier had. O(keys). */
  async deleteMany(keys: Iterable<string>): Promise<Count> {
    return (await this.#invalidateKeys('delete', keys)).removed;
  }

  /** As {@link deleteMany}, and says whether all tiers know of it. */
  invalidateKeys(...keys: string[]): Promise<Invalidation> {
    return this.#invalidateKeys('delete', keys);
  }

  /**
   * Makes an entry stale in all tiers, to be served as such until it would have gone: to callers that accept that. A load
   * of the key that is in flight will not be stored. Returns whether there was one.
   */
  async expire(key: string): Promise<boolean> {
    return (await this.#invalidateKeys('expire', [key])).removed > 0;
  }

  async #invalidateKeys(kind: 'delete' | 'expire', list: Iterable<string>): Promise<Invalidation> {
    const tiers = this.#tiers;
    tiers.refuseClosed();
    const keys = listOf(list, 'keys').map((key) => asKey(key));
    for (const key of keys) tiers.backoffs.delete(this.#path, key);
    if (keys.length === 0) return { removed: 0, pending: false };
    const { here, counts, pending } = await tiers.outbox.send(
      keys.map((key): Change => ({ kind, namespace: this.#path, key })),
      () => keys.map((key) => (kind === 'delete' ? this.memory.delete(key) : this.memory.expire(key))),
    );
    const removed = here.filter((was, i) => was || (counts?.[i] ?? 0) > 0).length;
    return { removed, pending };
  }

  /**
   * Invalidates all entries that have one of the tags and were set through this namespace, in all tiers: none is served
   * here after the call was made, nor anywhere once it resolves with `pending: false`, nor stored by a load that began before.
   */
  invalidateTags(...tags: string[]): Promise<Invalidation> {
    return this.#invalidate(
      () => this.memory.invalidateTags(...readTags(tags, 'tags', invalidArgument)),
      () => ({ kind: 'tags', namespace: this.#path, tags }),
    );
  }

  /** Invalidates all entries of this namespace itself whose key begins with `prefix`, as {@link invalidateTags}. */
  invalidatePrefix(prefix: string): Promise<Invalidation> {
    return this.#invalidate(
      () => this.memory.invalidatePrefix(asPrefix(prefix)),
      () => ({ kind: 'prefix', namespace: this.#path, prefix }),
    );
  }

  /** Invalidates all entries of this namespace itself whose key matches a glob, as {@link invalidateTags}. */
  invalidatePattern(pattern: string): Promise<Invalidation> {
    return this.#invalidate(
      () => this.memory.invalidatePattern(asPattern(pattern)),
      () => ({ kind: 'pattern', namespace: this.#path, pattern }),
    );
  }

  /** Invalidates all entries of this namespace and of those below it; returns how many. {@link acknowledged} tells whether all tiers know. */
  async clear(): Promise<Count> {
    const { removed } = await this.#invalidate(
      () => this.memory.clear(),
      () => ({ kind: 'clear', namespace: this.#path }),
    );
    return removed;
  }

  async #invalidate(here: () => Count, change: () => Change): Promise<Invalidation> {
    const tiers = this.#tiers;
    tiers.refuseClosed();
    const { here: removed, counts, pending } = await tiers.outbox.send([change()], here);
    return { removed: Math.max(removed, counts?.[0] ?? 0), pending };
  }

  // ---- The rest

  /** A view with keys and tags of its own, below this one, in all tiers. Parts are joined without loss. */
  namespace(...parts: string[]): Cache<V> {
    this.#tiers.refuseClosed();
    const memory = this.memory.namespace(...parts);
    return memory === this.memory ? this : new Cache(this.#tiers, memory);
  }

  /**
   * Calls `listener` at each event: of the memory in this namespace, or of the tiers. Listeners run after the operation;
   * what they throw is reported as uncaught and disturbs nothing.
   * @param pattern only events of the memory whose key matches it
   * @returns ends the subscription
   */
  on<N extends keyof TierEvents<V>>(
    event: N,
    listener: (payload: TierEvents<V>[N]) => void,
    pattern?: string,
  ): () => void {
    this.#tiers.refuseClosed();
    if (!OWN_EVENTS.includes(event as OwnEvent)) return this.memory.on(event as never, listener as never, pattern);
    if (pattern !== undefined)
      throw new TiercelError('ERR_TIERCEL_INVALID_ARGUMENT', `pattern: not for ${JSON.stringify(event)}`);
    return this.#tiers.events.on(event as OwnEvent, asFunction(listener, 'listener'));
  }

  /**
   * A lock under this name: among all caches that share the second tier, if that has locks; else in this cache. Its
   * `token` grows with each lock that is granted: what is protected should refuse work that comes with an older one.
   * @throws `ERR_TIERCEL_LOCKED` if another holds it for longer than `wait`, `ERR_TIERCEL_UNAVAILABLE` if the second tier
   * does not answer
   */
  lock(name: string, options?: LockOptions): Promise<Lock> {
    return takeLock(this.#tiers, this.#path, name, () => readLockOptions(options));
  }

  /** Counters of the whole cache: of memory, and of what it did with the other tiers. */
  stats(): TierStats {
    return { ...this.memory.stats(), ...this.#tiers.counts, heard: this.#tiers.heard };
  }

  /**
   * Whether all tiers know of every change that was made: of each `set`, `delete`, `expire` and `clear` that resolved
   * before, and of invalidations that resolved with `pending: true`. What waits is tried again for it, unless the breaker
   * is open; what still cannot be brought there goes on waiting. Takes `remoteTimeout` for each 64 changes at most.
   */
  async acknowledged(): Promise<boolean> {
    const tiers = this.#tiers;
    tiers.refuseClosed();
    await tiers.outbox.flush();
    return tiers.outbox.size === 0;
  }

  /** What works and what does not, as of now. Asks nobody. */
  health(): Health {
    return this.#tiers.health();
  }

  get closed(): boolean {
    return this.#tiers.closed;
  }

  /**
   * Ends the cache, for all its views: writes that are under way are waited for, what waits for the second tier is tried
   * once more, loads are aborted, and memory is freed if the cache made it. Closing again does nothing.
   */
  close(): Promise<void> {
    return this.#tiers.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #hit(key: string, stale: boolean): void {
    const { events } = this.#tiers.shared;
    if ((events.wanted & Wanted.Hit) === 0) return;
    events.push('hit', this.#ns.id, { key, stale });
    events.deliver();
  }
}

/** Whether options are right because others are, which have the same values: all but the tags, which are right as well. */
function differsInTags(options: LoadOptions, right: LoadOptions): boolean {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) return false;
  for (const name in options) {
    const value = options[name as keyof LoadOptions];
    if (name === 'tags' && isStrings(value)) continue;
    // Whether there is a context is a question of more than its value.
    if (value === undefined || name === 'context' || value !== right[name as keyof LoadOptions]) return false;
  }
  return true;
}

/** Of the defaults what concerns how values are stored. */
function storeDefaults(defaults: ReadLoadOptions): ReadLoadOptions {
  const { ttl, stale, grace, jitter, tags, dependsOn, contentType, context, pinned } = defaults;
  const kept = { ttl, stale, grace, jitter, tags, dependsOn, contentType, context, pinned };
  return Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined)) as ReadLoadOptions;
}
