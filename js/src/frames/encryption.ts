import type { FramePlace } from '../engine/frame.js';
import { invalidOption, TiercelError } from '../errors.js';

export interface EncryptionKey {
  /** What frames say of it: 1 to 64 characters of ASCII. */
  readonly id: string;
  /** 16 or 32 bytes, or a key for AES-GCM that may encrypt and decrypt. */
  readonly key: Uint8Array | CryptoKey;
}

const IV_BYTES = 12;
const TAG_BYTES = 16;

const encoder = new TextEncoder();
const decoder = new TextDecoder('latin1');

/**
 * AES-GCM. Encrypted bytes are: how long the key's id is, the id, a nonce of 12 random bytes, and the ciphertext with its
 * tag. What they are bound to is not in them: the format and the place, so that they are of no use elsewhere.
 *
 * Nonces are random, so that a key should encrypt no more than 2^32 values (NIST SP 800-38D, 8.3): then it is time for
 * another one.
 */
export class Encryption {
  readonly #keys: ReadonlyMap<string, () => Promise<CryptoKey>>;
  readonly #first: string;

  constructor(keys: readonly EncryptionKey[]) {
    this.#first = (keys[0] as EncryptionKey).id;
    this.#keys = new Map(keys.map(({ id, key }) => [id, imported(key)]));
  }

  async encrypt(bytes: Uint8Array, format: number, place: FramePlace): Promise<Uint8Array> {
    const id = encoder.encode(this.#first);
    const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
    const key = await (this.#keys.get(this.#first) as () => Promise<CryptoKey>)();
    const sealed = await crypto.subtle.encrypt(terms(iv, format, place), key, bytes as Uint8Array<ArrayBuffer>);
    const whole = new Uint8Array(1 + id.length + IV_BYTES + sealed.byteLength);
    whole[0] = id.length;
    whole.set(id, 1);
    whole.set(iv, 1 + id.length);
    whole.set(new Uint8Array(sealed), 1 + id.length + IV_BYTES);
    return whole;
  }

  /** Resolves with the bytes, or with why there are none: `encryption-key` if there is no such key. */
  async decrypt(
    bytes: Uint8Array,
    format: number,
    place: FramePlace,
  ): Promise<Uint8Array | 'encryption' | 'encryption-key'> {
    const ivAt = 1 + (bytes[0] ?? 0);
    const sealedAt = ivAt + IV_BYTES;
    if (bytes.length < sealedAt + TAG_BYTES) return 'encryption';
    const key = this.#keys.get(decoder.decode(bytes.subarray(1, ivAt)));
    if (key === undefined) return 'encryption-key';
    try {
      const iv = bytes.slice(ivAt, sealedAt);
      const sealed = bytes.subarray(sealedAt) as Uint8Array<ArrayBuffer>;
      return new Uint8Array(await crypto.subtle.decrypt(terms(iv, format, place), await key(), sealed));
    } catch {
      return 'encryption';
    }
  }
}

/** JSON of strings is injective, and of no two places the same. */
function terms(iv: Uint8Array<ArrayBuffer>, format: number, { namespace, key }: FramePlace): AesGcmParams {
  return { name: 'AES-GCM', iv, additionalData: encoder.encode(JSON.stringify([format, ...namespace, key])) };
}

/** Imports a key at its first use, and once. */
function imported(key: Uint8Array | CryptoKey): () => Promise<CryptoKey> {
  if (!(key instanceof Uint8Array)) return () => Promise.resolve(key);
  // A copy: whoever gave it may wipe it.
  const bytes = key.slice();
  let result: Promise<CryptoKey> | undefined;
  return () => {
    result ??= crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']);
    return result;
  };
}

/** Reads the option: at least one key, no id twice. */
export function encryptionKeys(value: unknown, name: string): readonly EncryptionKey[] {
  if (!Array.isArray(value) || value.length === 0) throw invalidOption(name, value, 'a list of keys, at least one');
  const ids = new Set<string>();
  for (const [i, entry] of value.entries()) {
    const { id, key } = (entry ?? {}) as Partial<EncryptionKey>;
    if (typeof id !== 'string' || !/^[\x20-\x7e]{1,64}$/.test(id))
      throw invalidOption(`${name}[${i}].id`, id, '1 to 64 characters of ASCII');
    if (ids.has(id)) throw invalidOption(`${name}[${i}].id`, id, 'ids that are different');
    ids.add(id);
    if (!isKey(key))
      // Never said what it is.
      throw new TiercelError(
        'ERR_TIERCEL_INVALID_OPTION',
        `${name}[${i}].key: accepted: a Uint8Array of 16 or 32 bytes, or a CryptoKey for AES-GCM`,
      );
  }
  return value as EncryptionKey[];
}

function isKey(key: unknown): boolean {
  if (key instanceof Uint8Array) return key.length === 16 || key.length === 32;
  if (typeof CryptoKey !== 'function' || !(key instanceof CryptoKey)) return false;
  return key.algorithm.name === 'AES-GCM' && key.usages.includes('encrypt') && key.usages.includes('decrypt');
}
