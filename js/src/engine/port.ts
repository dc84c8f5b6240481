/** Bytes that a port's buffer has at least, and at most once a larger one was needed and is no more. */
export const BUFFER_LEAST = 64 * 1024;
export const BUFFER_KEPT = 1024 * 1024;

/** The capacity that a buffer should have for `bytes`: the one it has, or another. */
export function bufferFor(bytes: number, capacity: number): number {
  if (bytes > capacity || (capacity > BUFFER_KEPT && bytes <= BUFFER_KEPT)) return Math.max(bytes, BUFFER_LEAST);
  return capacity;
}

/**
 * What an engine has to offer: the calls of `core/include/tiercel/abi.h`, with numbers only, and a memory
 * that both sides see. `wasm.ts` and `native.ts` implement it; all the rest is the same for both.
 *
 * Inputs lie in the port's buffer, at `base` of `u8` and up; a parameter called `…At` is an offset from
 * `base`. An address that a call leaves in the registers is an index into `u8`, or -1 if what it names did
 * not fit the buffer: then `reserve` the lengths and call again (after `get`: call `value`).
 */
export interface Port {
  readonly kind: 'native' | 'wasm';
  /** The engine's memory. Read it anew after each call: a call may replace it. */
  u8: Uint8Array;
  /** Where inputs begin in `u8`; a multiple of 8. */
  base: number;
  /** Bytes there are from `base`. */
  capacity: number;
  /** Read it anew after each call, as `u8`. */
  registers: Float64Array;

  /** Makes `capacity` that of {@link bufferFor}. Contents are lost if that is another. False without memory. */
  reserve(bytes: number): boolean;
  /** The last message or document. */
  message(): string;
  /** Frees everything; nothing else may be called after. */
  dispose(): void;

  open(options: string): number;
  seed(ns: number, seed: Uint8Array): number;
  resize(ns: number, maxEntries: number, maxBytes: number): number;
  watch(ns: number, on: number): number;
  stats(ns: number, reset: number): number;

  namespace(ns: number, length: number, encoding: number): number;
  clear(ns: number, now: number): number;
  size(ns: number): number;

  get(ns: number, length: number, encoding: number, now: number, flags: number): number;
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
  ): number;
  delete(ns: number, length: number, encoding: number, now: number): number;
  touch(ns: number, length: number, encoding: number, ttl: number, now: number): number;
  invalidateTags(ns: number, length: number, now: number): number;
  tags(ns: number, slot: number): number;
  value(ns: number, slot: number): number;

  iterate(ns: number): number;
  next(ns: number, slot: number, iteration: number, now: number): number;

  loadBegin(ns: number, length: number, encoding: number): number;
  loadTags(load: number, length: number): number;
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
  ): number;
  loadEnd(load: number): number;

  removal(ns: number, i: number): number;
  removalsClear(ns: number): number;
}
