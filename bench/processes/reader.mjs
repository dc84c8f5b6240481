// A worker of threads.bench.mjs: reads and writes by Zipf what its workerData says, from a shared cache, from a cache of
// its own, or by messages to the main thread. Waits for the start and stops at the end, both told through `flags`, and
// posts how many requests it served, and of which how many hits.
import { parentPort, workerData } from 'node:worker_threads';
import { MemoryCache } from 'tiercel';
import { lruOf } from '../lru-of.mjs';
import { zipfRanks } from '../zipf.mjs';

const { kind, options, items, writes, seed, signals, draws, bytes, underWay } = workerData;
/** 0: 1 once all may start, 2 once they must stop. 1: how many are ready. */
const flags = new Int32Array(signals);
const ranks = zipfRanks(items, 0.9, draws, seed);
const value = 'v'.repeat(bytes);
const every = writes === 0 ? Number.POSITIVE_INFINITY : Math.round(1 / writes);

/** Each worker has compilers and heaps of its own: that many requests until they are as fast as they get. */
const WARM_UP = 500_000;

const sync = {
  shared: () => MemoryCache.createSync(options),
  own: () => lruOf(options.maxBytes),
};

function ready() {
  Atomics.add(flags, 1, 1);
  Atomics.notify(flags, 1);
  Atomics.wait(flags, 0, 0);
}

/** What a miss costs is left out: the value is there at once, in all variants. */
function readSync(cache) {
  // Compiled before the start: of many workers each has but a short time.
  serve(cache, 0, WARM_UP);
  let hits = 0;
  let requests = 0;
  ready();
  const start = performance.now();
  for (; Atomics.load(flags, 0) === 1; requests += 1000) hits += serve(cache, requests, 1000);
  return { requests, hits, ms: performance.now() - start };
}

/** Serves so many requests, from one of them on. @returns hits */
function serve(cache, from, count) {
  let hits = 0;
  for (let request = from; request < from + count; request++) {
    const key = `user:${ranks[request % draws]}`;
    if (request % every === every - 1) cache.set(key, value);
    else if (cache.get(key) === undefined) cache.set(key, value);
    else hits++;
  }
  return hits;
}

/** With so many requests under way at a time, of which the main thread may answer several in one turn. */
async function readByMessages() {
  let hits = 0;
  let requests = 0;
  const waiting = new Map();
  parentPort.on('message', ({ id, value: found }) => {
    waiting.get(id)(found);
    waiting.delete(id);
  });
  const get = (key) =>
    new Promise((resolve) => {
      const id = requests++;
      waiting.set(id, resolve);
      parentPort.postMessage({ id, key });
    });
  ready();
  const start = performance.now();
  const loop = async () => {
    while (Atomics.load(flags, 0) === 1) {
      const key = `user:${ranks[requests % draws]}`;
      if (requests % every === every - 1) parentPort.postMessage({ key, value });
      if ((await get(key)) !== undefined) hits++;
    }
  };
  await Promise.all(Array.from({ length: underWay }, loop));
  parentPort.removeAllListeners('message');
  // That alone does not let the thread end.
  parentPort.unref();
  return { requests, hits, ms: performance.now() - start };
}

const cache = kind === 'messages' ? undefined : sync[kind]();
const result = cache === undefined ? await readByMessages() : readSync(cache);
const stats = kind === 'shared' ? cache.stats().shared : undefined;
parentPort.postMessage({ ...result, lockWaits: stats?.lockWaits, memory: cache?.calculatedSize });
