import { invalidArgument, type TiercelError } from '../errors.js';
import {
  BAD_HANDLE,
  KEY_TOO_LONG,
  MAX_PATTERN,
  MISS,
  NO_MEMORY,
  OVERTAKEN,
  R_BYTES,
  R_CAUSE,
  R_ENTRIES,
  R_FORMAT,
  R_IS_STALE,
  R_JOINED,
  R_NAMESPACE,
  R_NEXT_DUE,
  R_REMOVALS,
  R_TTL,
  R_UNTOUCHED,
  REJECTED,
  SET_PINNED,
} from '../generated/abi.js';
import { Buffer, type Payload } from './buffer.js';
import { errorOf, keyTooLong } from './failures.js';
import { type EngineChoice, openEngine, openShared } from './platform.js';
import { type Port, roomFor } from './port.js';
import { type Sharing, shardedOptions } from './sharding.js';
import { R_COUNT, R_EVENT, R_LOAD, R_OUTCOME, R_OVERTAKEN, type SharedPort } from './shared.js';

export type { Payload } from './buffer.js';
export type { Sharing } from './sharding.js';

/** A namespace as the facade knows it; the handle is found again by the path if the core forgot it. */
export interface Namespace {
  handle: number;
  readonly path: readonly string[];
  /** The same for two objects exactly if they stand for the same namespace. */
  readonly id: string;
}

export interface Terms {
  ttl: number;
  stale: number;
  tags: readonly string[];
  /** Keys of the same namespace whose change or end invalidates the entry. */
  dependsOn: readonly string[];
  pinned: boolean;
}

export interface CoreOptions {
  maxEntries?: number | undefined;
  maxBytes?: number | undefined;
  policy?: string | undefined;
  values?: string | undefined;
  jitter?: number | undefined;
  maxKeyBytes?: number | undefined;
  ttlRules?: object | undefined;
}

const NO_PAYLOAD: Payload = { format: 0, weight: 0 };
const NO_NAMES: readonly string[] = [];

/**
 * One cache of the core, by strings instead of addresses: the only thing that the facade sees of an engine.
 * Results are slots, or MISS, REJECTED or OVERTAKEN; other failures are thrown.
 */
export class Engine {
  readonly kind: 'native' | 'wasm';
  readonly root: Namespace;
  readonly #port: Port;
  /** The same, if the cache is one that other threads have as well. */
  readonly #shared: SharedPort | undefined;
  readonly #maxKeyBytes: number;
  readonly #buffer: Buffer;
  /** What the last get missed, and where: most often it is set next. */
  #missed: string | undefined;
  #missedIn: Namespace | undefined;

