import { TiercelError } from '../errors.js';
import {
  ABI_VERSION,
  type AbiCall,
  LATIN1,
  MISSED,
  NO_MEMORY,
  R_VALUE,
  R_VALUE_LENGTH,
  REGISTERS,
  UTF16,
} from '../generated/abi.js';
import { bufferFor, type Port, readyFor } from './port.js';
import { writeLatin1, writeUtf16 } from './text.js';

type Export = (...numbers: number[]) => number;

/** The exports of the module; addresses are numbers. */
interface Exports extends Record<AbiCall, Export> {
  memory: WebAssembly.Memory;
  _initialize(): void;
}

/** What is called in place of the exports once the instance is out of use. */
function poisoned(error: TiercelError): Exports {
  const fail = () => {
    throw error;
  };
  return new Proxy({}, { get: () => fail }) as Exports;
}

/**
 * A port to an instance of its own: a trap takes one cache out of use and no other, and the memory of a
 * closed cache goes back to the system. An instance costs about 0.1 ms and 1 MiB.
 */
export function openWasm(module: WebAssembly.Module): Port {
  let exports: Exports;
  try {
    exports = new WebAssembly.Instance(module).exports as unknown as Exports;
    exports._initialize();
  } catch (cause) {
    throw new TiercelError('ERR_TIERCEL_ENGINE_UNAVAILABLE', 'the wasm module cannot be instantiated here', { cause });
  }
  const version = exports.tiercel_abi_version();
  if (version !== ABI_VERSION) {
    throw new TiercelError(
      'ERR_TIERCEL_ENGINE_UNAVAILABLE',
      `the wasm module has ABI version ${version}, this package needs ${ABI_VERSION}: use the module it came with`,
    );
  }
  return new WasmPort(exports);
}

class WasmPort implements Port {
  readonly kind = 'wasm';
  u8 = new Uint8Array();
  inputs = new Uint8Array();
  registers = new Float64Array(REGISTERS);
  capacity = 0;
  ready = -1;

  #exports: Exports;
  readonly #engine: number;
  readonly #registersAt: number;
  /** Address of the buffer. */
  #base = 0;
  /** Bytes and encoding of the string that was written last. */
  #length = 0;
  #encoding = LATIN1;

  constructor(exports: Exports) {
    this.#exports = exports;
    this.#engine = exports.tiercel_engine_new(0);
    this.#registersAt = exports.tiercel_registers(this.#engine);
    if (this.#engine === 0 || !this.reserve(0)) {
      throw new TiercelError('ERR_TIERCEL_OUT_OF_MEMORY', 'no memory for a wasm engine');
    }
  }

