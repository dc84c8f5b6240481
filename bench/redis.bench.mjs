// What is in the second tier and not in memory, over Redis: one key at a time from 1, 16 and 128 callers, and 100 keys with
// three tags each at once. Every cache has the same server, the same kind of client and the same values; Tiercel checks
// frames, leases and tags as well: with a bus by itself, as far as it has heard of changes, and without one in Redis.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { createCache } from 'tiercel';
import { redisBus, redisTier } from 'tiercel/redis';
import { startServer } from '../tests/redis/support/server.mjs';
import { fail, median, ratio, Table } from './measure.mjs';
import { options, rounds } from './options.mjs';
import { untyped } from './untyped.mjs';

const { BentoCache, bentostore } = await untyped('bentocache');
const { memoryDriver } = await untyped('bentocache/drivers/memory');
const { redisDriver } = await untyped('bentocache/drivers/redis');
const { Cacheable, Keyv } = await untyped('cacheable');

const CALLS = options.quick ? 4_000 : 20_000;
const CALLERS = [1, 16, 128];
const KEYS = 1_000;
const BATCH = 100;
const TAGS = ['a', 'b', 'c'];
const keys = Array.from({ length: KEYS }, (_, i) => `user:${i}`);
const valueFor = (/** @type {string} */ key) => ({ key, text: 'x'.repeat(160) });

const server = await startServer();
async function connect() {
  const client = new Redis({ port: server.port, username: 'admin', password: 'change-me-admin' });
  await once(client, 'ready');
  return client;
}

/**
 * @typedef {object} Facade
 * @property {(key: string) => Promise<any>} get
 * @property {(key: string, value: object) => Promise<unknown>} set with three tags, where a cache has tags
 * @property {(keys: string[]) => Promise<any[]>} getMany
 * @property {() => unknown} close
 */

/** @type {Record<string, () => Promise<Facade>>} */
const facades = {
  async bentocache() {
    const connection = await connect();
    const cache = new BentoCache({
      default: 'both',
      stores: {
        both: bentostore()
          .useL1Layer(memoryDriver({ maxItems: 1 }))
          .useL2Layer(redisDriver({ connection })),
      },
    });
    return {
      get: (key) => cache.get({ key }),
      set: (key, value) => cache.set({ key, value, ttl: '1h', tags: TAGS }),
      getMany: (list) => Promise.all(list.map((key) => cache.get({ key }))),
      close: () => cache.disconnectAll(),
    };
  },
  async cacheable() {
    const client = await connect();
    // The least that a store can be.
    const store = {
      opts: {},
      get: async (/** @type {string} */ key) => (await client.get(key)) ?? undefined,
      getMany: async (/** @type {string[]} */ list) => (await client.mget(list)).map((value) => value ?? undefined),
      set: (/** @type {string} */ key, /** @type {string} */ value) => client.set(key, value, 'PX', 3_600_000),
      delete: async (/** @type {string} */ key) => (await client.del(key)) > 0,
      clear: async () => undefined,
      on: () => undefined,
    };
    const cache = new Cacheable({
      primary: new Keyv({ store: new Map(), ttl: 0 }),
      secondary: new Keyv({ store, namespace: 'c' }),
      ttl: '1h',
    });
    const forget = () => cache.primary.clear();
    return {
      async get(key) {
        await forget();
        return cache.get(key);
      },
      set: (key, value) => cache.set(key, value),
      async getMany(list) {
        await forget();
        return cache.getMany(list);
      },
      close: () => client.disconnect(),
    };
  },
  tiercel: () => tiercel((client) => ({ bus: redisBus(client, { timeout: '10s' }) })),
  'tiercel without a bus': () => tiercel(() => ({ name: 'without a bus' })),
};

/** @param {(client: Redis) => import('tiercel').CacheOptions} more @returns {Promise<Facade>} */
async function tiercel(more) {
  const client = await connect();
  const cache = await createCache({
    memory: { maxEntries: 1 },
    remote: redisTier(client, { timeout: '10s' }),
    remoteTimeout: '10s',
    defaults: { ttl: '1h' },
    ...more(client),
  });
  while (!cache.health().ok) await pause(10);
  return {
    get: (key) => cache.get(key),
    set: (key, value) => cache.set(key, value, { tags: TAGS }),
    getMany: async (list) => [...(await cache.getMany(list)).values()],
    async close() {
      await cache.close();
      client.disconnect();
    },
  };
}

/** @type {Map<string, number[]>} */
const rates = new Map();
const add = (/** @type {string} */ what, /** @type {number} */ rate) =>
  rates.set(what, [...(rates.get(what) ?? []), rate]);

/** Microseconds that the server's process has worked. */
async function serverTime() {
  const info = await server.command('INFO', 'cpu');
  const part = (/** @type {string} */ name) => Number(new RegExp(`used_cpu_${name}:([\\d.]+)`).exec(info)?.[1]) * 1e6;
  return part('user') + part('sys');
}

