// One cache for all threads: how two and eight workers read a shared one beside one worker, beside messages to a cache of
// the main thread, and beside a cache in each worker; what a get costs one thread more than one of its own cache; and how
// soon a thread that dies hands over what it was loading.
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { MemoryCache } from 'tiercel';
import { ownLoops } from './loop.mjs';
import { lruOf } from './lru-of.mjs';
import { count, fail, inTurns, median, ratio, Table, time } from './measure.mjs';
import { options, rounds } from './options.mjs';
import { zipfRanks } from './zipf.mjs';

const ITEMS = options.quick ? 100_000 : 1_000_000;
const BYTES = 200;
const WRITES = 0.05;
const DRAWS = options.quick ? 200_000 : 2_000_000;
const MS = options.quick ? 300 : 1500;
const value = 'v'.repeat(BYTES);

/**
 * Runs workers of one kind, all at once, for a while.
 * @returns requests a second, hits, how often a lock was taken, the sum of what the caches of the workers hold, and the
 * nanoseconds of a processor that a request took, which tell how workers scale also where others use the machine
 */
async function run(kind, workers, cacheOptions, underWay = 1) {
  const signals = new SharedArrayBuffer(8);
  const flags = new Int32Array(signals);
  const store = kind === 'messages' ? lruOf(cacheOptions.maxBytes) : undefined;
  for (let i = 0; i < ITEMS && store !== undefined; i++) store.set(`user:${i}`, value);
  const results = Array.from({ length: workers }, (_, i) => {
    const worker = new Worker(new URL('./processes/reader.mjs', import.meta.url), {
      workerData: {
        kind,
        options: cacheOptions,
        items: ITEMS,
        writes: WRITES,
        seed: i + 1,
        signals,
        draws: DRAWS,
        bytes: BYTES,
        underWay,
      },
    });
    return new Promise((resolve, reject) => {
      worker.on('error', reject);
      worker.on('message', (message) => {
        if (message.requests !== undefined) resolve(message);
        else if (message.value === undefined) worker.postMessage({ id: message.id, value: store.get(message.key) });
        else store.set(message.key, message.value);
      });
    });
  });
  while (Atomics.load(flags, 1) < workers) await new Promise((resolve) => setTimeout(resolve, 5));
  const cpu = process.cpuUsage();
  Atomics.store(flags, 0, 1);
  Atomics.notify(flags, 0);
  await new Promise((resolve) => setTimeout(resolve, MS));
  Atomics.store(flags, 0, 2);
  const { user, system } = process.cpuUsage(cpu);
  const all = await Promise.all(results);
  const sum = (name) => all.reduce((total, one) => total + (one[name] ?? 0), 0);
  const perSecond = all.reduce((total, { requests, ms }) => total + (requests / ms) * 1000, 0);
  const waits = Math.max(...all.map(({ lockWaits = 0 }) => lockWaits));
  const requests = sum('requests');
  return {
    perSecond,
    requests,
    hits: sum('hits'),
    waits,
    memory: sum('memory'),
    cpu: ((user + system) * 1000) / requests,
  };
}

const all = { shared: 'bench', maxBytes: ITEMS * (BYTES + 160) };
const cache = MemoryCache.createSync(all);
for (let i = 0; i < ITEMS; i++) cache.set(`user:${i}`, value);
if (cache.get('user:7') !== value) throw new Error('the shared cache has another value');

console.log(
  `\n1. Workers that read a shared cache: ${count(ITEMS)} entries of ${BYTES} bytes, ${cache.stats().shared.shards} shards, Zipf 0.9, ${100 * WRITES} % writes, ${availableParallelism()} processors`,
);
const perSecond = new Map([1, 2, 8].map((workers) => [workers, []]));
const waits = new Map();
const cpu = new Map([1, 2, 8].map((workers) => [workers, []]));
for (let round = 0; round < rounds; round++) {
  for (const [workers, results] of perSecond) {
    const before = cache.stats().shared.lockWaits;
    const result = await run('shared', workers, all);
    results.push(result.perSecond);
    cpu.get(workers).push(result.cpu);
    waits.set(workers, (result.waits - before) / result.requests);
  }
}
const rate = (workers) => median(perSecond.get(workers));
const table = new Table('workers', 'requests/s', 'beside one', 'CPU ns a request', 'waits for a lock');
for (const workers of perSecond.keys()) {
  const share = `${(100 * waits.get(workers)).toFixed(3)} %`;
  table.row(
    `${workers}`,
    count(Math.round(rate(workers))),
    ratio(rate(workers) / rate(1)),
    median(cpu.get(workers)).toFixed(0),
    share,
  );
}
table.print();
if (rate(2) < 1.7 * rate(1)) fail('two workers should have 1.7 times the throughput of one');
if (rate(8) < 0.9 * rate(2)) fail('eight workers should have 0.9 times the throughput of two');

