// event-loop.mjs CACHE ENTRIES SECONDS: fills a cache in small batches, one for each turn of the event loop, then goes on
// with mixed load; prints the gaps between turns in milliseconds, less
// what this thread waited for a processor. The cache `nothing` keeps nothing: what the rest does.
import { setImmediate } from 'node:timers/promises';
import { quantile } from '../measure.mjs';
import { key, text } from '../payloads.mjs';
import { zipfRanks } from '../zipf.mjs';
import { open } from './cache.mjs';
import { Lengths } from './waiting.mjs';

const BATCH = 50;
const TEXT_BYTES = 200;

const [name, n, s] = process.argv.slice(2);
const entries = Number(n);

/**
 * One batch a turn until `batch` returns false.
 * @param {() => boolean} batch
 */
async function turns(batch) {
  const gaps = new Lengths();
  for (let goOn = true; goOn; ) {
    const begin = gaps.begin();
    goOn = batch();
    await setImmediate();
    gaps.end(begin);
  }
  const [median, p9999, longest] = [0.5, 0.9999, 1].map((q) => quantile(gaps.own, q));
  return { median, p9999, longest, withWaiting: quantile(gaps.all, 1) };
}

const cache =
  name === 'nothing'
    ? { get: () => undefined, set: () => true, delete: () => false }
    : /** @type {any} */ (await open(name, entries, { values: 'bytes' }));
const draws = zipfRanks(2 * entries, 0.9, 4_000_000, 42);

/** @param {number} i */
const store = (i) => cache.set(key(i), text(i, TEXT_BYTES));

let filled = 0;
const filling = await turns(() => {
  for (let end = Math.min(entries, filled + BATCH); filled < end; filled++) store(filled);
  return filled < entries;
});

let operations = 0;
const end = performance.now() + Number(s) * 1000;
const mixed = await turns(() => {
  for (let b = 0; b < BATCH; b++) {
    const at = operations++;
    const i = draws[at % draws.length];
    if (at % 200 === 0) cache.delete(key(i));
    else if (at % 20 === 0) store(i);
    else {
      const value = cache.get(key(i));
      if (value === undefined) store(i);
      else if (value.length !== TEXT_BYTES) throw new Error(`${key(i)} has another value`);
    }
  }
  return performance.now() < end;
});
console.log(JSON.stringify({ filling, mixed, operations }));