/**
 * Notes keys a second, and what they cost both processes, which counts where others work on the machine as well. All of
 * the work is done once before: at a collection that is asked for V8 forgets what it has compiled for objects of which there is none
 * at that moment, more than with those that come by themselves.
 *
 * @param {string} what @param {number} count @param {(count: number) => Promise<unknown>} work
 */
async function note(what, count, work) {
  globalThis.gc();
  await work(count);
  const served = await serverTime();
  const worked = process.cpuUsage();
  const start = performance.now();
  await work(count);
  const took = performance.now() - start;
  const { user, system } = process.cpuUsage(worked);
  add(what, count / (took / 1_000));
  add(`${what}: client`, (user + system) / count);
  add(`${what}: server`, ((await serverTime()) - served) / count);
}

/** @type {Record<string, { count: number, work: (facade: Facade, count: number) => Promise<unknown> }>} */
const works = {
  ...Object.fromEntries(
    CALLERS.map((callers) => [
      String(callers),
      { count: callers === 1 ? CALLS / 4 : CALLS, work: (facade, count) => loop(facade, count, callers) },
    ]),
  ),
  many: { count: CALLS, work: batches },
  set: { count: CALLS / 4, work: bursts },
};

/** @param {Facade} facade @param {number} calls @param {number} callers */
async function loop(facade, calls, callers) {
  let i = 0;
  const caller = async () => {
    while (i < calls) assert.notEqual(await facade.get(keys[i++ % KEYS]), undefined);
  };
  await Promise.all(Array.from({ length: callers }, caller));
}

/** @param {Facade} facade @param {number} count */
async function batches(facade, count) {
  for (let i = 0; i < count; i += BATCH) {
    const from = i % KEYS;
    const found = await facade.getMany(keys.slice(from, from + BATCH));
    assert.equal(found.length, BATCH);
    assert.ok(!found.includes(undefined));
  }
}

/** All keys at once, again and again. @param {Facade} facade @param {number} count */
async function bursts(facade, count) {
  for (let i = 0; i < count; i += KEYS) await Promise.all(keys.map((key) => facade.set(key, valueFor(key))));
}

/** @param {Facade} facade */
async function fill(facade) {
  for (const key of keys) await facade.set(key, valueFor(key));
  for (const key of keys) assert.deepEqual(await facade.get(key), valueFor(key));
  await loop(facade, CALLS / 4, 16);
}

// All of them do the same one after the other, so that what else the machine does hits all alike.
const open = new Map();
try {
  for (const [name, make] of Object.entries(facades)) {
    const facade = await make();
    open.set(name, facade);
    await fill(facade);
  }
  for (let round = 0; round < rounds; round++) {
    for (const [column, { count, work }] of Object.entries(works)) {
      for (const [name, facade] of open) await note(`${name}: ${column}`, count, (n) => work(facade, n));
    }
  }
} finally {
  for (const facade of open.values()) await facade.close();
  await server.stop();
}

/** What is compared with each value that is read: what a peer does not have costs it nothing. @type {Record<string, string>} */
const CHECKED = {
  bentocache: 'tags',
  cacheable: 'nothing',
  tiercel: 'frame, reign, tags',
  'tiercel without a bus': 'the same',
};

const columns = Object.keys(works);
const of = (/** @type {string} */ name, /** @type {string} */ column) => median(rates.get(`${name}: ${column}`) ?? []);
const peers = Object.keys(facades).filter((name) => !name.startsWith('tiercel'));
/** Values with tags are read by those that have some: the others read them without. */
const withTags = peers.filter((name) => CHECKED[name]?.includes('tags'));
/** Against the fastest of some peers, round by round. @param {string} column @param {string[]} among */
function against(column, among) {
  const fastest = among.reduce((best, name) => (of(name, column) > of(best, column) ? name : best));
  const theirs = rates.get(`${fastest}: ${column}`) ?? [];
  return median((rates.get(`tiercel: ${column}`) ?? []).map((rate, round) => rate / (theirs[round] ?? 0)));
}
const table = new Table(
  'keys a second',
  ...CALLERS.map((n) => `get, ${n} callers`),
  `getMany of ${BATCH}`,
  `set, 3 tags, ${KEYS} at once`,
);
for (const name of Object.keys(facades))
  table.row(`${name}, checks ${CHECKED[name]}`, ...columns.map((column) => of(name, column).toFixed(0)));
for (const name of Object.keys(facades)) {
  const cost = (/** @type {string} */ column) =>
    ['client', 'server'].map((side) => of(name, `${column}: ${side}`).toFixed(0)).join(' + ');
  table.row(`  µs of work, client + server`, ...columns.map(cost));
}
table.row('against the fastest peer', ...columns.map((column) => ratio(against(column, peers))));
table.row('against the fastest that has tags', ...columns.map((column) => ratio(against(column, withTags))));
table.print();
for (const callers of CALLERS.map(String)) {
  const times = against(callers, peers);
  if (times < 1) fail(`get with ${callers} callers is ${ratio(times)} of the fastest peer, not 1`);
}
const times = against('many', withTags);
if (times < 5) fail(`getMany of values with tags is ${ratio(times)} of the fastest peer that has tags, not 5`);
