// get, and on a miss set: Zipf 0.9 over 2 N keys in a cache of N entries, keys built for each call, objects by
// reference. Each cache does the same calls in the same order; all are LRU, so their hits must be the same.
import { LRUCache } from 'lru-cache';
import { MemoryCache } from 'tiercel';
import { zipf } from './zipf.mjs';

const ROUNDS = 5;
const REQUESTS = 1_000_000;

/** @typedef {{ get(key: string): unknown, set(key: string, value: object): unknown }} Cache */
/** @type {Record<string, (entries: number) => Cache>} */
const caches = {
  'lru-cache': (max) => new LRUCache({ max }),
  'tiercel wasm': (maxEntries) => MemoryCache.createSync({ maxEntries, engine: 'wasm' }),
  'tiercel native': (maxEntries) => MemoryCache.createSync({ maxEntries, engine: 'native' }),
};

/** @param {Cache} cache @param {Uint32Array} draws */
function replay(cache, draws) {
  let hits = 0;
  for (const i of draws) {
    const key = `user:${i}:profile`;
    if (cache.get(key) === undefined) cache.set(key, { i });
    else hits++;
  }
  return hits;
}

/** @param {number[]} values */
const median = (values) => /** @type {number} */ ([...values].sort((a, b) => a - b)[values.length >> 1]);

for (const entries of [1_000, 100_000, 1_000_000]) {
  const draws = zipf(2 * entries, 0.9, REQUESTS, 42);
  const names = Object.keys(caches);
  /** @type {Map<string, number[]>} */
  const times = new Map(names.map((name) => [name, []]));
  const live = new Map(names.map((name) => [name, /** @type {(n: number) => Cache} */ (caches[name])(entries)]));
  const hits = names.map((name) => replay(/** @type {Cache} */ (live.get(name)), draws));
  if (new Set(hits).size !== 1)
    throw new Error(`the caches do not agree: ${names.map((n, i) => `${n} ${hits[i]}`)} hits`);
  // Rounds take turns, so that what else the machine does hits all alike.
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, cache] of live) {
      globalThis.gc?.();
      const start = performance.now();
      replay(cache, draws);
      times.get(name)?.push(((performance.now() - start) * 1e6) / draws.length);
    }
  }
  const base = median(times.get('lru-cache') ?? []);
  console.log(
    `\nN = ${entries.toLocaleString('en')}, first pass ${((100 * (hits[0] ?? 0)) / draws.length).toFixed(1)} % hits`,
  );
  for (const name of names) {
    const ns = median(times.get(name) ?? []);
    console.log(`  ${name.padEnd(15)} ${ns.toFixed(0).padStart(5)} ns   ${(base / ns).toFixed(2)} x lru-cache`);
  }
}
