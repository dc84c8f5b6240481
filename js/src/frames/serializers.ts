import { TiercelError } from '../errors.js';
import { DEEPEST, toJson } from '../memory/json.js';

/** Turns values into bytes and back. */
export interface PayloadSerializer {
  /** What frames say of it, for ever: a number from 16 to 255, or 3 for MessagePack. */
  readonly id: number;
  /** What it throws is the cause of `ERR_TIERCEL_NOT_SERIALIZABLE`: the value is not stored. */
  serialize(value: unknown): Uint8Array;
  /** Gets bytes that it may keep. What it throws makes the frame a miss. */
  deserialize(bytes: Uint8Array): unknown;
}

const JSON_ID = 1;
const BYTES_ID = 2;
const MESSAGE_PACK_ID = 3;

/** A package for MessagePack: `@msgpack/msgpack`, `msgpackr` and others have these two functions. */
export interface MessagePack {
  encode(value: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

/** Values as MessagePack, by a package that the application brings: `messagePack(await import('@msgpack/msgpack'))`. */
export function messagePack({ encode, decode }: MessagePack): PayloadSerializer {
  return { id: MESSAGE_PACK_ID, serialize: (value) => encode(value), deserialize: (bytes) => decode(bytes) };
}

export const isSerializerId = (id: unknown): id is number =>
  typeof id === 'number' && Number.isInteger(id) && (id === MESSAGE_PACK_ID || (id >= 16 && id <= 255));

/** Uint8Array as they are. */
export const rawBytes: PayloadSerializer = {
  id: BYTES_ID,
  serialize: (value) => value as Uint8Array,
  // They lie in what the client read; and what that is of is its own affair.
  deserialize: (bytes) => new Uint8Array(bytes),
};

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** All else. Lone surrogates are escapes in JSON, so that UTF-8 keeps them. */
export const json: PayloadSerializer = {
  id: JSON_ID,
  serialize: (value) => encoder.encode(toJson(value)),
  deserialize: (bytes) => {
    refuseDeep(bytes);
    // Names are members of the object alone, `__proto__` too: nothing is assigned.
    return JSON.parse(decoder.decode(bytes));
  },
};

/** What it serializes to, as every serializer must. */
export function serialize(serializer: PayloadSerializer, value: unknown): Uint8Array {
  let bytes: unknown;
  try {
    bytes = serializer.serialize(value);
  } catch (cause) {
    if (cause instanceof TiercelError) throw cause;
    throw new TiercelError('ERR_TIERCEL_NOT_SERIALIZABLE', 'value: the serializer could not turn it into bytes', {
      cause,
    });
  }
  if (bytes instanceof Uint8Array) return bytes;
  throw new TiercelError('ERR_TIERCEL_NOT_SERIALIZABLE', 'value: the serializer must return a Uint8Array');
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** What is deeper than what is written here would end whoever walks through it by recursion. */
function refuseDeep(bytes: Uint8Array): void {
  let depth = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte === QUOTE) {
      i = endOfString(bytes, i);
    } else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > DEEPEST + 1) throw new RangeError('JSON that is too deep');
    } else if (byte === 0x5d || byte === 0x7d) {
      depth--;
    }
  }
}

/** Where the quote is that ends the string that begins at `at`, or the end of all. */
function endOfString(bytes: Uint8Array, at: number): number {
  for (let end = bytes.indexOf(QUOTE, at + 1); end >= 0; end = bytes.indexOf(QUOTE, end + 1)) {
    let escapes = 0;
    while (bytes[end - 1 - escapes] === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return end;
  }
  return bytes.length;
}
