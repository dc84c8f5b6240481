import { R_FORMAT, R_KEY, R_KEY_ENCODING, R_KEY_LENGTH, R_VALUE, R_VALUE_LENGTH, UTF16 } from '../generated/abi.js';
import { align, type Port, roomFor, WholeKind } from './port.js';
import { readLatin1, readUtf16, writeLatin1, writeUtf16 } from './text.js';

/** A value on its way in: text or bytes and what `format` they have; neither in reference mode. */
export interface Payload {
  readonly text?: string | undefined;
  readonly bytes?: Uint8Array | undefined;
  /** The facade's own number for how to read it back, below 4. */
  readonly format: number;
  /** Size in bytes, in reference mode. */
  readonly weight: number;
}

/** What the strings of a packed list are, as in their heads. */
export const TAG = 0;
export const DEPENDENCY = 2;

/** What {@link Buffer} needs to fail: thrown, so it does not return. */
export interface Refusals {
  noMemory(): never;
  tooLong(name: string, bytes: number): never;
}

/**
 * Values and lists in the buffer of a port: laid out for the next call, one after the other, and read back from
 * where the last call left them. The engine reads the places from here, so that a call allocates nothing.
 */
export class Buffer {
  /** Where the value lies, its length in bytes, and its format times 2 plus the encoding of a text. */
  valueAt = 0;
  valueLength = 0;
  format = 0;
  /** Where the packed list lies, and its length in bytes. */
  listAt = 0;
  listLength = 0;

  readonly #port: Port;
  readonly #longest: number;
  readonly #refuse: Refusals;

  /** @param longest bytes of the longest string, as stored */
  constructor(port: Port, longest: number, refuse: Refusals) {
    this.#port = port;
    this.#longest = longest;
    this.#refuse = refuse;
  }