console.log('\n2. What else there is: two workers');
const messages = await run('messages', 2, all);
const pipelined = await run('messages', 2, all, 64);
const bound = Math.floor(all.maxBytes / 4);
const small = { shared: 'bench small', maxBytes: bound };
const one = MemoryCache.createSync(small);
const shared = await run('shared', 2, small);
const sharedBytes = one.bytes;
one.close();
const own = await run('own', 2, { maxBytes: Math.floor(bound / 2) });
const other = new Table('', 'requests/s', 'hits', 'MB accounted');
const line = (name, { perSecond: per, hits, requests }, bytes) =>
  other.row(name, count(Math.round(per)), `${((100 * hits) / requests).toFixed(1)} %`, (bytes / 2 ** 20).toFixed(1));
line('messages to an lru-cache that has all', messages, all.maxBytes);
line('the same, 64 at a time from each', pipelined, all.maxBytes);
line('shared cache that has all', { perSecond: rate(2), hits: 1, requests: 1 }, cache.bytes);
line('shared cache of a quarter', shared, sharedBytes);
line('an lru-cache in each worker, a quarter in all', own, own.memory);
other.print();
console.log(
  `  shared / messages: ${ratio(rate(2) / messages.perSecond)}, 64 at a time: ${ratio(rate(2) / pipelined.perSecond)}`,
);
// Each waits for one answer at a time, as a get of a shared cache does.
if (rate(2) < 20 * messages.perSecond) fail('a shared cache should serve 20 times what messages do');
cache.close();

console.log('\n3. One thread: get of hits, keys built for each call');
const REQUESTS = options.quick ? 300_000 : 2_000_000;
const { getBuilt } = await ownLoops('shared');
const { getBuilt: getOwn } = await ownLoops('own');
for (const entries of [1_000, 100_000]) {
  const draws = zipfRanks(entries, 0.9, REQUESTS, 42);
  /** @type {import('tiercel').MemoryCacheOptions} */
  const bounds = { maxEntries: 2 * entries, values: 'bytes' };
  const caches = {
    own: { of: MemoryCache.createSync({ ...bounds, engine: 'native' }), loop: getOwn },
    shared: { of: MemoryCache.createSync({ ...bounds, shared: 'bench one', shards: 16 }), loop: getBuilt },
  };
  for (const { of } of Object.values(caches)) for (let i = 0; i < entries; i++) of.set(`user:${i}:profile`, value);
  const times = inTurns(['own', 'shared'], (name) => {
    const { of, loop } = caches[name];
    return (time(() => loop(of, draws)) * 1e6) / draws.length;
  });
  for (const { of } of Object.values(caches)) of.close();
  const more = times.get('shared') / times.get('own');
  console.log(
    `  N = ${count(entries)}: own ${times.get('own').toFixed(0)} ns, shared ${times.get('shared').toFixed(0)} ns, ${ratio(more)}`,
  );
  if (more > 1.5) fail('a get of a shared cache should take no more than 1.5 times that of an own one');
}

console.log('\n4. A thread that is terminated while it loads: until another that waits has a value of its own');
const HANDOVER_MS = 100;
const handovers = [];
for (let round = 0; round < (options.quick ? 5 : 20); round++) {
  const terms = { shared: `bench loads ${round}` };
  /** @type {MemoryCache<number>} */
  const waiting = MemoryCache.createSync(terms);
  const worker = new Worker(new URL('./processes/loader.mjs', import.meta.url), {
    workerData: { options: terms, key: 'k' },
  });
  await once(worker, 'message');
  const own = waiting.getOrSet('k', () => performance.now());
  const begin = performance.now();
  const ended = worker.terminate();
  handovers.push((await own) - begin);
  await ended;
  waiting.close();
}
console.log(`  median ${median(handovers).toFixed(1)} ms, longest ${Math.max(...handovers).toFixed(1)} ms`);
if (Math.max(...handovers) > HANDOVER_MS) fail(`a thread that ends should hand over within ${HANDOVER_MS} ms`);
