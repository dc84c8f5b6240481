import { TiercelError } from '../errors.js';
import {
  BAD_ARGUMENT,
  BAD_HANDLE,
  BAD_OPTION,
  KEY_TOO_LONG,
  LIMIT,
  MAX_DEPTH,
  MAX_TAGS,
  MISS,
  NO_MEMORY,
  OVERTAKEN,
  R_BYTES,
  R_CAUSE,
  R_ENTRIES,
  R_FORMAT,
  R_IS_STALE,
  R_JOINED,
  R_KEY,
  R_KEY_ENCODING,
  R_KEY_LENGTH,
  R_NAMESPACE,
  R_REMOVALS,
  R_TTL,
  R_UNTOUCHED,
  R_VALUE,
  R_VALUE_LENGTH,
  UTF16,
} from '../generated/abi.js';
import { type EngineChoice, openEngine } from './platform.js';
import { bufferFor, type Port } from './port.js';
import { readLatin1, readUtf16, writeLatin1, writeUtf16 } from './text.js';

/** A namespace as the facade knows it; the handle is found again by the path if the core forgot it. */
export interface Namespace {
  handle: number;
  readonly path: readonly string[];
  /** The same for two objects exactly if they stand for the same namespace. */
  readonly id: string;
}

/** A value on its way in: text or bytes and what `format` they have; neither in reference mode. */
export interface Payload {
  text?: string | undefined;
  bytes?: Uint8Array | undefined;
  /** The facade's own number for how to read it back, below 2^30. */
  format: number;
  /** Size in bytes, in reference mode. */
  weight: number;
}

export interface Terms {
  ttl: number;
  stale: number;
  tags: readonly string[];
}

export interface CoreOptions {
  maxEntries?: number | undefined;
  maxBytes?: number | undefined;
  policy?: string | undefined;
  values?: string | undefined;
  jitter?: number | undefined;
  maxKeyBytes?: number | undefined;
}

const NO_PAYLOAD: Payload = { format: 0, weight: 0 };

/**
 * One cache of the core, by strings instead of addresses: the only thing that the facade sees of an engine.
 * Results are slots, or MISS, REJECTED or OVERTAKEN; other failures are thrown.
 */
export class Engine {
  readonly kind: 'native' | 'wasm';
  readonly root: Namespace;
  readonly #port: Port;
  readonly #maxKeyBytes: number;
  readonly #keepsBytes: boolean;
  /** Where the next string or value goes in the buffer. */
  #end = 0;