  /** Makes room for a string that goes with the next call and may be no longer than a key. */
  prepare(text: string, name: string): void {
    if (text.length > this.#longest) this.#refuse.tooLong(name, text.length);
    this.reserve(roomFor(text.length));
  }

  /** Lays out a value, tags and dependencies, for a call that takes a key as well. */
  put(key: string, payload: Payload, tags: readonly string[], dependsOn: readonly string[]): void {
    if (key.length > this.#port.ready) this.prepare(key, 'key');
    this.format = payload.format * 2;
    this.valueAt = this.valueLength = this.listAt = this.listLength = 0;
    if (payload.text === undefined && payload.bytes === undefined && tags.length + dependsOn.length === 0) return;
    const start = roomFor(key.length);
    this.reserve(start + sizeOf(payload) + sizeOfList(tags) + sizeOfList(dependsOn));
    this.#putValue(start, payload);
    this.listAt = align(start + this.valueLength);
    this.#putNames(tags, TAG);
    this.#putNames(dependsOn, DEPENDENCY);
  }

  /** Lays out a string where a value would lie, for a call that takes another of any length as well. */
  putText(first: string, text: string): void {
    const start = roomFor(first.length);
    this.format = 0;
    this.reserve(start + 2 * text.length + 16);
    this.#putValue(start, { text, format: 0, weight: 0 });
  }

  /** Makes room for so many bytes; contents may be lost. */
  reserve(bytes: number): void {
    const port = this.#port;
    if ((port.ready < 0 || bytes > port.capacity) && !port.reserve(bytes)) this.#refuse.noMemory();
  }

  #putValue(at: number, payload: Payload): void {
    const { inputs } = this.#port;
    this.valueAt = at;
    if (payload.bytes !== undefined) {
      this.valueLength = payload.bytes.length;
      inputs.set(payload.bytes, at);
    } else if (payload.text !== undefined) {
      const written = putText(inputs, at, payload.text);
      this.valueLength = written >>> 1;
      this.format += written & 1;
    }
  }

  /** Writes strings to the end of the packed list. */
  #putNames(list: readonly string[], kind: number): void {
    const { inputs } = this.#port;
    let end = this.listAt + this.listLength;
    for (const text of list) {
      end = putPacked(inputs, end, text, kind, this.#longest);
      if (end < 0) this.#refuse.tooLong(kind === TAG ? 'tag' : 'dependsOn', -end);
    }
    this.listLength = end - this.listAt;
  }

  // ---- What the last call left

  readKey(): string {
    return this.#read(R_KEY, R_KEY_LENGTH, this.#register(R_KEY_ENCODING));
  }

  readText(): string {
    const encoding = this.#register(R_FORMAT) & 1;
    if (this.#register(R_VALUE) >= 0) return this.#read(R_VALUE, R_VALUE_LENGTH, encoding);
    return this.#takeValue(encoding === UTF16 ? WholeKind.Utf16 : WholeKind.Latin1) as string;
  }

  /** A copy, in memory of its own. */
  readBytes(): Uint8Array {
    const start = this.#register(R_VALUE);
    if (start >= 0) return this.#port.u8.slice(start, start + this.#register(R_VALUE_LENGTH));
    return new Uint8Array(this.#takeValue(WholeKind.Bytes) as ArrayBuffer);
  }

  #takeValue(kind: WholeKind): string | ArrayBuffer {
    return this.#port.takeValue?.(kind) ?? this.#refuse.noMemory();
  }

  readList(): string[] {
    const start = this.#register(R_KEY);
    return readPacked(this.#port.u8, start, start + this.#register(R_KEY_LENGTH));
  }

  /** Fetches again, with room for it, what the last call gives out but did not fit. */
  fit(): void {
    if (this.#register(R_VALUE) >= 0 && this.#register(R_KEY) >= 0) return;
    const bytes = this.#register(R_VALUE_LENGTH) + this.#register(R_KEY_LENGTH) + 16;
    if (!this.#port.reserve(bytes)) this.#refuse.noMemory();
    this.#port.refetch();
  }

  #read(address: number, length: number, encoding: number): string {
    const start = this.#register(address);
    return textAt(this.#port.u8, start, start + this.#register(length), encoding);
  }

  #register(i: number): number {
    return this.#port.registers[i] as number;
  }
}

/**
 * Appends a string to a packed list. Returns where the list ends then, or, with rubbish written, the string's length in
 * bytes below 0 if that is more than `longest`.
 */
export function putPacked(u8: Uint8Array, end: number, text: string, kind: number, longest: number): number {
  const at = end + 4;
  const written = putText(u8, at, text);
  const length = written >>> 1;
  if (length > longest) return -length;
  const head = length * 4 + kind + (written & 1);
  for (let i = 0; i < 4; i++) u8[end + i] = head >>> (8 * i);
  const next = at + ((length + 3) & ~3);
  // At most three: fewer than a call is worth.
  for (let i = at + length; i < next; i++) u8[i] = 0;
  return next;
}

/** The strings of a packed list: those of one kind, or all. */
export function readPacked(u8: Uint8Array, start: number, end: number, kind?: number): string[] {
  const strings: string[] = [];
  for (let at = start; at < end; ) {
    const head =
      (u8[at] as number) |
      ((u8[at + 1] as number) << 8) |
      ((u8[at + 2] as number) << 16) |
      ((u8[at + 3] as number) << 24);
    const length = head >>> 2;
    if (kind === undefined || kind === (head & 2)) strings.push(textAt(u8, at + 4, at + 4 + length, head & 1));
    at += 4 + ((length + 3) & ~3);
  }
  return strings;
}

function textAt(u8: Uint8Array, start: number, end: number, encoding: number): string {
  return encoding === UTF16 ? readUtf16(u8, start, end) : readLatin1(u8, start, end);
}

/** Writes a string in the shorter way. Returns its length in bytes times 2, plus its encoding. */
function putText(u8: Uint8Array, at: number, text: string): number {
  if (writeLatin1(u8, at, text)) return text.length * 2;
  writeUtf16(u8, at, text);
  return text.length * 4 + UTF16;
}

/** An upper bound of what a value takes in the buffer. */
function sizeOf(payload: Payload): number {
  return 16 + (payload.bytes === undefined ? 2 * (payload.text?.length ?? 0) : payload.bytes.length);
}

/** The same of a packed list. */
export function sizeOfList(list: readonly string[]): number {
  let bytes = 0;
  for (const text of list) bytes += 2 * text.length + 8;
  return bytes;
}