  /** @param sharing of a cache that all threads of the process share */
  constructor(choice: EngineChoice, options: CoreOptions, sharing?: Sharing) {
    this.#shared = sharing && openShared(choice);
    this.#port = this.#shared ?? openEngine(choice);
    this.kind = this.#port.kind;
    this.#maxKeyBytes = options.maxKeyBytes ?? 1024;
    this.#buffer = new Buffer(this.#port, this.#maxKeyBytes, {
      noMemory: () => {
        throw this.#error(NO_MEMORY);
      },
      tooLong: (name, bytes) => {
        throw this.#keyTooLong(name, bytes);
      },
    });
    const handle = this.#port.open(sharing === undefined ? JSON.stringify(options) : shardedOptions(options, sharing));
    this.root = { handle, path: [], id: '[]' };
    if (handle <= 0) throw this.#error(handle);
  }

  dispose(): void {
    this.#port.dispose();
  }

  /** Takes 16 bytes; the index is rebuilt. */
  seed(seed: Uint8Array): void {
    this.#check(this.#port.seed(this.root.handle, seed));
  }

  resize(maxEntries: number | undefined, maxBytes: number | undefined): void {
    this.#check(this.#port.resize(this.root.handle, maxEntries ?? -1, maxBytes ?? -1));
  }

  /** @param wanted what there are listeners for: what others do in a shared cache has to be told, of the same bits */
  watch(removals: boolean, wanted: number): void {
    this.#shared?.listen(wanted !== 0);
    this.#check(this.#port.watch(this.root.handle, this.#shared === undefined ? +removals : wanted));
  }

  stats(reset: boolean): Record<string, unknown> {
    this.#check(this.#port.stats(this.root.handle, reset ? 1 : 0));
    return JSON.parse(this.#port.message()) as Record<string, unknown>;
  }

  // ---- Namespaces

  namespace(parent: Namespace, part: string): Namespace {
    this.#buffer.prepare(part, 'namespace part');
    const handle = this.#port.namespace(parent.handle, part);
    if (handle === BAD_HANDLE && this.#reopen(parent)) return this.namespace(parent, part);
    if (handle <= 0) throw this.#error(handle, 'namespace part');
    const path = [...parent.path, part];
    return { handle, path, id: JSON.stringify(path) };
  }

  /** Brings the handle of a namespace up to date. */
  refresh(ns: Namespace): void {
    this.#reopen(ns);
  }

  /** Finds the handle of a namespace again that the core forgot because nothing was in it. */
  #reopen(ns: Namespace): boolean {
    if (ns.path.length === 0) return false;
    let at = this.root;
    for (const part of ns.path) at = this.namespace(at, part);
    ns.handle = at.handle;
    return true;
  }

  clear(ns: Namespace, now: number): number {
    const count = this.#port.clear(ns.handle, now);
    if (count === BAD_HANDLE && this.#reopen(ns)) return this.clear(ns, now);
    return this.#check(count);
  }

  size(ns: Namespace): number {
    const size = this.#port.size(ns.handle);
    // A namespace that was forgotten has nothing in it.
    return size === BAD_HANDLE && ns.path.length > 0 ? 0 : this.#check(size);
  }

  // ---- Entries

  get(ns: Namespace, key: string, now: number, flags: number): number {
    if (key.length > this.#port.ready) this.#buffer.prepare(key, 'key');
    const slot = this.#port.get(ns.handle, key, now, flags);
    if (slot >= MISS) {
      if (slot === MISS) {
        this.#missed = key;
        this.#missedIn = ns;
      }
      return slot;
    }
    if (slot === BAD_HANDLE && this.#reopen(ns)) return this.get(ns, key, now, flags);
    throw this.#error(slot);
  }

  set(ns: Namespace, key: string, payload: Payload, terms: Terms, now: number): number {
    if (ns === this.#missedIn && key === this.#missed) {
      this.#missedIn = undefined;
      const slot = this.#set(ns, key, undefined, payload, terms, now);
      if (slot !== MISS) return slot;
    }
    return this.#set(ns, key, key, payload, terms, now);
  }

  /** @param sent the key; undefined to take what the core has of it, from the get that missed it: MISS if it has not */
  #set(ns: Namespace, key: string, sent: string | undefined, payload: Payload, terms: Terms, now: number): number {
    const buffer = this.#buffer;
    buffer.put(key, payload, terms.tags, terms.dependsOn);
    const slot = this.#port.set(
      ns.handle,
      sent,
      buffer.valueAt,
      buffer.valueLength,
      buffer.format,
      payload.weight,
      terms.ttl,
      terms.stale,
      buffer.listAt,
      buffer.listLength,
      terms.pinned ? SET_PINNED : 0,
      now,
    );
    if (slot >= OVERTAKEN) return slot;
    if (slot === BAD_HANDLE && this.#reopen(ns)) return this.set(ns, key, payload, terms, now);
    throw this.#error(slot);
  }

  /** How many could have been served: with bit 0 the entry itself, and twice the number of its dependents. */
  delete(ns: Namespace, key: string, now: number): number {
    this.#buffer.prepare(key, 'key');
    const removed = this.#port.delete(ns.handle, key, now);
    if (removed === BAD_HANDLE && this.#reopen(ns)) return this.delete(ns, key, now);
    return this.#check(removed);
  }

  /** @param mode one of TOUCH_RENEW, TOUCH_EXTEND and TOUCH_EXPIRE */
  touch(ns: Namespace, key: string, ttl: number, mode: number, now: number): boolean {
    this.#buffer.prepare(key, 'key');
    const slot = this.#port.touch(ns.handle, key, ttl, mode, now);
    if (slot >= MISS) return slot !== MISS;
    if (slot === BAD_HANDLE && this.#reopen(ns)) return this.touch(ns, key, ttl, mode, now);
    throw this.#error(slot);
  }

  addTags(ns: Namespace, key: string, tags: readonly string[], now: number): number {
    const buffer = this.#buffer;
    buffer.put(key, NO_PAYLOAD, tags, NO_NAMES);
    const slot = this.#port.addTags(ns.handle, key, buffer.listAt, buffer.listLength, now);
    if (slot >= REJECTED) return slot;
    if (slot === BAD_HANDLE && this.#reopen(ns)) return this.addTags(ns, key, tags, now);
    throw this.#error(slot);
  }

  /** What the ttlRules give; see `tiercel_ttl` for the flags, and for what a negative number means. */
  ttlFor(type: string, flags: number, modified: number, hour: number): number {
    this.#buffer.reserve(roomFor(type.length));
    return this.#check(this.#port.ttl(this.root.handle, type, flags, modified, hour));
  }

  invalidateTags(ns: Namespace, tags: readonly string[], now: number): number {
    const buffer = this.#buffer;
    buffer.put('', NO_PAYLOAD, tags, NO_NAMES);
    const count = this.#port.invalidateTags(ns.handle, buffer.listAt, buffer.listLength, now);
    if (count === BAD_HANDLE && this.#reopen(ns)) return this.invalidateTags(ns, tags, now);
    return this.#check(count);
  }

  invalidatePrefix(ns: Namespace, prefix: string, now: number): number {
    this.#buffer.prepare(prefix, 'prefix');
    const count = this.#port.invalidatePrefix(ns.handle, prefix, now);
    if (count === BAD_HANDLE && this.#reopen(ns)) return this.invalidatePrefix(ns, prefix, now);
    return this.#check(count, 'prefix');
  }

  invalidatePattern(ns: Namespace, pattern: string, now: number): number {
    this.#refuseLong(pattern);
    this.#buffer.reserve(roomFor(pattern.length));
    const count = this.#port.invalidatePattern(ns.handle, pattern, now);
    if (count === BAD_HANDLE && this.#reopen(ns)) return this.invalidatePattern(ns, pattern, now);
    return this.#check(count);
  }

  matches(pattern: string, text: string): boolean {
    const buffer = this.#buffer;
    this.#refuseLong(pattern);
    buffer.putText(pattern, text);
    const { valueAt, valueLength, format } = buffer;
    return this.#check(this.#port.match(this.root.handle, pattern, valueAt, valueLength, format), 'text') === 1;
  }

  /** Reclaims what waits for it, looking at `most` entries or slots at most; returns how many entries. */
  sweep(most: number, now: number): number {
    return this.#check(this.#port.sweep(this.root.handle, most, now));
  }

  /** The tags of the entry that was just found with GET_TAGS. */
  readTags(): string[] {
    this.#buffer.fit();
    return this.#buffer.readList();
  }

  iterate(ns: Namespace): number {
    const iteration = this.#port.iterate(ns.handle);
    if (iteration === BAD_HANDLE && this.#reopen(ns)) return this.iterate(ns);
    return this.#check(iteration);
  }

  next(ns: Namespace, slot: number, iteration: number, now: number): number {
    const next = this.#port.next(ns.handle, slot, iteration, now);
    this.#buffer.fit();
    if (next >= MISS) return next;
    if (next === BAD_HANDLE && this.#reopen(ns)) return this.next(ns, slot, iteration, now);
    throw this.#error(next);
  }

  // ---- Loads

  /**
   * The handle; {@link joined} and {@link untouched} tell the rest.
   * @param ifStale 0, with the value as after {@link get}, if another thread has stored a fresh one since it was missed
   */
  loadBegin(ns: Namespace, key: string, ifStale: boolean): number {
    this.#buffer.prepare(key, 'key');
    const load = this.#port.loadBegin(ns.handle, key, ifStale);
    if (load > 0 || (load === 0 && this.#shared !== undefined)) return load;
    if (load === BAD_HANDLE && this.#reopen(ns)) return this.loadBegin(ns, key, ifStale);
    throw this.#error(load);
  }

  /** Notes names of a load in flight, so that nobody joins it after one of them was invalidated. */
  loadTags(load: number, tags: readonly string[], dependsOn: readonly string[]): void {
    this.#buffer.put('', NO_PAYLOAD, tags, dependsOn);
    const status = this.#port.loadTags(load, this.#buffer.listAt, this.#buffer.listLength);
    // A load that was given up has no more tags to note.
    if (status !== BAD_HANDLE) this.#check(status);
  }

  /** Without a payload the load is checked and ended, and nothing stored. A load that was ended is OVERTAKEN. */
  loadCommit(load: number, payload: Payload | undefined, terms: Terms, now: number): number {
    return this.#commit(load, payload ?? NO_PAYLOAD, terms, now, payload === undefined ? 0 : 1);
  }

  #commit(load: number, p: Payload, terms: Terms, now: number, store: number): number {
    const buffer = this.#buffer;
    buffer.put('', p, terms.tags, terms.dependsOn);
    const result = this.#port.loadCommit(
      load,
      buffer.valueAt,
      buffer.valueLength,
      buffer.format,
      p.weight,
      terms.ttl,
      terms.stale,
      buffer.listAt,
      buffer.listLength,
      terms.pinned ? SET_PINNED : 0,
      now,
      store,
    );
    if (result >= OVERTAKEN) return result;
    if (result === BAD_HANDLE) return OVERTAKEN;
    throw this.#error(result);
  }

  loadEnd(load: number): void {
    this.#port.loadEnd(load);
  }

  // ---- What threads that share the cache do

  /** The clock of all of them; undefined of a cache that is not shared. */
  get sharedClock(): (() => number) | undefined {
    return this.#shared?.clock;
  }

  /** Takes what is called, at any time between calls, when another thread has something for this one. */
  onMail(callback: () => void): void {
    if (this.#shared !== undefined) this.#shared.onMail = callback;
  }

  /** Counts the loads of other threads that this one waits for: while there are some, its event loop goes on. */
  awaitOutcome(more: 1 | -1): void {
    this.#shared?.awaitOutcome(more);
  }

  /** What a load came to that was waited for; its value, or what tells the error, can be read as after {@link get}. */
  takeOutcome(): { load: number; kind: number; overtaken: boolean } | undefined {
    if (this.#shared === undefined || this.#check(this.#shared.takeOutcome()) === 0) return undefined;
    this.#buffer.fit();
    const overtaken = this.#register(R_OVERTAKEN) === 1;
    return { load: this.#register(R_LOAD), kind: this.#register(R_OUTCOME), overtaken };
  }

  /** As {@link loadCommit} without a payload, but others that wait get the value. */
  loadTell(load: number, payload: Payload, terms: Terms, now: number): number {
    return this.#commit(load, payload, terms, now, 2);
  }

  /** Ends a load whose loader failed; others that wait get this text. */
  loadFail(load: number, text: string): void {
    if (this.#shared === undefined) {
      this.loadEnd(load);
      return;
    }
    this.#buffer.put('', { text, format: 0, weight: 0 }, NO_NAMES, NO_NAMES);
    const { valueAt, valueLength, format } = this.#buffer;
    this.#shared.loadFail(load, valueAt, valueLength, format);
  }

  /** Has the key deleted at a time of {@link sharedClock}. */
  schedule(ns: Namespace, key: string, due: number, now: number): void {
    this.#buffer.prepare(key, 'key');
    const status = (this.#shared as SharedPort).schedule(ns.handle, key, due, now);
    if (status === BAD_HANDLE && this.#reopen(ns)) this.schedule(ns, key, due, now);
    else this.#check(status);
  }

  // ---- Snapshots

  /** @param wall milliseconds since 1970, 0 if unknown */
  snapshotBegin(wall: number, now: number): void {
    this.#check(this.#port.snapshotBegin(this.root.handle, wall, now));
  }

  /** The next entry after `slot`, -1 for the first, or MISS. In reference mode {@link readKey} gives its key. */
  snapshotNext(slot: number, now: number): number {
    const next = this.#port.snapshotNext(this.root.handle, slot, now);
    this.#buffer.fit();
    return next === MISS ? MISS : this.#check(next);
  }

  /** Adds the entry that {@link snapshotNext} just found, in reference mode, with what stands for its value. */
  snapshotAdd(slot: number, payload: Payload, now: number): void {
    const buffer = this.#buffer;
    buffer.put('', payload, NO_NAMES, NO_NAMES);
    const { valueAt, valueLength, format } = buffer;
    this.#check(this.#port.snapshotAdd(this.root.handle, slot, valueAt, valueLength, format, now));
  }

  /** A copy of the complete snapshot; the engine's own stays until {@link snapshotDrop}. */
  snapshotEnd(): Uint8Array {
    const snapshot = this.#port.snapshotEnd(this.root.handle);
    if (typeof snapshot === 'number') throw this.#error(snapshot);
    return snapshot;
  }

  /** Frees the snapshot, or what is being restored. */
  snapshotDrop(): void {
    this.#check(this.#port.snapshotDrop(this.root.handle));
  }

  restoreBegin(bytes: Uint8Array, wall: number, now: number): void {
    this.#check(this.#port.restoreBegin(this.root.handle, bytes, wall, now));
  }

  /** The slot of the next entry that was stored, or MISS. Its value can be read as after {@link get}. */
  restoreNext(now: number): number {
    const slot = this.#port.restoreNext(this.root.handle, now);
    this.#buffer.fit();
    return slot === MISS ? MISS : this.#check(slot);
  }

  // ---- Removals

  /** The slot of the i-th removal; {@link readKey}, {@link removalCause} and the value of it can be read then. */
  removal(i: number): number {
    const slot = this.#port.removal(this.root.handle, i);
    this.#buffer.fit();
    return slot;
  }

  removalsClear(): void {
    this.#port.removalsClear(this.root.handle);
  }

  // ---- What the last call left

  get removals(): number {
    return this.#register(R_REMOVALS);
  }
  get entries(): number {
    return this.#register(R_ENTRIES);
  }
  get bytes(): number {
    // Others may have changed it since.
    if (this.#shared !== undefined) this.#port.size(this.root.handle);
    return this.#register(R_BYTES);
  }
  /** When there is something to {@link sweep}: a time, or infinity. */
  get nextDue(): number {
    return this.#register(R_NEXT_DUE);
  }
  get isStale(): boolean {
    return this.#register(R_IS_STALE) === 1;
  }
  get ttl(): number {
    return this.#register(R_TTL);
  }
  get joined(): boolean {
    return this.#register(R_JOINED) === 1;
  }
  get untouched(): boolean {
    return this.#register(R_UNTOUCHED) === 1;
  }
  get removalCause(): number {
    return this.#register(R_CAUSE);
  }
  /** Of a shared cache, which {@link removal} is no removal: a bit of Wanted. */
  get event(): number {
    return this.#register(R_EVENT);
  }
  /** How many entries a clear concerned. */
  get eventCount(): number {
    return this.#register(R_COUNT);
  }
  get removalNamespace(): number {
    return this.#register(R_NAMESPACE);
  }
  get format(): number {
    return this.#register(R_FORMAT) >>> 1;
  }

  readKey(): string {
    return this.#buffer.readKey();
  }

  /** Makes what a call just left readable more than once, also if it is long. */
  fetchValue(): void {
    this.#buffer.fit();
  }

  readText(): string {
    return this.#buffer.readText();
  }

  /** A copy. */
  readBytes(): Uint8Array {
    return this.#buffer.readBytes();
  }

  #register(i: number): number {
    return this.#port.registers[i] as number;
  }

  // ---- Failures

  /** @param name of the string that the call took, for messages */
  #check(result: number, name = 'key'): number {
    if (result < 0) throw this.#error(result, name);
    return result;
  }

  #refuseLong(pattern: string): void {
    if (pattern.length <= MAX_PATTERN) return;
    throw invalidArgument('pattern', pattern, `at most ${MAX_PATTERN} bytes`);
  }

  #keyTooLong(name: string, bytes: number): TiercelError {
    return keyTooLong(name, bytes, this.#maxKeyBytes);
  }

  #error(status: number, name = 'key'): TiercelError {
    if (status === KEY_TOO_LONG) return this.#keyTooLong(name, this.#maxKeyBytes + 1);
    return errorOf(status, () => this.#port.message());
  }
}