  /** Views on memory that grew are detached, and so of length 0. */
  #done(result: number): number {
    if (this.u8.length === 0) this.#view();
    return result;
  }

  #view(): void {
    const { buffer } = this.#exports.memory;
    this.u8 = new Uint8Array(buffer);
    this.inputs = new Uint8Array(buffer, this.#base, this.capacity);
    this.registers = new Float64Array(buffer, this.#registersAt, REGISTERS);
    this.ready = readyFor(this.capacity);
  }

  /** The one error path: after a trap the instance may be in any state, so it is never entered again. */
  #failed(cause: unknown): TiercelError {
    if (cause instanceof TiercelError) return cause;
    const error = new TiercelError(
      'ERR_TIERCEL_ENGINE_FAILED',
      'the wasm engine of this cache failed and is out of use: create a new cache, and please report the cause',
      { cause },
    );
    this.#exports = poisoned(error);
    return error;
  }

  /** Writes a string to the beginning of the buffer, which has the room for it. */
  #write(text: string): void {
    const { inputs } = this;
    if (writeLatin1(inputs, 0, text)) {
      this.#length = text.length;
      this.#encoding = LATIN1;
    } else {
      writeUtf16(inputs, 0, text);
      this.#length = 2 * text.length;
      this.#encoding = UTF16;
    }
  }

  reserve(bytes: number): boolean {
    const wanted = bufferFor(bytes, this.capacity);
    if (wanted === this.capacity && this.u8.length !== 0) return true;
    try {
      this.#base = this.#exports.tiercel_buffer(this.#engine, wanted) >>> 0;
    } catch (e) {
      throw this.#failed(e);
    }
    this.capacity = this.#base === 0 ? 0 : wanted;
    this.#view();
    return this.#base !== 0;
  }

  refetch(): void {
    // All of the memory is seen, so there is nothing that does not fit.
  }

  message(): string {
    try {
      const at = this.#exports.tiercel_message(this.#engine) >>> 0;
      const length = this.#exports.tiercel_message_length(this.#engine);
      this.#done(0);
      return new TextDecoder().decode(this.u8.slice(at, at + length));
    } catch (e) {
      throw this.#failed(e);
    }
  }

  dispose(): void {
    // The instance and its memory go with the last reference to them.
    this.#exports = poisoned(new TiercelError('ERR_TIERCEL_CLOSED', 'the cache is closed'));
    this.u8 = new Uint8Array();
    this.inputs = new Uint8Array();
    this.registers = new Float64Array(REGISTERS);
    this.capacity = 0;
    this.ready = -1;
  }

  open(options: string): number {
    const bytes = new TextEncoder().encode(options);
    if (!this.reserve(bytes.length)) return 0;
    this.inputs.set(bytes);
    try {
      return this.#done(this.#exports.tiercel_cache_open(this.#engine, this.#base, bytes.length));
    } catch (e) {
      throw this.#failed(e);
    }
  }

  seed(ns: number, seed: Uint8Array): number {
    this.inputs.set(seed);
    return this.#call(this.#exports.tiercel_cache_seed, ns, this.#base);
  }
  resize(ns: number, maxEntries: number, maxBytes: number): number {
    return this.#call(this.#exports.tiercel_cache_resize, ns, maxEntries, maxBytes);
  }
  watch(ns: number, on: number): number {
    return this.#call(this.#exports.tiercel_cache_watch, ns, on);
  }
  stats(ns: number, reset: number): number {
    return this.#call(this.#exports.tiercel_cache_stats, ns, reset);
  }
  namespace(ns: number, part: string): number {
    return this.#callWith(this.#exports.tiercel_namespace, ns, part);
  }
  clear(ns: number, now: number): number {
    return this.#call(this.#exports.tiercel_clear, ns, now);
  }
  size(ns: number): number {
    return this.#call(this.#exports.tiercel_size, ns);
  }
  delete(ns: number, key: string, now: number): number {
    return this.#callWith(this.#exports.tiercel_delete, ns, key, now);
  }
  touch(ns: number, key: string, ttl: number, mode: number, now: number): number {
    return this.#callWith(this.#exports.tiercel_touch, ns, key, ttl, mode, now);
  }
  addTags(ns: number, key: string, tagsAt: number, tagsLength: number, now: number): number {
    return this.#callWith(this.#exports.tiercel_add_tags, ns, key, this.#base + tagsAt, tagsLength, now);
  }
  ttl(ns: number, type: string, flags: number, modified: number, hour: number): number {
    return this.#callWith(this.#exports.tiercel_ttl, ns, type, flags, modified, hour);
  }
  invalidateTags(ns: number, tagsAt: number, tagsLength: number, now: number): number {
    return this.#call(this.#exports.tiercel_invalidate_tags, ns, this.#base + tagsAt, tagsLength, now);
  }
  invalidatePrefix(ns: number, prefix: string, now: number): number {
    return this.#callWith(this.#exports.tiercel_invalidate_prefix, ns, prefix, now);
  }
  invalidatePattern(ns: number, pattern: string, now: number): number {
    return this.#callWith(this.#exports.tiercel_invalidate_pattern, ns, pattern, now);
  }
  match(ns: number, pattern: string, textAt: number, textLength: number, encoding: number): number {
    return this.#callWith(this.#exports.tiercel_match, ns, pattern, this.#base + textAt, textLength, encoding);
  }
  sweep(ns: number, most: number, now: number): number {
    return this.#call(this.#exports.tiercel_sweep, ns, most, now);
  }
  iterate(ns: number): number {
    return this.#call(this.#exports.tiercel_iterate, ns);
  }
  next(ns: number, slot: number, iteration: number, now: number): number {
    return this.#call(this.#exports.tiercel_next, ns, slot, iteration, now);
  }
  loadBegin(ns: number, key: string): number {
    return this.#callWith(this.#exports.tiercel_load_begin, ns, key);
  }
  loadTags(load: number, namesAt: number, namesLength: number): number {
    return this.#call(this.#exports.tiercel_load_tags, load, this.#base + namesAt, namesLength);
  }
  loadEnd(load: number): number {
    return this.#call(this.#exports.tiercel_load_end, load);
  }
  snapshotBegin(ns: number, wall: number, now: number): number {
    return this.#call(this.#exports.tiercel_snapshot_begin, ns, wall, now);
  }
  snapshotNext(ns: number, slot: number, now: number): number {
    return this.#call(this.#exports.tiercel_snapshot_next, ns, slot, now);
  }
  snapshotAdd(ns: number, slot: number, valueAt: number, valueLength: number, format: number, now: number): number {
    const call = this.#exports.tiercel_snapshot_add;
    return this.#call(call, ns, slot, this.#base + valueAt, valueLength, format, now);
  }
  snapshotEnd(ns: number): Uint8Array | number {
    const status = this.#call(this.#exports.tiercel_snapshot_end, ns);
    if (status < 0) return status;
    const start = this.registers[R_VALUE] as number;
    try {
      return this.u8.slice(start, start + (this.registers[R_VALUE_LENGTH] as number));
    } catch {
      return NO_MEMORY;
    }
  }
  snapshotDrop(ns: number): number {
    return this.#call(this.#exports.tiercel_snapshot_drop, ns);
  }
  restoreBegin(ns: number, snapshot: Uint8Array, wall: number, now: number): number {
    if (!this.reserve(snapshot.length)) return NO_MEMORY;
    this.inputs.set(snapshot);
    const status = this.#call(this.#exports.tiercel_restore_begin, ns, this.#base, snapshot.length, wall, now);
    // The core has its copy.
    this.reserve(0);
    return status;
  }
  restoreNext(ns: number, now: number): number {
    return this.#call(this.#exports.tiercel_restore_next, ns, now);
  }
  removal(ns: number, i: number): number {
    return this.#call(this.#exports.tiercel_removal, ns, i);
  }
  removalsClear(ns: number): number {
    return this.#call(this.#exports.tiercel_removals_clear, ns);
  }
  frameSeal(frameAt: number, bytes: number): number {
    return this.#call(this.#exports.tiercel_frame_seal, this.#base + frameAt, bytes);
  }
  frameCheck(frameAt: number, bytes: number, placeAt: number, placeBytes: number): number {
    const base = this.#base;
    return this.#call(this.#exports.tiercel_frame_check, base + frameAt, bytes, base + placeAt, placeBytes);
  }

  // A function of wasm leaves arguments aside that it has no parameter for. A rest parameter would cost an array.

  #call(call: Export, handle: number, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0): number {
    try {
      return this.#done(call(this.#engine, handle, a, b, c, d, e, f));
    } catch (cause) {
      throw this.#failed(cause);
    }
  }

  #callWith(call: Export, ns: number, text: string, a = 0, b = 0, c = 0): number {
    this.#write(text);
    return this.#call(call, ns, this.#base, this.#length, this.#encoding, a, b, c);
  }

  // The hot calls are written out: a call of always the same function is compiled to a direct call.

  get(ns: number, key: string, now: number, flags: number): number {
    this.#write(key);
    try {
      return this.#done(
        this.#exports.tiercel_get(this.#engine, ns, this.#base, this.#length, this.#encoding, now, flags),
      );
    } catch (e) {
      throw this.#failed(e);
    }
  }

  set(
    ns: number,
    key: string | undefined,
    valueAt: number,
    valueLength: number,
    format: number,
    weight: number,
    ttl: number,
    stale: number,
    namesAt: number,
    namesLength: number,
    flags: number,
    now: number,
  ): number {
    if (key === undefined) this.#encoding = MISSED;
    else this.#write(key);
    const base = this.#base;
    try {
      return this.#done(
        this.#exports.tiercel_set(
          this.#engine,
          ns,
          base,
          this.#length,
          this.#encoding,
          base + valueAt,
          valueLength,
          format,
          weight,
          ttl,
          stale,
          base + namesAt,
          namesLength,
          flags,
          now,
        ),
      );
    } catch (e) {
      throw this.#failed(e);
    }
  }

  loadCommit(
    load: number,
    valueAt: number,
    valueLength: number,
    format: number,
    weight: number,
    ttl: number,
    stale: number,
    namesAt: number,
    namesLength: number,
    flags: number,
    now: number,
    store: number,
  ): number {
    const base = this.#base;
    try {
      return this.#done(
        this.#exports.tiercel_load_commit(
          this.#engine,
          load,
          base + valueAt,
          valueLength,
          format,
          weight,
          ttl,
          stale,
          base + namesAt,
          namesLength,
          flags,
          now,
          store,
        ),
      );
    } catch (e) {
      throw this.#failed(e);
    }
  }
}
