// Keys and values for measurements of memory. The same number gives the same text, in a string of its own: not a part
// of another, nor a rope, since V8 would keep those in less.
import { random } from './zipf.mjs';

export const KEY_BYTES = 30;

/** 30 characters. @param {number} i up to 2^32 */
export const key = (i) => `session:${i.toString(16).padStart(16, '0')}:token`;

const POOL = 1 << 20;
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/';
const pool = Buffer.alloc(POOL + 4096);
const next = random(7);
for (let at = 0; at < pool.length; at++) pool.writeUInt8(LETTERS.charCodeAt(Math.floor(next() * 64)), at);

/** Text of a given length up to 4096. @param {number} i @param {number} length */
export function text(i, length) {
  const from = Math.imul(i, 0x9e3779b1) >>> 12;
  return pool.toString('latin1', from, from + length);
}

/** JSON of about 180 bytes: an object as it comes from a database. @param {number} i up to 10^8 */
export function json(i) {
  const id = i.toString().padStart(8, '0');
  return (
    `{"id":${i},"name":"${text(i, 16)}","email":"${text(i + 1, 12)}@example.org","roles":["reader","editor"],` +
    `"team":{"id":${i % 1000},"name":"team ${i % 1000}"},"score":${i % 97}.5,"active":true,"ref":"${id}"}`
  );
}
