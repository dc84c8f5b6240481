import type { Awaitable } from '../cache-like.js';
import type { FramePlace } from '../engine/frame.js';
import { invalidOption, TiercelError } from '../errors.js';
import { type Readers, read, size } from '../memory/readers.js';
import type { Size } from '../memory/types.js';
import { compress, decompress, hasCompression, TOO_LARGE } from './compression.js';
import { Encryption, type EncryptionKey, encryptionKeys } from './encryption.js';
import { isSerializerId, json, type PayloadSerializer, rawBytes, serialize } from './serializers.js';

export interface PayloadOptions {
  /**
   * What values are written with. `'json'` (default): Uint8Array as they are, all else as JSON; what JSON would change is
   * refused. Values that were written so, or with one of `serializers`, are read whatever this is.
   */
  serializer?: 'json' | PayloadSerializer;
  /** Further ones that values may have been written with. */
  serializers?: readonly PayloadSerializer[];
  /**
   * Payloads of this size or more are compressed, if they become smaller, where the platform has zlib. Default 4 KiB;
   * with `encryption` false, as the size of what is compressed tells something of it. False: none.
   */
  compressAbove?: Size | false;
  /** Most bytes of a payload once it is not compressed any more; a larger one is not written, and not read. Default 64 MiB. */
  maxBytes?: Size;
  /** The first key encrypts; all of them decrypt. With keys, nothing is read that is not encrypted. Default: none. */
  encryption?: readonly EncryptionKey[];
}

/**
 * Why a payload cannot be read here:
 * - `serializer`: written with one that is not known here
 * - `value`: the serializer cannot read it
 * - `compression`: it cannot be decompressed, or not on this platform
 * - `size`: it has more than `maxBytes`
 * - `encryption`: it is not encrypted and should be, or was changed, or is of another place
 * - `encryption-key`: there is no key of its id
 */
export type PayloadFault = 'serializer' | 'value' | 'compression' | 'size' | 'encryption' | 'encryption-key';

/** What a frame has of a value. */
export interface Payload {
  readonly format: number;
  readonly payload: Uint8Array;
}

/** Of a format: the id of the serializer in its low byte, and how the bytes were treated after. */
const SERIALIZER = 0xff;
const COMPRESSED = 0x100;
const ENCRYPTED = 0x200;

type Decoded = { readonly value: unknown } | PayloadFault;

/**
 * The values of one tier: serialized, compressed, encrypted, in this order. Both calls answer at once where nothing has to
 * be awaited, and with a promise otherwise.
 */
export class PayloadCodec {
  readonly #serializer: PayloadSerializer;
  readonly #serializers: ReadonlyMap<number, PayloadSerializer>;
  readonly #compressAbove: number;
  readonly #maxBytes: number;
  readonly #encryption: Encryption | undefined;

