/** Bytes that a port's buffer has at least, and at most once a larger one was needed and is no more. */
export const BUFFER_LEAST = 64 * 1024;
export const BUFFER_KEPT = 1024 * 1024;

/** The capacity that a buffer should have for `bytes`: the one it has, or another. */
export function bufferFor(bytes: number, capacity: number): number {
  if (bytes > capacity || (capacity > BUFFER_KEPT && bytes <= BUFFER_KEPT)) return Math.max(bytes, BUFFER_LEAST);
  return capacity;
}

/** Values lie at multiples of 8, lists and UTF-16 at even places. */
export function align(offset: number): number {
  return (offset + 7) & ~7;
}

/**
 * Bytes at the buffer's beginning that a call needs for a string of so many units: it is written last, in UTF-16
 * and a NUL, or by a UTF-8 encoder that is stopped by nothing but the end of the buffer.
 */
export function roomFor(units: number): number {
  return align(3 * units + 2);
}

/** The units of the longest string that a buffer of this capacity takes as it is: -1 if it should be replaced. */
export function readyFor(capacity: number): number {
  return capacity < BUFFER_LEAST || capacity > BUFFER_KEPT ? -1 : Math.floor(BUFFER_LEAST / 3) - 8;
}

/** What {@link Port.takeValue} makes of it, as in `node/whole_value.h`: a text in either encoding, or bytes. */
export enum WholeKind {
  Latin1 = 0,
  Utf16 = 1,
  Bytes = 2,
}

/**
 * What an engine has to offer: the calls of `core/include/tiercel/abi.h`, with numbers and at most one string,
 * and a memory that both sides see. `wasm.ts` and `native.ts` implement it; all the rest is the same for both.
 *
 * Other inputs lie in `inputs`; a parameter called `…At` is an offset in it. A call that takes a string uses the
 * first {@link roomFor} its units for it, which must be there: see `ready`. An address that a call leaves in the
 * registers is an index into `u8`, or -1 if what it names did not fit: then `reserve` the lengths and `refetch`.
 */
export interface Port {
  readonly kind: 'native' | 'wasm';
  /** The engine's memory. Read it anew after each call, as all of these: a call may replace it. */
  readonly u8: Uint8Array;
  /** The buffer, of which `capacity` bytes are there. */
  readonly inputs: Uint8Array;
  readonly capacity: number;
  /** Units that a string may have without a {@link reserve} before; -1 if one is due. */
  readonly ready: number;
  readonly registers: Float64Array;

  /** Makes `capacity` that of {@link bufferFor}. Contents are lost if that is another. False without memory. */
  reserve(bytes: number): boolean;
  /** Gives out again what the last call did, after what did not fit. */
  refetch(): void;
  /**
   * A value that did not fit, once: a string of so many bytes, or an ArrayBuffer of its own. Undefined if that could not
   * be made. Absent where all there is fits.
   */
  takeValue?(kind: WholeKind): string | ArrayBuffer | undefined;
  /** The last message or document. */
  message(): string;
  /** Frees everything; nothing else may be called after. */
  dispose(): void;

  open(options: string): number;
  seed(ns: number, seed: Uint8Array): number;
  resize(ns: number, maxEntries: number, maxBytes: number): number;
  watch(ns: number, on: number): number;
  stats(ns: number, reset: number): number;

  namespace(ns: number, part: string): number;
  clear(ns: number, now: number): number;
  size(ns: number): number;

  get(ns: number, key: string, now: number, flags: number): number;
  /** @param key undefined for the one that the last get missed: MISS if the core does not know it any more */
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
  ): number;
  delete(ns: number, key: string, now: number): number;
  touch(ns: number, key: string, ttl: number, mode: number, now: number): number;
  addTags(ns: number, key: string, tagsAt: number, tagsLength: number, now: number): number;
  ttl(ns: number, type: string, flags: number, modified: number, hour: number): number;
  invalidatePrefix(ns: number, prefix: string, now: number): number;
  invalidatePattern(ns: number, pattern: string, now: number): number;
  match(ns: number, pattern: string, textAt: number, textLength: number, encoding: number): number;
  sweep(ns: number, most: number, now: number): number;
  invalidateTags(ns: number, tagsAt: number, tagsLength: number, now: number): number;

  iterate(ns: number): number;
  next(ns: number, slot: number, iteration: number, now: number): number;

  /** @param ifStale of a cache that others change meanwhile: 0, and the value as by `get`, if there is a fresh one */
  loadBegin(ns: number, key: string, ifStale: boolean): number;
  loadTags(load: number, namesAt: number, namesLength: number): number;
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
  ): number;
  loadEnd(load: number): number;

  snapshotBegin(ns: number, wall: number, now: number): number;
  snapshotNext(ns: number, slot: number, now: number): number;
  snapshotAdd(ns: number, slot: number, valueAt: number, valueLength: number, format: number, now: number): number;
  /** A copy of the snapshot, made at once, or a status. */
  snapshotEnd(ns: number): Uint8Array | number;
  snapshotDrop(ns: number): number;
  restoreBegin(ns: number, snapshot: Uint8Array, wall: number, now: number): number;
  restoreNext(ns: number, now: number): number;

  removal(ns: number, i: number): number;
  removalsClear(ns: number): number;

  frameSeal(frameAt: number, bytes: number): number;
  frameCheck(frameAt: number, bytes: number, placeAt: number, placeBytes: number): number;
}