  constructor(choice: EngineChoice, options: CoreOptions) {
    this.#port = openEngine(choice);
    this.kind = this.#port.kind;
    this.#maxKeyBytes = options.maxKeyBytes ?? 1024;
    this.#keepsBytes = options.values === 'bytes';
    this.root = { handle: this.#port.open(JSON.stringify(options)), path: [], id: '[]' };
    if (this.root.handle <= 0) throw this.#error(this.root.handle);
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

  watch(on: boolean): void {
    this.#check(this.#port.watch(this.root.handle, on ? 1 : 0));
  }

  stats(reset: boolean): Record<string, unknown> {
    this.#check(this.#port.stats(this.root.handle, reset ? 1 : 0));
    return JSON.parse(this.#port.message()) as Record<string, unknown>;
  }

  // ---- Namespaces

  namespace(parent: Namespace, part: string): Namespace {
    const key = this.#writeKey(part, 'namespace part');
    const handle = this.#port.namespace(parent.handle, key >>> 1, key & 1);
    if (handle === BAD_HANDLE && this.#reopen(parent)) return this.namespace(parent, part);
    if (handle <= 0) throw this.#error(handle);
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
    const k = this.#writeKey(key, 'key');
    const slot = this.#port.get(ns.handle, k >>> 1, k & 1, now, flags);
    if (slot >= MISS) return slot;
    if (slot === BAD_HANDLE && this.#reopen(ns)) return this.get(ns, key, now, flags);
    throw this.#error(slot);
  }

  set(ns: Namespace, key: string, payload: Payload, terms: Terms, now: number): number {
    const k = this.#writeKey(key, 'key', this.#sizeOf(payload, terms.tags));
    const value = this.#writeValue(payload);
    const tags = this.#writeList(terms.tags);
    const slot = this.#port.set(
      ns.handle,
      k >>> 1,
      k & 1,
      value.at,
      value.length,
      value.format,
      payload.weight,
      terms.ttl,
      terms.stale,
      tags,
      this.#end - tags,
      now,
    );
    if (slot >= OVERTAKEN) return slot;
    if (slot === BAD_HANDLE && this.#reopen(ns)) return this.set(ns, key, payload, terms, now);
    throw this.#error(slot);
  }

  delete(ns: Namespace, key: string, now: number): boolean {
    const k = this.#writeKey(key, 'key');
    const removed = this.#port.delete(ns.handle, k >>> 1, k & 1, now);
    if (removed === BAD_HANDLE && this.#reopen(ns)) return this.delete(ns, key, now);
    return this.#check(removed) === 1;
  }

  touch(ns: Namespace, key: string, ttl: number, now: number): boolean {
    const k = this.#writeKey(key, 'key');
    const slot = this.#port.touch(ns.handle, k >>> 1, k & 1, ttl, now);
    if (slot >= MISS) return slot !== MISS;
    if (slot === BAD_HANDLE && this.#reopen(ns)) return this.touch(ns, key, ttl, now);
    throw this.#error(slot);
  }

  invalidateTags(ns: Namespace, tags: readonly string[], now: number): number {
    this.#begin(this.#sizeOf(NO_PAYLOAD, tags));
    this.#writeList(tags);
    const count = this.#port.invalidateTags(ns.handle, this.#end, now);
    if (count === BAD_HANDLE && this.#reopen(ns)) return this.invalidateTags(ns, tags, now);
    return this.#check(count);
  }

  /** The tags of the entry in a slot. The value of that entry can be read after, as before. */
  tags(ns: Namespace, slot: number): string[] {
    const call = () => this.#port.tags(ns.handle, slot);
    this.#check(this.#fit(call(), call));
    const start = this.#register(R_KEY);
    const tags = this.#readList(start, start + this.#register(R_KEY_LENGTH));
    if (this.#keepsBytes) this.#check(this.#port.value(ns.handle, slot));
    return tags;
  }

  iterate(ns: Namespace): number {
    const iteration = this.#port.iterate(ns.handle);
    if (iteration === BAD_HANDLE && this.#reopen(ns)) return this.iterate(ns);
    return this.#check(iteration);
  }

  next(ns: Namespace, slot: number, iteration: number, now: number): number {
    const call = () => this.#port.next(ns.handle, slot, iteration, now);
    const next = this.#fit(call(), call);
    if (next >= MISS) return next;
    if (next === BAD_HANDLE && this.#reopen(ns)) return this.next(ns, slot, iteration, now);
    throw this.#error(next);
  }

  // ---- Loads

  /** The handle; {@link joined} and {@link untouched} tell the rest. */
  loadBegin(ns: Namespace, key: string): number {
    const k = this.#writeKey(key, 'key');
    const load = this.#port.loadBegin(ns.handle, k >>> 1, k & 1);
    if (load > 0) return load;
    if (load === BAD_HANDLE && this.#reopen(ns)) return this.loadBegin(ns, key);
    throw this.#error(load);
  }

  /** Notes tags of a load in flight, so that nobody joins it after one of them was invalidated. */
  loadTags(load: number, tags: readonly string[]): void {
    this.#begin(this.#sizeOf(NO_PAYLOAD, tags));
    this.#writeList(tags);
    const status = this.#port.loadTags(load, this.#end);
    // A load that was given up has no more tags to note.
    if (status !== BAD_HANDLE) this.#check(status);
  }

  /** Without a payload the load is checked and ended, and nothing stored. A load that was ended is OVERTAKEN. */
  loadCommit(load: number, payload: Payload | undefined, terms: Terms, now: number): number {
    const p = payload ?? NO_PAYLOAD;
    this.#begin(this.#sizeOf(p, terms.tags));
    const value = this.#writeValue(p);
    const tags = this.#writeList(terms.tags);
    const result = this.#port.loadCommit(
      load,
      value.at,
      value.length,
      value.format,
      p.weight,
      terms.ttl,
      terms.stale,
      tags,
      this.#end - tags,
      now,
      payload === undefined ? 0 : 1,
    );
    if (result >= OVERTAKEN) return result;
    if (result === BAD_HANDLE) return OVERTAKEN;
    throw this.#error(result);
  }

  loadEnd(load: number): void {
    this.#port.loadEnd(load);
  }

  // ---- Removals

  /** The slot of the i-th removal; {@link readKey}, {@link removalCause} and the value of it can be read then. */
  removal(i: number): number {
    const call = () => this.#port.removal(this.root.handle, i);
    return this.#fit(call(), call);
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
    return this.#register(R_BYTES);
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
  get removalNamespace(): number {
    return this.#register(R_NAMESPACE);
  }
  get format(): number {
    return this.#register(R_FORMAT) >>> 1;
  }

  readKey(): string {
    const start = this.#register(R_KEY);
    return this.#readText(start, start + this.#register(R_KEY_LENGTH), this.#register(R_KEY_ENCODING));
  }

  /** Makes the value readable of an entry that a call just found. */
  fetchValue(ns: Namespace, slot: number): void {
    const call = () => this.#port.value(ns.handle, slot);
    if (this.#register(R_VALUE) < 0) this.#check(this.#fit(-1, call));
  }

  /** Calls again with a larger buffer if what the call gives out did not fit. */
  #fit(result: number, again: () => number): number {
    if (this.#register(R_VALUE) >= 0 && this.#register(R_KEY) >= 0) return result;
    if (!this.#port.reserve(this.#register(R_VALUE_LENGTH) + this.#register(R_KEY_LENGTH) + 16))
      throw this.#error(NO_MEMORY);
    return again();
  }

  readText(): string {
    const start = this.#register(R_VALUE);
    return this.#readText(start, start + this.#register(R_VALUE_LENGTH), this.#register(R_FORMAT) & 1);
  }

  /** A copy. */
  readBytes(): Uint8Array {
    const start = this.#register(R_VALUE);
    return this.#port.u8.slice(start, start + this.#register(R_VALUE_LENGTH));
  }

  #register(i: number): number {
    return this.#port.registers[i] as number;
  }

  // ---- Strings in and out of the buffer

  /** Starts anew at the beginning of the buffer, with room for `bytes`. */
  #begin(bytes: number): void {
    const port = this.#port;
    if ((bufferFor(bytes, port.capacity) !== port.capacity || port.u8.length === 0) && !port.reserve(bytes)) {
      throw this.#error(NO_MEMORY);
    }
    this.#end = 0;
  }

  /** Writes a key to the beginning. Returns its length in bytes times 2, plus its encoding. */
  #writeKey(key: string, name: string, more = 0): number {
    const length = key.length;
    if (length > this.#maxKeyBytes) throw this.#keyTooLong(name, length);
    this.#begin(2 * length + 8 + more);
    const { u8, base } = this.#port;
    if (writeLatin1(u8, base, key)) {
      this.#end = align(length);
      return length << 1;
    }
    if (2 * length > this.#maxKeyBytes) throw this.#keyTooLong(name, 2 * length);
    writeUtf16(u8, base, key);
    this.#end = align(2 * length);
    return (length << 2) | UTF16;
  }

  #writeValue(payload: Payload): { at: number; length: number; format: number } {
    const { u8, base } = this.#port;
    const at = this.#end;
    let length = 0;
    let encoding = 0;
    if (payload.bytes !== undefined) {
      length = payload.bytes.length;
      u8.set(payload.bytes, base + at);
    } else if (payload.text !== undefined) {
      length = payload.text.length;
      if (!writeLatin1(u8, base + at, payload.text)) {
        length *= 2;
        encoding = UTF16;
        writeUtf16(u8, base + at, payload.text);
      }
    }
    this.#end = align(at + length);
    return { at, length, format: payload.format * 2 + encoding };
  }

  /** Writes a packed list; it lies from what is returned to `#end`. */
  #writeList(list: readonly string[]): number {
    const start = this.#end;
    if (list.length === 0) return start;
    const { u8, base } = this.#port;
    for (const text of list) {
      const at = base + this.#end + 4;
      let length = text.length;
      let encoding = 0;
      if (!writeLatin1(u8, at, text)) {
        length *= 2;
        encoding = UTF16;
        writeUtf16(u8, at, text);
      }
      if (length > this.#maxKeyBytes) throw this.#keyTooLong('tag', length);
      const head = length * 2 + encoding;
      for (let i = 0; i < 4; i++) u8[at - 4 + i] = head >>> (8 * i);
      const end = (length + 3) & ~3;
      u8.fill(0, at + length, at + end);
      this.#end += 4 + end;
    }
    return start;
  }

  /** An upper bound of what a value and a list take in the buffer. */
  #sizeOf(payload: Payload, list: readonly string[]): number {
    let bytes = payload.bytes === undefined ? 2 * (payload.text?.length ?? 0) : payload.bytes.length;
    for (const text of list) bytes += 2 * text.length + 8;
    return bytes + 16;
  }

  #readText(start: number, end: number, encoding: number): string {
    const { u8 } = this.#port;
    return encoding === UTF16 ? readUtf16(u8, start, end) : readLatin1(u8, start, end);
  }

  #readList(start: number, end: number): string[] {
    const { u8 } = this.#port;
    const list: string[] = [];
    for (let at = start; at < end; ) {
      const head =
        (u8[at] as number) |
        ((u8[at + 1] as number) << 8) |
        ((u8[at + 2] as number) << 16) |
        ((u8[at + 3] as number) << 24);
      const length = head >>> 1;
      list.push(this.#readText(at + 4, at + 4 + length, head & 1));
      at += 4 + ((length + 3) & ~3);
    }
    return list;
  }

  // ---- Failures

  #check(result: number): number {
    if (result < 0) throw this.#error(result);
    return result;
  }

  #keyTooLong(name: string, bytes: number): TiercelError {
    return new TiercelError(
      'ERR_TIERCEL_KEY_TOO_LONG',
      `${name}: has at least ${bytes} bytes as stored; accepted: at most ${this.#maxKeyBytes} (option maxKeyBytes). Hash long keys`,
    );
  }

  /** The one place where a status becomes an error. */
  #error(status: number): TiercelError {
    switch (status) {
      case KEY_TOO_LONG:
        return this.#keyTooLong('key', this.#maxKeyBytes + 1);
      case NO_MEMORY:
      case 0:
        return new TiercelError(
          'ERR_TIERCEL_OUT_OF_MEMORY',
          'the engine got no memory for this, although it evicted entries: give it a lower maxBytes',
        );
      case LIMIT:
        return new TiercelError(
          'ERR_TIERCEL_LIMIT',
          `a limit was reached: ${MAX_TAGS} tags of an entry, ${MAX_DEPTH} namespaces deep, or 2^20 namespaces and loads at a time`,
        );
      case BAD_HANDLE:
        // Namespaces were looked for again, so it is the engine that is gone: closed by a callback of this call.
        return new TiercelError('ERR_TIERCEL_CLOSED', 'the cache is closed: create a new one');
      case BAD_OPTION: {
        const fault = JSON.parse(this.#port.message()) as { message: string };
        return new TiercelError('ERR_TIERCEL_INVALID_OPTION', fault.message);
      }
      case BAD_ARGUMENT: {
        const fault = JSON.parse(this.#port.message()) as { message: string };
        return new TiercelError('ERR_TIERCEL_INVALID_ARGUMENT', `the engine refused an argument: ${fault.message}`);
      }
      default:
        return new TiercelError(
          'ERR_TIERCEL_ENGINE_FAILED',
          `the engine answered with status ${status}: please report this`,
        );
    }
  }
}

/** Values lie at multiples of 8, lists and UTF-16 at even places. */
function align(offset: number): number {
  return (offset + 7) & ~7;
}
