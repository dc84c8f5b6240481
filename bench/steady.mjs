// The workload of most benchmarks: get, and on a miss set, Zipf 0.9 over 2 N keys in a cache of N entries, which is
// full from the beginning. One cache is alive at a time: the garbage collector works for nobody else.
import { ownLoops } from './loop.mjs';
import { inTurns, time } from './measure.mjs';
import { options } from './options.mjs';
import { item, zipf } from './zipf.mjs';

/** @typedef {import('./caches.mjs').Make} Make */
/** @typedef {'getElseSet' | 'getElseSetTagged'} Loop */

const REQUESTS = options.quick ? 200_000 : 1_000_000;

/** @param {number} entries */
function requests(entries) {
  const draws = zipf(2 * entries, 0.9, 2 * REQUESTS, 42);
  return {
    // What is used least comes first.
    fill: Uint32Array.from({ length: entries }, (_, rank) => item(entries - 1 - rank)),
    warmUp: draws.subarray(0, REQUESTS),
    timed: draws.subarray(REQUESTS),
  };
}

/** Percent of `draws` that hit. @param {import('./caches.mjs').Cache} cache @param {Uint32Array} draws */
function checkedHits(cache, draws) {
  let hits = 0;
  for (const i of draws) {
    const key = `user:${i}:profile`;
    const value = cache.get(key);
    if (value == null) cache.set(key, { i });
    else if (value.i === i) hits++;
    else throw new Error(`${key} has the value of ${value.i}`);
  }
  return (100 * hits) / draws.length;
}

/**
 * The hit ratio of each cache in percent, from a run in which each value got is checked.
 * @param {Record<string, Make>} caches
 * @param {number} entries
 */
export function hitRatios(caches, entries) {
  const { fill, warmUp, timed } = requests(entries);
  return new Map(
    Object.entries(caches).map(([name, make]) => {
      const cache = make(entries);
      checkedHits(cache, fill);
      checkedHits(cache, warmUp);
      const hits = checkedHits(cache, timed);
      cache.close?.();
      return [name, hits];
    }),
  );
}

/**
 * Nanoseconds of a get-else-set, by name.
 * @param {Record<string, Make>} caches
 * @param {number} entries
 * @param {(name: string) => Loop} [loopOf]
 */
export async function getElseSetTimes(caches, entries, loopOf = () => 'getElseSet') {
  const { fill, warmUp, timed } = requests(entries);
  const names = Object.keys(caches);
  const loops = new Map();
  for (const name of names) loops.set(name, (await ownLoops(name))[loopOf(name)]);
  return inTurns(names, (name) => {
    const loop = loops.get(name);
    const cache = caches[name](entries);
    loop(cache, fill);
    loop(cache, warmUp);
    const ms = time(() => loop(cache, timed));
    cache.close?.();
    return (ms * 1e6) / timed.length;
  });
}
