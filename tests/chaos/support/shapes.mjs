// Other things in the place of what a cache has stored.
import { ReplyError, send } from '../../redis/support/resp.mjs';

/** Bytes made of those that are there, `other` those of another name. @type {((bytes: Buffer, other: Buffer) => Buffer | undefined)[]} */
const BYTES = [
  () => Buffer.from('{"version":1}'),
  () => Buffer.alloc(0),
  (bytes) => bytes.subarray(0, bytes.length / 2),
  (bytes) => Buffer.concat([bytes, Buffer.from('more')]),
  (bytes) => {
    const flipped = Buffer.from(bytes);
    if (flipped.length > 0) flipped[Math.floor(flipped.length / 2)] ^= 0x10;
    return flipped;
  },
  // Of no version that there is.
  (bytes) => Buffer.concat([bytes.subarray(0, 3), Buffer.from([255]), bytes.subarray(4)]),
  // A value of another key, whole.
  (_, other) => other,
  // A length that is not there.
  (bytes) => Buffer.concat([bytes.subarray(0, 4), Buffer.from([255, 255, 255, 127]), bytes.subarray(8)]),
];
/** Of another type, or gone. */
const TYPES = [
  (name) => [
    ['DEL', name],
    ['LPUSH', name, 'x'],
  ],
  (name) => [
    ['DEL', name],
    ['HSET', name, 'n', 'x', 'q', 'y'],
  ],
  (name) => [['DEL', name]],
];

/**
 * Puts another shape in the place of each name, by turns.
 * @param {number} first which of them comes first
 * @returns {(port: number, name: string, names: readonly string[]) => Promise<void>}
 */
export function shapes(first) {
  let turn = first;
  return async (port, name, names) => {
    const i = turn++ % (BYTES.length + TYPES.length);
    if (i >= BYTES.length) {
      await send(port, TYPES[i - BYTES.length](name));
      return;
    }
    const get = async (of) => {
      try {
        const [bytes] = await send(port, [['GET', of]], { raw: true });
        return Buffer.isBuffer(bytes) ? bytes : Buffer.alloc(0);
      } catch (error) {
        // Of another type already.
        if (error instanceof ReplyError) return Buffer.alloc(0);
        throw error;
      }
    };
    const other = await get(names[(names.indexOf(name) + 1) % names.length]);
    await send(port, [['SET', name, BYTES[i](await get(name), other)]]);
  };
}
