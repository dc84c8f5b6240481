// What a hit costs through the asynchronous facades, memory only: `await getOrSet` and `await get`, of values with 0, 1 and
// 5 tags, each cache with the values that it keeps by default; bentocache also without turning them into text.
import assert from 'node:assert/strict';
import { Cacheable } from 'cacheable';
import { fail, median, ratio, Table } from './measure.mjs';
import { engines, options, rounds } from './options.mjs';
import { untyped } from './untyped.mjs';

const { BentoCache, bentostore } = await untyped('bentocache');
const { memoryDriver } = await untyped('bentocache/drivers/memory');

const CALLS = options.quick ? 20_000 : 200_000;
const KEYS = 1_000;
const TAGS = [0, 1, 5];
/** What a hit may cost beside what the memory itself takes, in nanoseconds, and how much faster than peers it must be. */
const OVERHEAD = 250;
const FASTER = 5;

const keys = Array.from({ length: KEYS }, (_, i) => `user:${i}:profile`);
const tags = (/** @type {number} */ n) => Array.from({ length: n }, (_, i) => `tag:${i}`);

/**
 * @typedef {object} Facade
 * @property {(key: string, load: () => object, tags: string[]) => Promise<object>} getOrSet
 * @property {(key: string) => Promise<object | undefined>} get
 * @property {() => unknown} close
 */

/** @param {boolean} serialize @returns {Promise<Facade>} */
async function bento(serialize) {
  const cache = new BentoCache({
    default: 'memory',
    stores: { memory: bentostore().useL1Layer(memoryDriver({ maxItems: 10_000, serialize })) },
  });
  return {
    getOrSet: (key, factory, list) => cache.getOrSet({ key, factory, ttl: '1h', tags: list }),
    get: (key) => cache.get({ key }),
    close: () => cache.disconnectAll(),
  };
}

/** @returns {Promise<Facade>} */
async function cacheable() {
  const cache = new Cacheable({ ttl: '1h' });
  return {
    // Without tags: what it can do with them reads a second tier for each hit.
    getOrSet: (key, load) => /** @type {Promise<object>} */ (cache.getOrSet(key, async () => load())),
    get: (key) => cache.get(key),
    close: () => cache.disconnect(),
  };
}

/** @param {'native' | 'wasm'} engine @param {boolean} isBuilt @returns {Promise<Facade>} */
async function tiercel(engine, isBuilt) {
  const { createCache } = await import(`${import.meta.resolve('tiercel')}?${engine}${isBuilt}`);
  const cache = await createCache({ memory: { engine } });
  /** @type {{ ttl: string, tags: string[] } | undefined} */
  let given;
  return {
    getOrSet: (key, load, list) => {
      // An object literal for each call, or one for all.
      if (isBuilt) return cache.getOrSet(key, load, { ttl: '1h', tags: list });
      if (given?.tags !== list) given = { ttl: '1h', tags: list };
      return cache.getOrSet(key, load, given);
    },
    get: (key) => cache.get(key),
    close: () => cache.close(),
  };
}

/** @type {Record<string, () => Promise<Facade>>} */
const facades = {
  cacheable,
  bentocache: () => bento(true),
  'bentocache, by reference': () => bento(false),
  ...Object.fromEntries(engines.map((engine) => [`tiercel ${engine}`, () => tiercel(engine, false)])),
  ...Object.fromEntries(engines.map((engine) => [`tiercel ${engine}, options built`, () => tiercel(engine, true)])),
};
const peers = ['cacheable', 'bentocache', 'bentocache, by reference'];

/** Of processor time for each call since then: what else runs on the machine does not count. @param {NodeJS.CpuUsage} start */
function nanoseconds(start) {
  const { user, system } = process.cpuUsage(start);
  return ((user + system) * 1_000) / CALLS;
}

/** A loop of its own for each, as V8 compiles one for the objects that it meets. @param {string} body */
const loopOf = (body) =>
  /** @type {(facade: Facade, keys: string[], calls: number, tags: string[], load: () => object) => Promise<number>} */ (
    new Function(
      'facade, keys, calls, tags, load',
      `return (async () => { let hits = 0; for (let i = 0; i < calls; i++) { if ((await ${body}) !== undefined) hits++; } return hits; })()`,
    )
  );

