// stall.mjs ENGINE CASE ENTRIES ROUNDS: times single calls of something that concerns all entries of a cache, and the
// calls that do its work after: `sweep` in one round, `set` in the next. Prints milliseconds.
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { MemoryCache } from 'tiercel';
import { median, quantile } from '../measure.mjs';
import { Lengths } from './waiting.mjs';

const TTL = 1_000;
const SETS_AFTER = 200_000;
const WARM_UP = { entries: 20_000, rounds: 10 };

const [engine, name, n, r] = process.argv.slice(2);
const value = {};
let clock = 0;

/**
 * What is done to all entries, how they were set (their keys begin with `all:`), what part of them stays; and the same
 * call for one other entry.
 * @typedef {object} Case
 * @property {(cache: MemoryCache, entries: number) => unknown} act
 * @property {import('tiercel').SetOptions} [options]
 * @property {number} [stay]
 * @property {(cache: MemoryCache) => unknown} [other]
 */

/** @type {Record<string, Case>} */
const CASES = {
  tag: {
    act: (cache) => cache.invalidateTags('all'),
    options: { tags: ['all'] },
    other: (cache) => cache.invalidateTags('one'),
  },
  prefix: { act: (cache) => cache.invalidatePrefix('all:'), other: (cache) => cache.invalidatePrefix('one:') },
  clear: { act: (cache) => cache.clear(), other: (cache) => cache.namespace('one').clear() },
  resize: { act: (cache, entries) => cache.resize({ maxEntries: entries / 10 }), stay: 0.1 },
  expiry: { act: () => (clock += 2 * TTL), options: { ttl: TTL } },
  growth: { act: () => undefined, stay: 1 },
};

/** When calls began, and how long they took. */
class Calls {
  /** @type {number[]} */
  #begins = [];
  #lengths = new Lengths();

  /** @template T @param {() => T} call */
  time(call) {
    const begin = this.#lengths.begin();
    const result = call();
    this.#lengths.end(begin);
    this.#begins.push(begin);
    return result;
  }

  /** @param {PerformanceEntry[]} collections of garbage */
  summary(collections) {
    const begins = this.#begins;
    const { all, own } = this.#lengths;
    const collecting = (/** @type {number} */ i) =>
      collections.some((gc) => gc.startTime < begins[i] + all[i] && begins[i] < gc.startTime + gc.duration);
    const longest = [...own.keys()].sort((a, b) => own[b] - own[a]);
    return {
      calls: all.length,
      median: median(own),
      p99: quantile(own, 0.99),
      withWaiting: quantile(all, 1),
      longest: own[longest[0]],
      withoutGc: own[longest.find((i) => !collecting(i))],
    };
  }
}

/** @type {PerformanceEntry[]} */
const collections = [];
const observer = new PerformanceObserver((list) => collections.push(...list.getEntries()));
observer.observe({ entryTypes: ['gc'] });

/** @param {number} entries @param {number} rounds */
async function measure(entries, rounds) {
  const { act, options, stay = 0, other } = CASES[name];
  const calls = { fill: new Calls(), act: new Calls(), again: new Calls(), sweep: new Calls(), set: new Calls() };
  for (let round = 0; round < rounds; round++) {
    const cache = MemoryCache.createSync({
      engine: /** @type {'native'} */ (engine),
      maxEntries: entries,
      now: () => clock,
    });
    if (name === 'growth') {
      for (let i = 0; i < entries; i++) calls.fill.time(() => cache.set(`all:${i}`, value));
    } else {
      for (let i = 0; i < entries; i++) cache.set(`all:${i}`, value, options);
    }
    if (cache.size !== entries) throw new Error(`${cache.size} of ${entries} entries`);
    globalThis.gc();
    // Every other time it is not the first such call since the cache was filled, in which V8 forgets unused code.
    const isAgain = other !== undefined && round % 4 > 1;
    if (isAgain) {
      other(cache);
      await setTimeout(1);
    }
    calls[isAgain ? 'again' : 'act'].time(() => act(cache, entries));
    if (stay === 0 && cache.get('all:1') !== undefined) throw new Error(`${name}: an entry is still served`);
    if (round % 2 === 0) {
      for (let idle = 0; cache.size > stay * entries; ) {
        idle = calls.sweep.time(() => cache.sweep()) > 0 ? 0 : idle + 1;
        if (idle > 10) throw new Error(`${name}: ${cache.size} entries are never reclaimed`);
      }
    } else {
      for (let i = 0; i < SETS_AFTER; i++) calls.set.time(() => cache.set(`new:${i}`, value));
    }
    cache.close();
    // The observer hears of collections only between turns of the event loop.
    await setTimeout(10);
  }
  return Object.fromEntries(Object.entries(calls).map(([kind, calls]) => [kind, calls.summary(collections)]));
}

await measure(WARM_UP.entries, WARM_UP.rounds);
console.log(JSON.stringify(await measure(Number(n), Number(r))));
observer.disconnect();
