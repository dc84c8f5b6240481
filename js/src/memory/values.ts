import type { Engine, Namespace, Payload } from '../engine/engine.js';
import { invalidReturn, TiercelError } from '../errors.js';
import { estimateSize } from './estimate.js';
import { toJson } from './json.js';
import type { Serializer } from './types.js';

/** What is known of a value beside what the core keeps: for those who load it again. */
export interface Note {
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
  /** Milliseconds that it took to load. */
  readonly took?: number | undefined;
  /** Milliseconds that it had been stale for when it came here. */
  readonly age?: number | undefined;
}

/** How the values of a cache are kept. */
export interface Values<V> {
  /**
   * What to hand to the engine for a value. Changes nothing, and may throw.
   * @param weight size in bytes if the caller gave one
   */
  encode(value: V, key: string, weight: number | undefined, note: Note | undefined): Payload;
  /** Called with the slot where the value is now. */
  stored(slot: number, value: V, note: Note | undefined): void;
  /** What was noted of the value that a call just found in a slot; that can be read after, as before. */
  note(slot: number): Note | undefined;
  /** The value that a call just found in a slot. */
  read(ns: Namespace, slot: number): V;
  /** What gives that value, at any time later, a new copy each time where values are copies. */
  reader(ns: Namespace, slot: number): () => V;
  /** What gives the value of the removal that was just looked at; lets go of it here. */
  removed(slot: number): () => V | undefined;
  /** Lets go of the value in a slot. */
  release(slot: number): void;
  /** Lets go of everything. */
  clear(): void;
}

/** What the core is told of a value that stays here if nobody needs its size. */
const WEIGHTLESS: Payload = { format: 0, weight: 0 };

const CHUNK_BITS = 10;
const CHUNK_MASK = (1 << CHUNK_BITS) - 1;

/** The JS value stays here, by slot; the core knows only its size. */
export class ReferenceValues<V> implements Values<V> {
  /** Slots in chunks: one array of them all would be copied each time it grows, for milliseconds once it is large. */
  #chunks: (V | undefined)[][] = [];
  /** By slot, of the few values that have one. */
  readonly #notes = new Map<number, Note>();
  readonly #sizeOf: ((value: V, key: string) => number) | undefined;
  /** Without a bound in bytes nobody needs to know what a value weighs. */
  readonly #weighed: boolean;

  constructor(sizeOf: ((value: V, key: string) => number) | undefined, weighed: boolean) {
    this.#sizeOf = sizeOf;
    this.#weighed = weighed;
  }

  encode(value: V, key: string, weight: number | undefined): Payload {
    const size = weight ?? this.#weigh(value, key);
    return size === 0 ? WEIGHTLESS : { format: 0, weight: size };
  }

  #weigh(value: V, key: string): number {
    if (this.#sizeOf === undefined) return this.#weighed ? estimateSize(value) : 0;
    const size = this.#sizeOf(value, key);
    if (typeof size === 'number' && size >= 0 && size <= Number.MAX_SAFE_INTEGER) return size;
    throw invalidReturn('sizeOf', size, 'a number of bytes from 0 to 2^53 - 1');
  }

