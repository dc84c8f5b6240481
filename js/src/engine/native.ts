import { TiercelError } from '../errors.js';
import { ABI_VERSION, REGISTERS } from '../generated/abi.js';
import { bufferFor, type Port, readyFor, type WholeKind } from './port.js';

type NumbersOnly =
  | 'setMissed'
  | 'resize'
  | 'watch'
  | 'stats'
  | 'clear'
  | 'size'
  | 'invalidateTags'
  | 'iterate'
  | 'next'
  | 'loadTags'
  | 'loadCommit'
  | 'loadEnd'
  | 'sweep'
  | 'snapshotBegin'
  | 'snapshotNext'
  | 'snapshotAdd'
  | 'snapshotDrop'
  | 'restoreNext'
  | 'removal'
  | 'removalsClear'
  | 'frameSeal'
  | 'frameCheck';
type WithString =
  | 'namespace'
  | 'get'
  | 'set'
  | 'delete'
  | 'touch'
  | 'addTags'
  | 'ttl'
  | 'invalidatePrefix'
  | 'invalidatePattern'
  | 'match'
  | 'loadBegin';

/**
 * What `prebuilds/<platform>-<arch>/tiercel.node` exports. The functions are those of all engines: which of them
 * is meant, the numbers that the call takes, and its result are left in `arguments`, since that costs next to nothing
 * and an argument or a result of a function does. A function for each engine would be slower still: a call of a function that
 * is always the same one is compiled to a direct call.
 */
export type NativeAddon = EngineAddon & {
  /** The same for caches that all threads of the process share. */
  readonly shared: SharedAddon;
};

/** What there is of {@link NativeAddon} for both kinds of cache. */
export type EngineAddon = {
  readonly abiVersion: number;
  /** The number of the engine, in whose place the call leaves its result, and its numbers in the order of {@link Port}. */
  readonly arguments: Float64Array;
  /** Makes an engine that leaves its results in `registers`. It is freed with the object, or by `dispose`. */
  createEngine(registers: Float64Array): { readonly id: number };
  /** Without memory, undefined and the buffer as it was. */
  reserve(): ArrayBuffer | undefined;
  refetch(): void;
  takeValue(): string | ArrayBuffer | undefined;
  message(): string;
  dispose(): void;
  open(options: string): number;
  seed(seed: Uint8Array): number;
  snapshotEnd(): ArrayBuffer | number;
  restoreBegin(snapshot: Uint8Array): number;
} & Record<NumbersOnly, () => void> &
  Record<WithString, (text: string) => void>;

export type SharedAddon = EngineAddon & {
  /** Takes, once, the function that is called when another thread has something for a cache of this one. */
  onMail(callback: () => void): void;
  /** Whether the event loop goes on, the first number, although nothing else is waited for. */
  keepAwake(): void;
  /** Milliseconds of a clock that is the same in all threads. */
  now(): number;
  /** The shared caches of the process, as JSON. */
  list(): string;
  takeOutcome(): number;
  mail(): number;
  schedule(key: string): number;
};

export class NativePort implements Port {
  readonly kind = 'native';
  u8 = new Uint8Array();
  capacity = 0;
  ready = -1;
  readonly registers = new Float64Array(REGISTERS);

  readonly #addon: EngineAddon;
  readonly #arguments: Float64Array;
  // The hot calls have fields: an object with as many members as the addon is a dictionary to V8.
  readonly #get: (key: string) => void;
  readonly #set: (key: string) => void;
  readonly #setMissed: () => void;
  /** Keeps the engine alive. */
  readonly #engine: { readonly id: number };

  constructor(addon: EngineAddon) {
    if (addon.abiVersion !== ABI_VERSION) {
      throw new TiercelError(
        'ERR_TIERCEL_ENGINE_UNAVAILABLE',
        `the native binary has ABI version ${addon.abiVersion}, this package needs ${ABI_VERSION}: install both from one package`,
      );
    }
    this.#addon = addon;
    this.#arguments = addon.arguments;
    this.#get = addon.get;
    this.#set = addon.set;
    this.#setMissed = addon.setMissed;
    this.#engine = addon.createEngine(this.registers);
    if (!this.reserve(0)) throw new TiercelError('ERR_TIERCEL_OUT_OF_MEMORY', 'no memory for a native engine');
  }

