import type { Awaitable } from '../../cache-like.js';
import type { FramePlace } from '../../engine/frame.js';
import type { Size } from '../../memory/types.js';

/** Turns values into bytes and back. */
export interface PayloadSerializer {
  /** What frames say of it, for ever: a number from 16 to 255. The built-in ones have those below. */
  readonly id: number;
  serialize(value: unknown): Uint8Array;
  /** Gets bytes that it may keep. */
  deserialize(bytes: Uint8Array): unknown;
}

export interface EncryptionKey {
  /** What frames say of it: 1 to 64 characters of ASCII. */
  readonly id: string;
  /** 16 or 32 bytes, or a key for AES-GCM with the usages `encrypt` and `decrypt`. */
  readonly key: Uint8Array | CryptoKey;
}

export interface PayloadOptions {
  /**
   * What values are written with. `'json'` (default): Uint8Array as they are, all else as JSON; what JSON would change is
   * refused. Values that were written with a serializer of `serializers` or with the default one are read all the same.
   */
  serializer?: 'json' | PayloadSerializer;
  /** Further ones that values may have been written with. */
  serializers?: readonly PayloadSerializer[];
  /** Payloads from this size on are compressed where the platform has zlib, if they become smaller. Default 4 KiB; false: none. */
  compressAbove?: Size | false;
  /** Most bytes that a payload may have once it is not compressed any more. Default 64 MiB. */
  maxBytes?: Size;
  /** The first key encrypts; all of them decrypt. With keys, a payload that is not encrypted is not read. */
  encryption?: readonly EncryptionKey[];
}

/** Why a payload cannot be read here. */
export type PayloadFault = 'serializer' | 'value' | 'compression' | 'size' | 'encryption' | 'encryption-key';

/** What a frame has of a value. */
export interface Payload {
  readonly format: number;
  readonly payload: Uint8Array;
}

/**
 * The values of one tier. Both functions answer at once where nothing has to be awaited, and with a promise otherwise:
 * await the result. `decode` neither throws nor rejects.
 */
export interface PayloadCodec {
  /** Throws or rejects with `ERR_TIERCEL_NOT_SERIALIZABLE` if the value cannot be written. */
  encode(value: unknown, place: FramePlace): Awaitable<Payload>;
  decode(payload: Payload, place: FramePlace): Awaitable<{ readonly value: unknown } | PayloadFault>;
}
