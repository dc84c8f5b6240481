import { invalidArgument } from '../errors.js';
import type { RedisArgument, RedisReply } from './port.js';

/** Arguments of one call of a function. */
const CHUNK = 8192;

/** A character for each byte, of the same number. */
export function latin1(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += CHUNK)
    text += String.fromCharCode.apply(null, bytes.subarray(at, at + CHUNK) as unknown as number[]);
  return text;
}

/** Bytes of a reply. Parts of them are Uint8Array as others are. */
class ReplyBytes extends Uint8Array {
  static get [Symbol.species](): Uint8ArrayConstructor {
    return Uint8Array;
  }

  latin1Slice(start = 0, end = this.length): string {
    return latin1(this.subarray(start, end));
  }
}

/** A reply as it comes in JSON, with strings in base64. @throws anything, if it is none */
export function replyOf(result: unknown): RedisReply {
  if (typeof result === 'number' || result === null) return result;
  if (Array.isArray(result)) return result.map(replyOf);
  if (typeof result !== 'string') throw new TypeError('no reply');
  // The one that is not encoded; it would not be base64.
  return result === 'OK' ? result : fromBase64(result);
}

function fromBase64(text: string): ReplyBytes {
  const binary = atob(text);
  const bytes = new ReplyBytes(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** An argument in JSON; bytes only scripts can have. */
export function asText(arg: RedisArgument): string {
  if (typeof arg === 'string') return arg;
  throw invalidArgument('args', arg, 'strings: over REST only scripts take bytes');
}