  /** What JavaScript sees of the engine's memory is the buffer. */
  get inputs(): Uint8Array {
    return this.u8;
  }

  reserve(bytes: number): boolean {
    const wanted = bufferFor(bytes, this.capacity);
    if (wanted === this.capacity) return true;
    const numbers = this.#numbers();
    numbers[1] = wanted;
    const buffer = this.#addon.reserve();
    if (buffer === undefined) return false;
    this.u8 = new Uint8Array(buffer);
    this.capacity = buffer.byteLength;
    this.ready = readyFor(this.capacity);
    return true;
  }

  refetch(): void {
    this.#numbers();
    this.#addon.refetch();
  }

  takeValue(kind: WholeKind): string | ArrayBuffer | undefined {
    this.#with(kind);
    return this.#addon.takeValue();
  }

  message(): string {
    this.#numbers();
    return this.#addon.message();
  }

  dispose(): void {
    this.#numbers();
    this.#addon.dispose();
    this.u8 = new Uint8Array();
    this.capacity = 0;
    this.ready = -1;
  }

  open(options: string): number {
    this.#numbers();
    return this.#addon.open(options);
  }
  seed(ns: number, seed: Uint8Array): number {
    this.#with(ns);
    return this.#addon.seed(seed);
  }
  resize(ns: number, maxEntries: number, maxBytes: number): number {
    this.#with(ns, maxEntries, maxBytes);
    this.#addon.resize();
    return this.#result();
  }
  watch(ns: number, on: number): number {
    this.#with(ns, on);
    this.#addon.watch();
    return this.#result();
  }
  stats(ns: number, reset: number): number {
    this.#with(ns, reset);
    this.#addon.stats();
    return this.#result();
  }
  namespace(ns: number, part: string): number {
    this.#with(ns);
    this.#addon.namespace(part);
    return this.#result();
  }
  clear(ns: number, now: number): number {
    this.#with(ns, now);
    this.#addon.clear();
    return this.#result();
  }
  size(ns: number): number {
    this.#with(ns);
    this.#addon.size();
    return this.#result();
  }
  get(ns: number, key: string, now: number, flags: number): number {
    const numbers = this.#numbers();
    numbers[1] = ns;
    numbers[2] = now;
    numbers[3] = flags;
    this.#get(key);
    return numbers[0] as number;
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
    this.#withValue(ns, valueAt, valueLength, format, weight, ttl, stale, namesAt, namesLength, flags, now);
    if (key === undefined) this.#setMissed();
    else this.#set(key);
    return this.#result();
  }
  delete(ns: number, key: string, now: number): number {
    this.#with(ns, now);
    this.#addon.delete(key);
    return this.#result();
  }
  touch(ns: number, key: string, ttl: number, mode: number, now: number): number {
    this.#with(ns, ttl, mode, now);
    this.#addon.touch(key);
    return this.#result();
  }
  addTags(ns: number, key: string, tagsAt: number, tagsLength: number, now: number): number {
    this.#with(ns, tagsAt, tagsLength, now);
    this.#addon.addTags(key);
    return this.#result();
  }
  ttl(ns: number, type: string, flags: number, modified: number, hour: number): number {
    this.#with(ns, flags, modified, hour);
    this.#addon.ttl(type);
    return this.#result();
  }
  invalidatePrefix(ns: number, prefix: string, now: number): number {
    this.#with(ns, now);
    this.#addon.invalidatePrefix(prefix);
    return this.#result();
  }
  invalidatePattern(ns: number, pattern: string, now: number): number {
    this.#with(ns, now);
    this.#addon.invalidatePattern(pattern);
    return this.#result();
  }
  match(ns: number, pattern: string, textAt: number, textLength: number, encoding: number): number {
    this.#with(ns, textAt, textLength, encoding);
    this.#addon.match(pattern);
    return this.#result();
  }
  sweep(ns: number, most: number, now: number): number {
    this.#with(ns, most, now);
    this.#addon.sweep();
    return this.#result();
  }
  invalidateTags(ns: number, tagsAt: number, tagsLength: number, now: number): number {
    this.#with(ns, tagsAt, tagsLength, now);
    this.#addon.invalidateTags();
    return this.#result();
  }
  iterate(ns: number): number {
    this.#with(ns);
    this.#addon.iterate();
    return this.#result();
  }
  next(ns: number, slot: number, iteration: number, now: number): number {
    this.#with(ns, slot, iteration, now);
    this.#addon.next();
    return this.#result();
  }
  loadBegin(ns: number, key: string, ifStale: boolean): number {
    this.#with(ns, ifStale ? 1 : 0);
    this.#addon.loadBegin(key);
    return this.#result();
  }
  loadTags(load: number, namesAt: number, namesLength: number): number {
    this.#with(load, namesAt, namesLength);
    this.#addon.loadTags();
    return this.#result();
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
    const numbers = this.#withValue(
      load,
      valueAt,
      valueLength,
      format,
      weight,
      ttl,
      stale,
      namesAt,
      namesLength,
      flags,
      now,
    );
    numbers[12] = store;
    this.#addon.loadCommit();
    return this.#result();
  }
  loadEnd(load: number): number {
    this.#with(load);
    this.#addon.loadEnd();
    return this.#result();
  }
  snapshotBegin(ns: number, wall: number, now: number): number {
    this.#with(ns, wall, now);
    this.#addon.snapshotBegin();
    return this.#result();
  }
  snapshotNext(ns: number, slot: number, now: number): number {
    this.#with(ns, slot, now);
    this.#addon.snapshotNext();
    return this.#result();
  }
  snapshotAdd(ns: number, slot: number, valueAt: number, valueLength: number, format: number, now: number): number {
    this.#with(ns, slot, valueAt, valueLength, format, now);
    this.#addon.snapshotAdd();
    return this.#result();
  }
  snapshotEnd(ns: number): Uint8Array | number {
    this.#with(ns);
    const snapshot = this.#addon.snapshotEnd();
    return typeof snapshot === 'number' ? snapshot : new Uint8Array(snapshot);
  }
  snapshotDrop(ns: number): number {
    this.#with(ns);
    this.#addon.snapshotDrop();
    return this.#result();
  }
  restoreBegin(ns: number, snapshot: Uint8Array, wall: number, now: number): number {
    this.#with(ns, wall, now);
    return this.#addon.restoreBegin(snapshot);
  }
  restoreNext(ns: number, now: number): number {
    this.#with(ns, now);
    this.#addon.restoreNext();
    return this.#result();
  }
  removal(ns: number, i: number): number {
    this.#with(ns, i);
    this.#addon.removal();
    return this.#result();
  }
  removalsClear(ns: number): number {
    this.#with(ns);
    this.#addon.removalsClear();
    return this.#result();
  }

  frameSeal(frameAt: number, bytes: number): number {
    this.#with(frameAt, bytes);
    this.#addon.frameSeal();
    return this.#result();
  }
  frameCheck(frameAt: number, bytes: number, placeAt: number, placeBytes: number): number {
    this.#with(frameAt, bytes, placeAt, placeBytes);
    this.#addon.frameCheck();
    return this.#result();
  }

  /** Where the numbers of the next call go, from 1 on. */
  #numbers(): Float64Array {
    const numbers = this.#arguments;
    numbers[0] = this.#engine.id;
    return numbers;
  }

  // No rest parameter: it would cost an array each.
  /** Of the call that was just made. */
  #result(): number {
    return this.#arguments[0] as number;
  }

  #with(handle: number, a = 0, b = 0, c = 0, d = 0, e = 0): void {
    const numbers = this.#numbers();
    numbers[1] = handle;
    numbers[2] = a;
    numbers[3] = b;
    numbers[4] = c;
    numbers[5] = d;
    numbers[6] = e;
  }

  #withValue(
    handle: number,
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
  ): Float64Array {
    const numbers = this.#numbers();
    numbers[1] = handle;
    numbers[2] = valueAt;
    numbers[3] = valueLength;
    numbers[4] = format;
    numbers[5] = weight;
    numbers[6] = ttl;
    numbers[7] = stale;
    numbers[8] = namesAt;
    numbers[9] = namesLength;
    numbers[10] = flags;
    numbers[11] = now;
    return numbers;
  }
}
