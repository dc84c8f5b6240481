/**
 * SHA-256 of a text (FIPS 180-4), cut to 192 bits: 32 characters of `A-Z a-z 0-9 - _`.
 *
 * Keys are made of what users send, and whoever can find two inputs of one hash can have the cache serve the value of
 * one for the other; so it has to be a cryptographic hash, which the fast ones of 128 bits are not. Own code, because
 * `crypto.subtle` is asynchronous and keys are not. After the cut a collision takes about 2^96 tries; among 10^9
 * values one happens by chance with a probability of 10^-40. A few microseconds for a short text.
 */
export function hashText(text: string): string {
  const words = digest(padded(text));
  let result = '';
  for (let i = 0; i < 6; i += 3) {
    const [a, b, c] = [words[i], words[i + 1], words[i + 2]] as [number, number, number];
    // 96 bits are 16 characters.
    result += sixes(a >>> 8) + sixes(((a & 0xff) << 16) | (b >>> 16));
    result += sixes(((b & 0xffff) << 8) | (c >>> 24)) + sixes(c & 0xffffff);
  }
  return result;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** 24 bits as 4 characters. */
function sixes(bits: number): string {
  return (
    (ALPHABET[bits >>> 18] as string) +
    (ALPHABET[(bits >>> 12) & 63] as string) +
    (ALPHABET[(bits >>> 6) & 63] as string) +
    (ALPHABET[bits & 63] as string)
  );
}

/**
 * The units of the text as they are, since UTF-8 has one form for all lone surrogates: a byte each if all fit, else
 * two, big-endian, and first a byte that tells which; then the padding.
 */
function padded(text: string): Uint8Array {
  const isWide = /[^\0-\xff]/.test(text);
  const length = 1 + (isWide ? 2 * text.length : text.length);
  const bytes = new Uint8Array(((length + 8) >>> 6) * 64 + 64);
  let at = 0;
  bytes[at++] = isWide ? 2 : 1;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (isWide) bytes[at++] = unit >>> 8;
    bytes[at++] = unit;
  }
  bytes[at] = 0x80;
  const end = new DataView(bytes.buffer, bytes.length - 8);
  end.setUint32(0, Math.floor(length / 2 ** 29));
  end.setUint32(4, length << 3);
  return bytes;
}

interface Tables {
  readonly rounds: Int32Array;
  readonly start: Int32Array;
  /** Of one block; what is in it between calls means nothing. */
  readonly schedule: Int32Array;
}

/** Made when first used, so that a bundle without keys is without them. */
let tables: Tables | undefined;

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes, and of the square roots of 8. */
function makeTables(): Tables {
  const primes: number[] = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  const fraction = (root: number) => ((root % 1) * 2 ** 32) | 0;
  return {
    rounds: Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime))),
    start: Int32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime))),
    schedule: new Int32Array(64),
  };
}

function digest(bytes: Uint8Array): Int32Array {
  tables ??= makeTables();
  const { rounds, schedule } = tables;
  const state = tables.start.slice();
  const view = new DataView(bytes.buffer);
  for (let block = 0; block < bytes.length; block += 64) {
    for (let i = 0; i < 16; i++) schedule[i] = view.getInt32(block + 4 * i);
    compress(state, schedule, rounds);
  }
  return state;
}

function compress(state: Int32Array, w: Int32Array, rounds: Int32Array): void {
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15] as number;
    const y = w[i - 2] as number;
    const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3);
    const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10);
    w[i] = ((w[i - 16] as number) + s0 + (w[i - 7] as number) + s1) | 0;
  }
  let a = state[0] as number;
  let b = state[1] as number;
  let c = state[2] as number;
  let d = state[3] as number;
  let e = state[4] as number;
  let f = state[5] as number;
  let g = state[6] as number;
  let h = state[7] as number;
  for (let i = 0; i < 64; i++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (rounds[i] as number) + (w[i] as number)) | 0;
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  // Stored modulo 2^32.
  state[0] = (state[0] as number) + a;
  state[1] = (state[1] as number) + b;
  state[2] = (state[2] as number) + c;
  state[3] = (state[3] as number) + d;
  state[4] = (state[4] as number) + e;
  state[5] = (state[5] as number) + f;
  state[6] = (state[6] as number) + g;
  state[7] = (state[7] as number) + h;
}

function rotate(x: number, by: number): number {
  return (x >>> by) | (x << (32 - by));
}