  constructor(options?: PayloadOptions) {
    const {
      serializer = 'json',
      serializers = [],
      compressAbove,
      maxBytes,
      encryption,
    } = read(options, PAYLOAD_READERS, 'options');
    this.#serializer = serializer === 'json' ? json : serializer;
    const all = [json, rawBytes, this.#serializer, ...serializers];
    this.#serializers = new Map(all.map((one) => [one.id, one]));
    for (const one of all)
      if (this.#serializers.get(one.id) !== one)
        throw invalidOption('serializers', one.id, 'serializers with ids of their own');
    this.#maxBytes = (maxBytes as number | undefined) ?? 64 * 1024 ** 2;
    this.#encryption = encryption && new Encryption(encryption);
    const above = compressAbove ?? (encryption === undefined ? 4096 : false);
    this.#compressAbove = above === false || !hasCompression ? Number.POSITIVE_INFINITY : (above as number);
  }

  /**
   * What is answered at once may lie in the value itself: it is to be used, or copied, before anybody can change that.
   * Throws or rejects with `ERR_TIERCEL_NOT_SERIALIZABLE` if the value cannot be written.
   */
  encode(value: unknown, place: FramePlace): Awaitable<Payload> {
    const serializer = this.#serializer === json && value instanceof Uint8Array ? rawBytes : this.#serializer;
    const payload = serialize(serializer, value);
    if (payload.length > this.#maxBytes) throw tooLarge(payload.length, this.#maxBytes);
    const format = serializer.id;
    const isCompressed = payload.length >= this.#compressAbove;
    if (!isCompressed && this.#encryption === undefined) return { format, payload };
    // The caller may go on to change what it gave.
    const copy = { format, payload: payload.slice() };
    return isCompressed ? this.#compress(copy, place) : this.#encrypt(copy, place);
  }

  async #compress({ format, payload }: Payload, place: FramePlace): Promise<Payload> {
    const smaller = await compress(payload);
    const best =
      smaller.length < payload.length ? { format: format | COMPRESSED, payload: smaller } : { format, payload };
    return this.#encryption === undefined ? best : this.#encrypt(best, place);
  }

  async #encrypt({ format, payload }: Payload, place: FramePlace): Promise<Payload> {
    const encrypted = format | ENCRYPTED;
    return { format: encrypted, payload: await (this.#encryption as Encryption).encrypt(payload, encrypted, place) };
  }

  /** Neither throws nor rejects, whatever the payload is. */
  decode({ format, payload }: Payload, place: FramePlace): Awaitable<Decoded> {
    const serializer = this.#serializers.get(format & SERIALIZER);
    if (serializer === undefined || (format & ~(SERIALIZER | COMPRESSED | ENCRYPTED)) !== 0) return 'serializer';
    const isEncrypted = (format & ENCRYPTED) !== 0;
    if (this.#encryption === undefined && isEncrypted) return 'encryption-key';
    if (this.#encryption !== undefined && !isEncrypted) return 'encryption';
    if (!isEncrypted && (format & COMPRESSED) === 0) return this.#deserialize(serializer, payload);
    return this.#unwrap(serializer, format, payload, place);
  }

  async #unwrap(serializer: PayloadSerializer, format: number, bytes: Uint8Array, place: FramePlace): Promise<Decoded> {
    let payload = bytes;
    if (this.#encryption !== undefined) {
      const decrypted = await this.#encryption.decrypt(payload, format, place);
      if (typeof decrypted === 'string') return decrypted;
      payload = decrypted;
    }
    if ((format & COMPRESSED) !== 0) {
      if (!hasCompression) return 'compression';
      try {
        payload = await decompress(payload, this.#maxBytes);
      } catch (error) {
        return (error as NodeJS.ErrnoException).code === TOO_LARGE ? 'size' : 'compression';
      }
    }
    return this.#deserialize(serializer, payload);
  }

  #deserialize(serializer: PayloadSerializer, payload: Uint8Array): Decoded {
    if (payload.length > this.#maxBytes) return 'size';
    try {
      return { value: serializer.deserialize(payload) };
    } catch {
      return 'value';
    }
  }
}

export function payloadCodec(options?: PayloadOptions): PayloadCodec {
  return new PayloadCodec(options);
}

function tooLarge(bytes: number, most: number): Error {
  return new TiercelError(
    'ERR_TIERCEL_NOT_SERIALIZABLE',
    `value: takes ${bytes} bytes; accepted: ${most} (option maxBytes)`,
  );
}

function serializerOption(value: unknown, name: string): PayloadSerializer {
  const { id, serialize: to, deserialize } = (value ?? {}) as Partial<PayloadSerializer>;
  if (!isSerializerId(id))
    throw invalidOption(`${name}.id`, id, 'a whole number from 16 to 255; use messagePack() for 3');
  if (typeof to !== 'function' || typeof deserialize !== 'function')
    throw invalidOption(name, value, 'an object with the functions serialize and deserialize');
  return value as PayloadSerializer;
}

/** How each option is read, for those who have options of their own beside. */
export const PAYLOAD_READERS: Readers<PayloadOptions> = {
  serializer: (value, name) => (value === 'json' ? value : serializerOption(value, name)),
  serializers: (value, name) => {
    if (!Array.isArray(value)) throw invalidOption(name, value, 'a list of serializers');
    return value.map((one, i) => serializerOption(one, `${name}[${i}]`));
  },
  compressAbove: (value, name) => (value === false ? value : size(value, name)),
  maxBytes: size,
  encryption: encryptionKeys,
};