/** @param {string} name @param {number} tagged @param {'getOrSet' | 'get'} operation */
async function measure(name, tagged, operation) {
  const facade = await facades[name]();
  const list = tags(tagged);
  for (const [i, key] of keys.entries()) await facade.getOrSet(key, () => ({ i }), list);
  for (const [i, key] of keys.entries()) assert.deepEqual(await facade.get(key), { i });
  let loads = 0;
  const load = () => ({ i: ++loads });
  const loop = loopOf(
    operation === 'get' ? 'facade.get(keys[i % keys.length])' : 'facade.getOrSet(keys[i % keys.length], load, tags)',
  );
  const run = (/** @type {number} */ calls) => loop(facade, keys, calls, list, load);
  // Until V8 has compiled what is called: the functions are new for each measurement.
  for (let i = 0; i < 3; i++) await run(Math.min(CALLS, 50_000));
  globalThis.gc();
  const start = process.cpuUsage();
  const hits = await run(CALLS);
  const ns = nanoseconds(start);
  assert.equal(hits, CALLS);
  assert.equal(loads, 0, `${name} loaded what was there`);
  await facade.close();
  return ns;
}

/** Nanoseconds of a hit in memory alone. @param {'native' | 'wasm'} engine */
async function memoryGet(engine) {
  const { MemoryCache } = await import(`${import.meta.resolve('tiercel')}?${engine}, memory`);
  const cache = MemoryCache.createSync({ engine });
  for (const [i, key] of keys.entries()) cache.set(key, { i });
  const run = (/** @type {number} */ calls) => {
    let hits = 0;
    for (let i = 0; i < calls; i++) if (cache.get(keys[i % KEYS]) !== undefined) hits++;
    return hits;
  };
  run(CALLS);
  const start = process.cpuUsage();
  assert.equal(run(CALLS), CALLS);
  const ns = nanoseconds(start);
  cache.close();
  return ns;
}

/** Nanoseconds that it takes to await what is there already, which no facade that returns promises can do without. */
async function bareAwait() {
  const value = {};
  const run = async (/** @type {number} */ calls) => {
    for (let i = 0; i < calls; i++) await Promise.resolve(value);
  };
  await run(CALLS);
  const start = process.cpuUsage();
  await run(CALLS);
  return nanoseconds(start);
}

/** @type {Map<string, number[]>} */
const times = new Map();
const note = (/** @type {string} */ name, /** @type {number} */ ns) =>
  times.set(name, [...(times.get(name) ?? []), ns]);
const ns = (/** @type {string} */ name) => median(times.get(name) ?? []);

// In turns, so that what else the machine does hits all alike.
for (let round = 0; round < rounds; round++) {
  note('await', await bareAwait());
  for (const engine of engines) note(`memory ${engine}`, await memoryGet(engine));
  for (const name of Object.keys(facades)) {
    note(`${name}: get`, await measure(name, 0, 'get'));
    for (const n of TAGS) note(`${name}: ${n}`, await measure(name, n, 'getOrSet'));
  }
}

const columns = ['get', ...TAGS.map(String)];
const fastest = new Map(columns.map((column) => [column, Math.min(...peers.map((name) => ns(`${name}: ${column}`)))]));
const table = new Table(
  'ns a hit',
  'get',
  ...TAGS.map((n) => `getOrSet, ${n} tags`),
  'slowest against the fastest peer',
);
for (const name of Object.keys(facades)) {
  const least = Math.min(...columns.map((column) => fastest.get(column) / ns(`${name}: ${column}`)));
  table.row(name, ...columns.map((column) => ns(`${name}: ${column}`).toFixed(0)), ratio(least));
  if (name.startsWith('tiercel') && least < FASTER)
    fail(`${name} is ${ratio(least)} as fast as the fastest peer, not ${FASTER} x`);
}
table.print();
console.log(`  an await of what is there: ${ns('await').toFixed(0)} ns`);
for (const engine of engines) {
  const memory = ns(`memory ${engine}`);
  const over = ns(`tiercel ${engine}: 0`) - memory;
  console.log(`  ${engine}: MemoryCache.get ${memory.toFixed(0)} ns; await Cache.getOrSet ${over.toFixed(0)} ns more`);
  if (over > OVERHEAD) fail(`${engine}: the overhead of Cache.getOrSet is ${over.toFixed(0)} ns, not ${OVERHEAD}`);
}
