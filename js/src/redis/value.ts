import { FRAME_HEAD } from '../generated/abi.js';
import type { RedisBytes } from './port.js';

/*
 * What is stored of an entry, as far as it is beside the frame: see scripts.ts.
 */

/** A list of scopes, packed, and the frame; undefined for what is not ours. */
export function splitValue(value: RedisBytes): { readonly scopes: RedisBytes; readonly frame: Uint8Array } | undefined {
  if (value.length < 8 + FRAME_HEAD || value[0] !== 0x54 || value[1] !== 0x43 || value[2] !== 0x45 || value[3] !== 1)
    return undefined;
  const last = 8 + new DataView(value.buffer, value.byteOffset).getUint32(4, true);
  if (value.length < FRAME_HEAD + last) return undefined;
  return { scopes: value.subarray(8, last) as RedisBytes, frame: value.subarray(last) };
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
