// stalled.mjs LIBRARY PORT: a cache at full speed before a second tier. It tells its parent what it holds once it has come to
// its size, and again after a minute from the message that says that the second tier stands still.
import { createCache } from 'tiercel';
import { redisBus, redisTier } from 'tiercel/redis';
import { CLIENTS } from './clients.mjs';

const SECOND = 1_000;
/** Longer than what a runtime needs to come to its own size. */
const WARM = 10 * SECOND;
const STALL = 60 * SECOND;
const CALLERS = 64;
const KEYS = 20_000;

const [library, port] = process.argv.slice(2);
const client = await CLIENTS[library](Number(port));
const listening = await CLIENTS[library](Number(port));
const tier = redisTier(client);
const cache = await createCache({
  memory: { maxBytes: '2mb', values: 'bytes' },
  remote: tier,
  bus: redisBus(listening),
  onDoubt: 'revalidate',
});
const text = 'x'.repeat(200);
const counts = { calls: 0, failed: 0, longest: 0 };

/** What an application does, with keys that memory mostly does not have. */
const STEPS = [
  (/** @type {string} */ key) => cache.getOrSet(key, () => text, { tags: [key] }),
  (/** @type {string} */ key) => cache.get(key),
  (/** @type {string} */ key) => cache.set(key, text, { tags: ['t', key] }),
  (/** @type {string} */ key) => cache.delete(key),
  (/** @type {string} */ key) => cache.invalidateTags(key),
  (/** @type {string} */ key) =>
    cache.getOrSetMany([key, `${key}+`], async (keys) => new Map(keys.map((k) => [k, text]))),
];

let isOver = false;
const callers = Array.from({ length: CALLERS }, async (_, caller) => {
  for (let i = caller; !isOver; i += CALLERS) {
    const key = `key ${(i * 7_919) % KEYS}`;
    const begin = performance.now();
    try {
      await STEPS[i % STEPS.length]?.(key);
    } catch {
      counts.failed++;
    }
    counts.calls++;
    counts.longest = Math.max(counts.longest, performance.now() - begin);
    // What waits for nothing would leave no time for anything else.
    if (i % 64 === caller) await new Promise(setImmediate);
  }
});

function tell() {
  globalThis.gc?.();
  const { ok, pending } = cache.health();
  const { inFlight } = /** @type {any} */ (tier.health());
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send?.({ rss, used: heapUsed + external, ok, pending, inFlight, ...counts });
  Object.assign(counts, { calls: 0, failed: 0, longest: 0 });
}

const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));
await pause(WARM);
tell();
process.once('message', async () => {
  await pause(STALL);
  tell();
  isOver = true;
  await Promise.all(callers);
  await cache.close();
  process.disconnect();
  process.exit();
});
