// memory.mjs CACHE VALUES ENTRIES: fills a cache and prints, in bytes, what the process then has resident above what it
// had after the same with a cache of ten entries, what the keys and values themselves are, and what Tiercel accounts for.
import { setTimeout } from 'node:timers/promises';
import { json, KEY_BYTES, key, text } from '../payloads.mjs';
import { open } from './cache.mjs';

const TEXT_BYTES = 200;
const SHORT_TEXT_BYTES = 24;

/** @type {Record<string, { value(i: number): unknown, bytes(i: number): number }>} */
const VALUES = {
  text: { value: (i) => text(i, TEXT_BYTES), bytes: () => TEXT_BYTES },
  json: { value: (i) => JSON.parse(json(i)), bytes: (i) => json(i).length },
  // With what an allocator adds it is a block of 32 bytes: what is left is metadata, and those 8.
  short: { value: (i) => text(i, SHORT_TEXT_BYTES), bytes: () => SHORT_TEXT_BYTES },
};

const [name, values, n] = process.argv.slice(2);
const { value, bytes } = VALUES[values];
const entries = Number(n);

/** Without garbage, nor pages that only waited for more of it. */
async function resident() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc(/** @type {any} */ ({ type: 'major', execution: 'sync', flavor: 'last-resort' }));
    await setTimeout(100);
  }
  return process.memoryUsage.rss();
}

/** @param {import('../caches.mjs').Cache} cache */
function check(cache) {
  for (let i = 0; i < entries; i += 997) {
    if (JSON.stringify(cache.get(key(i))) !== JSON.stringify(value(i))) throw new Error(`${key(i)} has another value`);
  }
}

const options = /** @type {const} */ ({ values: 'bytes' });
// The same work on a cache that keeps nothing of it: what V8 has taken for keys and values on their way is in none.
const small = await open(name, 10, options);
for (let i = 0; i < entries; i++) small.set(key(i), value(i));
small.close?.();
const before = await resident();
const cache = await open(name, entries, options);
// Twice as many if it is about metadata: that of what was evicted belongs to it.
const first = values === 'short' ? -entries : 0;
for (let i = first; i < entries; i++) cache.set(key(i >>> 0), value(i));
if (first === 0) check(cache);
const after = await resident();

let payload = 0;
for (let i = 0; i < entries; i++) payload += KEY_BYTES + bytes(i);
const { size: held, bytes: accounted } = /** @type {any} */ (cache);
if (held !== entries) throw new Error(`${name} holds ${held} of ${entries} entries`);
console.log(JSON.stringify({ resident: after - before, payload, accounted }));
