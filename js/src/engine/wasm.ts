import { TiercelError } from '../errors.js';
import { ABI_VERSION, type AbiCall, REGISTERS } from '../generated/abi.js';
import { bufferFor, type Port } from './port.js';

/** The exports of the module; addresses are numbers. */
interface Exports extends Record<AbiCall, (...numbers: number[]) => number> {
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
  registers = new Float64Array();
  base = 0;
  capacity = 0;

  #exports: Exports;
  readonly #engine: number;
  readonly #registersAt: number;

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
    this.registers = new Float64Array(buffer, this.#registersAt, REGISTERS);
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

  reserve(bytes: number): boolean {
    const wanted = bufferFor(bytes, this.capacity);
    if (wanted === this.capacity && this.u8.length !== 0) return true;
    try {
      this.base = this.#exports.tiercel_buffer(this.#engine, wanted) >>> 0;
    } catch (e) {
      throw this.#failed(e);
    }
    this.capacity = this.base === 0 ? 0 : wanted;
    this.#view();
    return this.base !== 0;
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
    this.registers = new Float64Array(REGISTERS);
    this.capacity = 0;
  }

  open(options: string): number {
    const bytes = new TextEncoder().encode(options);
    if (!this.reserve(bytes.length)) return 0;
    this.u8.set(bytes, this.base);
    try {
      return this.#done(this.#exports.tiercel_cache_open(this.#engine, this.base, bytes.length));
    } catch (e) {
      throw this.#failed(e);
    }
  }

  seed(ns: number, seed: Uint8Array): number {
    this.u8.set(seed, this.base);
    return this.#call('tiercel_cache_seed', ns, this.base);
  }
  resize(ns: number, maxEntries: number, maxBytes: number): number {
    return this.#call('tiercel_cache_resize', ns, maxEntries, maxBytes);
  }
  watch(ns: number, on: number): number {
    return this.#call('tiercel_cache_watch', ns, on);
  }
  stats(ns: number, reset: number): number {
    return this.#call('tiercel_cache_stats', ns, reset);
  }
  namespace(ns: number, length: number, encoding: number): number {
    return this.#call('tiercel_namespace', ns, this.base, length, encoding);
  }
  clear(ns: number, now: number): number {
    return this.#call('tiercel_clear', ns, now);
  }
  size(ns: number): number {
    return this.#call('tiercel_size', ns);
  }
  delete(ns: number, length: number, encoding: number, now: number): number {
    return this.#call('tiercel_delete', ns, this.base, length, encoding, now);
  }
  touch(ns: number, length: number, encoding: number, ttl: number, now: number): number {
    return this.#call('tiercel_touch', ns, this.base, length, encoding, ttl, now);
  }
  invalidateTags(ns: number, length: number, now: number): number {
    return this.#call('tiercel_invalidate_tags', ns, this.base, length, now);
  }
  tags(ns: number, slot: number): number {
    return this.#call('tiercel_tags', ns, slot);
  }
  value(ns: number, slot: number): number {
    return this.#call('tiercel_value', ns, slot);
  }
  iterate(ns: number): number {
    return this.#call('tiercel_iterate', ns);
  }
  next(ns: number, slot: number, iteration: number, now: number): number {
    return this.#call('tiercel_next', ns, slot, iteration, now);
  }
  loadBegin(ns: number, length: number, encoding: number): number {
    return this.#call('tiercel_load_begin', ns, this.base, length, encoding);
  }
  loadTags(load: number, length: number): number {
    return this.#call('tiercel_load_tags', load, this.base, length);
  }
  loadEnd(load: number): number {
    return this.#call('tiercel_load_end', load);
  }
  removal(ns: number, i: number): number {
    return this.#call('tiercel_removal', ns, i);
  }
  removalsClear(ns: number): number {
    return this.#call('tiercel_removals_clear', ns);
  }

  #call(name: AbiCall, ...numbers: number[]): number {
    try {
      return this.#done(this.#exports[name](this.#engine, ...numbers));
    } catch (e) {
      throw this.#failed(e);
    }
  }

  // The hot calls are written out: a rest parameter would cost an array each.

  get(ns: number, length: number, encoding: number, now: number, flags: number): number {
    try {
      return this.#exports.tiercel_get(this.#engine, ns, this.base, length, encoding, now, flags);
    } catch (e) {
      throw this.#failed(e);
    }
  }

  set(
    ns: number,
    length: number,
    encoding: number,
    valueAt: number,
    valueLength: number,
    format: number,
    weight: number,
    ttl: number,
    stale: number,
    tagsAt: number,
    tagsLength: number,
    now: number,
  ): number {
    const { base } = this;
    try {
      return this.#done(
        this.#exports.tiercel_set(
          this.#engine,
          ns,
          base,
          length,
          encoding,
          base + valueAt,
          valueLength,
          format,
          weight,
          ttl,
          stale,
          base + tagsAt,
          tagsLength,
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
    tagsAt: number,
    tagsLength: number,
    now: number,
    store: number,
  ): number {
    const { base } = this;
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
          base + tagsAt,
          tagsLength,
          now,
          store,
        ),
      );
    } catch (e) {
      throw this.#failed(e);
    }
  }
}
