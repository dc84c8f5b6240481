/**
 * Strings in and out of the engine's memory, as they are: UTF-8 encoders replace lone surrogates, and `latin1`
 * of `TextDecoder` is windows-1252. An encoder is only trusted with what turns out to be ASCII.
 */

interface Slicers {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  ucs2Slice(this: Uint8Array, start: number, end: number): string;
}

// Node's own, which work on any Uint8Array and are several times faster on long strings.
const slicers: Partial<Slicers> | undefined = (globalThis as { Buffer?: { prototype: Partial<Slicers> } }).Buffer
  ?.prototype;
const latin1Slice = slicers?.latin1Slice;
const ucs2Slice = slicers?.ucs2Slice;

const encoder = new TextEncoder();

/** Below this many bytes a loop is faster than a call out of JavaScript. */
const SHORT = 24;
/** The same for writing, where a string that was put together is read by a loop at half the pace. */
const SHORT_WRITTEN = 16;
/** The same if the encoder needs a view of its own. */
const SHORT_ELSEWHERE = 64;
/** Arguments that `String.fromCharCode` is given at once: far below every engine's limit. */
const CHUNK = 4096;

/** Writes a string as Latin-1 if all its units fit. Returns false, with rubbish written, if they do not. */
export function writeLatin1(u8: Uint8Array, at: number, text: string): boolean {
  const length = text.length;
  if (length >= (at === 0 ? SHORT_WRITTEN : SHORT_ELSEWHERE)) {
    const { read, written } = encoder.encodeInto(text, at === 0 ? u8 : u8.subarray(at));
    // One byte for each unit: all of them ASCII.
    if (read === length && written === length) return true;
  }
  let seen = 0;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    u8[at + i] = unit;
    seen |= unit;
  }
  return seen <= 0xff;
}

/** Writes a string as UTF-16; `at` is even. */
export function writeUtf16(u8: Uint8Array, at: number, text: string): void {
  const length = text.length;
  for (let i = 0, to = at; i < length; i++, to += 2) {
    const unit = text.charCodeAt(i);
    u8[to] = unit;
    u8[to + 1] = unit >>> 8;
  }
}

export function readLatin1(u8: Uint8Array, start: number, end: number): string {
  if (end - start > SHORT && latin1Slice !== undefined) return latin1Slice.call(u8, start, end);
  if (end - start <= SHORT) {
    let text = '';
    for (let i = start; i < end; i++) text += String.fromCharCode(u8[i] as number);
    return text;
  }
  let text = '';
  for (let i = start; i < end; i += CHUNK) text += String.fromCharCode(...u8.subarray(i, Math.min(end, i + CHUNK)));
  return text;
}

export function readUtf16(u8: Uint8Array, start: number, end: number): string {
  if (ucs2Slice !== undefined) return ucs2Slice.call(u8, start, end);
  let text = '';
  const units: number[] = [];
  for (let i = start; i < end; i += 2) {
    units.push((u8[i] as number) | ((u8[i + 1] as number) << 8));
    if (units.length < CHUNK && i + 2 < end) continue;
    text += String.fromCharCode(...units);
    units.length = 0;
  }
  return text;
}