  stored(slot: number, value: V, note: Note | undefined): void {
    const i = slot >>> CHUNK_BITS;
    if (i >= this.#chunks.length) this.#grow(i);
    (this.#chunks[i] as (V | undefined)[])[slot & CHUNK_MASK] = value;
    if (note !== undefined) this.#notes.set(slot, note);
    else if (this.#notes.size !== 0) this.#notes.delete(slot);
  }

  note(slot: number): Note | undefined {
    return this.#notes.get(slot);
  }

  #grow(last: number): void {
    while (this.#chunks.length <= last) this.#chunks.push(new Array<V | undefined>(1 << CHUNK_BITS).fill(undefined));
  }

  read(_ns: Namespace, slot: number): V {
    return (this.#chunks[slot >>> CHUNK_BITS] as (V | undefined)[])[slot & CHUNK_MASK] as V;
  }

  reader(ns: Namespace, slot: number): () => V {
    const value = this.read(ns, slot);
    return () => value;
  }

  removed(slot: number): () => V | undefined {
    const value = this.#chunks[slot >>> CHUNK_BITS]?.[slot & CHUNK_MASK];
    this.release(slot);
    return () => value;
  }

  release(slot: number): void {
    const chunk = this.#chunks[slot >>> CHUNK_BITS];
    if (chunk !== undefined) chunk[slot & CHUNK_MASK] = undefined;
    if (this.#notes.size !== 0) this.#notes.delete(slot);
  }

  clear(): void {
    this.#chunks = [];
    this.#notes.clear();
  }
}

enum Format {
  Text = 0,
  Json = 1,
  Bytes = 2,
  Custom = 3,
}

/** The core keeps a copy of the value as bytes: text and JSON as text, the rest as they are. */
export class BytesValues<V> implements Values<V> {
  readonly #engine: Engine;
  readonly #serializer: Serializer<V> | undefined;
  /** Of values with a note: the format that no other value of this cache has. */
  readonly #noted: Format;

  constructor(engine: Engine, serializer: Serializer<V> | undefined) {
    this.#engine = engine;
    this.#serializer = serializer;
    this.#noted = serializer === undefined ? Format.Custom : Format.Bytes;
  }

  encode(value: V, _key: string, weight: number | undefined, note: Note | undefined): Payload {
    const payload = this.#encode(value, weight);
    return note === undefined ? payload : withNote(payload, note, this.#noted);
  }

  #encode(value: V, weight: number | undefined): Payload {
    if (weight !== undefined) {
      throw new TiercelError(
        'ERR_TIERCEL_INVALID_OPTION',
        'weight: only in reference mode; in bytes mode the size is measured',
      );
    }
    if (this.#serializer !== undefined)
      return { format: Format.Custom, bytes: serialize(this.#serializer, value), weight: 0 };
    if (typeof value === 'string') return { format: Format.Text, text: value, weight: 0 };
    if (value instanceof Uint8Array) return { format: Format.Bytes, bytes: value, weight: 0 };
    return { format: Format.Json, text: toJson(value), weight: 0 };
  }

  stored(): void {
    // The core has its copy.
  }

  read(): V {
    return this.decode()();
  }

  reader(): () => V {
    return this.decode(copied);
  }

  removed(): () => V | undefined {
    const decode = this.decode();
    return () => {
      try {
        return decode();
      } catch {
        // The entry is gone whether or not its bytes can be read.
        return undefined;
      }
    };
  }

  note(): Note | undefined {
    if (this.#engine.format !== this.#noted) return undefined;
    this.#engine.fetchValue();
    const bytes = this.#engine.readBytes();
    return (JSON.parse(new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(NEWLINE)))) as Head).note;
  }

  release(): void {
    // The core freed it.
  }

  clear(): void {
    // The core's memory goes with the engine.
  }

  /**
   * What gives the value that the engine's last call left. Takes it out of the engine's memory at once, so that
   * whatever decoding calls cannot change it. @param give what becomes of the bytes each time: they are for one call if that is nothing
   */
  decode(give = given): () => V {
    const { format } = this.#engine;
    if (format === Format.Text) {
      const text = this.#engine.readText();
      return () => text as V;
    }
    if (format === Format.Json) {
      const text = this.#engine.readText();
      return () => JSON.parse(text) as V;
    }
    const bytes = this.#engine.readBytes();
    if (format === this.#noted) return () => this.#decodeNoted(bytes);
    if (format === Format.Bytes) return () => give(bytes) as V;
    return () => deserialize(this.#serializer as Serializer<V>, give(bytes));
  }

  #decodeNoted(bytes: Uint8Array): V {
    const end = bytes.indexOf(NEWLINE) + 1;
    const { format } = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end))) as Head;
    const rest = bytes.slice(end);
    if (format === Format.Bytes) return rest as V;
    if (format === Format.Custom) return deserialize(this.#serializer as Serializer<V>, rest);
    return JSON.parse(new TextDecoder().decode(rest)) as V;
  }
}

/** For a value that is given out once. */
const given = (bytes: Uint8Array): Uint8Array => bytes;
/** For one that may be given out again, whatever was done to it. */
const copied = (bytes: Uint8Array): Uint8Array => bytes.slice();

const NEWLINE = 10;

/** The first line of a value with a note, as JSON, which has no newline in it; after that the value, texts as JSON too. */
interface Head {
  readonly note: Note;
  readonly format: Format;
}

function withNote({ text, bytes, format }: Payload, note: Note, noted: Format): Payload {
  const encoder = new TextEncoder();
  const head: Head = { note, format };
  const line = encoder.encode(`${JSON.stringify(head)}\n`);
  // As JSON even a lone surrogate is kept.
  const rest = bytes ?? encoder.encode(format === Format.Text ? JSON.stringify(text) : text);
  const whole = new Uint8Array(line.length + rest.length);
  whole.set(line);
  whole.set(rest, line.length);
  return { bytes: whole, format: noted, weight: 0 };
}

function serialize<V>(serializer: Serializer<V>, value: V): Uint8Array {
  let bytes: unknown;
  try {
    bytes = serializer.serialize(value);
  } catch (cause) {
    throw new TiercelError('ERR_TIERCEL_NOT_SERIALIZABLE', 'value: the serializer could not turn it into bytes', {
      cause,
    });
  }
  if (bytes instanceof Uint8Array) return bytes;
  throw new TiercelError('ERR_TIERCEL_NOT_SERIALIZABLE', 'value: the serializer must return a Uint8Array');
}

function deserialize<V>(serializer: Serializer<V>, bytes: Uint8Array): V {
  try {
    return serializer.deserialize(bytes);
  } catch (cause) {
    throw new TiercelError('ERR_TIERCEL_CORRUPT_VALUE', 'the serializer could not read a value that it wrote', {
      cause,
    });
  }
}
