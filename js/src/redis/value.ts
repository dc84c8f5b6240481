import { FRAME_HEAD } from '../generated/abi.js';
import type { RedisBytes } from './port.js';

/*
 * What is stored of an entry, as far as it is beside the frame: see scripts.ts.
 */

/** Where the list of scopes begins, packed; it ends where the frame begins. */
export const SCOPES_AT = 8;

/** Where the frame begins; -1 for what is not ours. */
export function frameAt(value: RedisBytes): number {
  if (
    value.length < SCOPES_AT + FRAME_HEAD ||
    value[0] !== 0x54 ||
    value[1] !== 0x43 ||
    value[2] !== 0x45 ||
    value[3] !== 1
  )
    return -1;
  const at = SCOPES_AT + lengthAt(value, 4);
  return value.length < FRAME_HEAD + at ? -1 : at;
}

/** A u32 in little-endian order: a view would cost more than all else that is done here. */
function lengthAt(bytes: Uint8Array, at: number): number {
  const signed =
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24);
  return signed >>> 0;
}

/** Strings of a MessagePack array, each as the characters of its bytes; undefined if it is anything else. */
export function unpackStrings(bytes: RedisBytes): readonly string[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const strings: string[] = [];
  try {
    const head = view.getUint8(0);
    const isShort = (head & 0xf0) === 0x90;
    if (!isShort && head !== 0xdc) return undefined;
    const count = isShort ? head & 0x0f : view.getUint16(1);
    let at = isShort ? 1 : 3;
    for (let i = 0; i < count; i++) {
      const kind = view.getUint8(at++);
      let length = kind & 0x1f;
      if (kind === 0xd9) length = view.getUint8(at++);
      else if (kind === 0xda) {
        length = view.getUint16(at);
        at += 2;
      } else if ((kind & 0xe0) !== 0xa0) return undefined;
      if (at + length > bytes.length) return undefined;
      strings.push(bytes.latin1Slice(at, at + length));
      at += length;
    }
    return at === bytes.length ? strings : undefined;
  } catch {
    // It ends too early.
    return undefined;
  }
}
