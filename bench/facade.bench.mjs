// What a hit costs through the asynchronous facades, memory only: `await getOrSet` and `await get`, of values with an hour
// to live and 0, 1 and 5 tags, each cache with the values that it keeps by default; bentocache also without turning them
// into text. Beside them `MemoryCache.get` of the same values, which is what lies below tiercel's.
//
// All that is measured is made and warmed up first, until V8 has compiled it, and then runs in turns for a few
// milliseconds each, dozens of times. A figure is the lower decile of these, in processor time: what else the machine does
// only ever adds.
import assert from 'node:assert/strict';
import { Cacheable } from 'cacheable';
import { fail, median, quantile, ratio, Table } from './measure.mjs';
import { engines, options } from './options.mjs';
import { untyped } from './untyped.mjs';

const { BentoCache, bentostore } = await untyped('bentocache');
const { memoryDriver } = await untyped('bentocache/drivers/memory');

const ROUNDS = options.quick ? 15 : 40;
/** Milliseconds of a round: some garbage is collected in each. */
const ROUND = options.quick ? 15 : 25;
const WARM_UP = options.quick ? 60_000 : 200_000;
const KEYS = 1_000;
const HOUR = '1h';
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
    getOrSet: (key, factory, list) => cache.getOrSet({ key, factory, ttl: HOUR, tags: list }),
    get: (key) => cache.get({ key }),
    close: () => cache.disconnectAll(),
  };
}

/** @returns {Promise<Facade>} */
async function cacheable() {
  const cache = new Cacheable({ ttl: HOUR });
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
      if (isBuilt) return cache.getOrSet(key, load, { ttl: HOUR, tags: list });
      if (given?.tags !== list) given = { ttl: HOUR, tags: list };
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

/**
 * Something that is measured.
 *
 * @typedef {object} Contender
 * @property {string} name
 * @property {(calls: number) => Promise<number>} run Returns how many hit.
 * @property {() => unknown} close
 * @property {number[]} times Nanoseconds of a call, by round.
 * @property {number} calls In a round.
 */

/** @type {Contender[]} */
const contenders = [];

/** @param {string} name @param {Contender['run']} run @param {Contender['close']} [close] */
function enter(name, run, close = () => undefined) {
  contenders.push({ name, run, close, times: [], calls: 0 });
}

/** A loop of its own for each, as V8 compiles one for the objects that it meets. @param {string} body */
const loopOf = (body) =>
  new Function(
    'cache, keys, tags, load',
    `return async (calls) => { let hits = 0; for (let i = 0; i < calls; i++) { if ((${body}) !== undefined) hits++; } return hits; }`,
  );
const OPERATIONS = {
  get: 'await cache.get(keys[i % keys.length])',
  getOrSet: 'await cache.getOrSet(keys[i % keys.length], load, tags)',
};

let loads = 0;
const load = () => ({ i: ++loads });

for (const name of Object.keys(facades)) {
  for (const n of TAGS) {
    for (const [operation, body] of Object.entries(OPERATIONS)) {
      const facade = await facades[name]();
      const list = tags(n);
      for (const [i, key] of keys.entries()) await facade.getOrSet(key, () => ({ i }), list);
      for (const [i, key] of keys.entries()) assert.deepEqual(await facade.get(key), { i });
      enter(`${name}: ${operation} ${n}`, loopOf(body)(facade, keys, list, load), facade.close);
    }
  }
}
for (const engine of engines) {
  const { MemoryCache } = await import(`${import.meta.resolve('tiercel')}?${engine}, memory`);
  const cache = MemoryCache.createSync({ engine });
  for (const [i, key] of keys.entries()) cache.set(key, { i }, { ttl: HOUR });
  enter(`memory ${engine}`, loopOf('cache.get(keys[i % keys.length])')(cache, keys), () => cache.close());
}
// What no facade that returns promises can do without.
enter('await', loopOf('await Promise.resolve(keys)')(undefined, keys));

/** @param {Contender} contender @param {number} calls @returns {Promise<number>} Nanoseconds of a call. */
async function timed({ name, run }, calls) {
  const start = process.cpuUsage();
  const hits = await run(calls);
  const { user, system } = process.cpuUsage(start);
  assert.equal(hits, calls, `${name} missed`);
  assert.equal(loads, 0, `${name} loaded what was there`);
  return ((user + system) * 1_000) / calls;
}

for (const contender of contenders) {
  const perCall = await timed(contender, 2_000);
  // Peers that take microseconds are compiled as well after fewer calls.
  await timed(contender, Math.min(WARM_UP, Math.ceil(250e6 / perCall)));
  contender.calls = Math.ceil((ROUND * 1e6) / (await timed(contender, 10_000)));
}
for (let round = 0; round < ROUNDS; round++) {
  for (const contender of contenders) contender.times.push(await timed(contender, contender.calls));
}
for (const { close } of contenders) await close();

const times = new Map(contenders.map((contender) => [contender.name, contender.times]));
const ns = (/** @type {string} */ name) => quantile(times.get(name) ?? [], 0.1);
const middle = (/** @type {string} */ name) => median(times.get(name) ?? []);

const columns = TAGS.flatMap((n) => [`get ${n}`, `getOrSet ${n}`]);
const fastest = new Map(columns.map((column) => [column, Math.min(...peers.map((name) => ns(`${name}: ${column}`)))]));
const table = new Table('ns a hit', ...columns.map((column) => `${column} tags`), 'slowest against the fastest peer');
for (const name of Object.keys(facades)) {
  const least = Math.min(...columns.map((column) => fastest.get(column) / ns(`${name}: ${column}`)));
  table.row(name, ...columns.map((column) => ns(`${name}: ${column}`).toFixed(0)), ratio(least));
  if (name.startsWith('tiercel') && least < FASTER)
    fail(`${name} is ${ratio(least)} as fast as the fastest peer, not ${FASTER} x`);
}
table.print();
console.log(`  an await of what is there: ${ns('await').toFixed(0)} ns`);
for (const engine of engines) {
  const memory = `memory ${engine}`;
  const cache = `tiercel ${engine}: getOrSet 0`;
  const over = ns(cache) - ns(memory);
  const overMiddle = middle(cache) - middle(memory);
  console.log(
    `  ${engine}: MemoryCache.get ${ns(memory).toFixed(0)} ns; await Cache.getOrSet ${over.toFixed(0)} ns more (of medians ${overMiddle.toFixed(0)})`,
  );
  if (over > OVERHEAD) fail(`${engine}: the overhead of Cache.getOrSet is ${over.toFixed(0)} ns, not ${OVERHEAD}`);
}
