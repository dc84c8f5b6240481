// A cache in front of Redis, in a thread: either one that shares its memory, or as another process would have it.
import { parentPort, workerData } from 'node:worker_threads';
import { createCache } from 'tiercel';
import { redisBus, redisTier } from 'tiercel/redis';
import { random } from '../../../bench/zipf.mjs';
import { CLIENTS } from './clients.mjs';

/** Signs of life often, and not soon given up: a slow machine is no failure. */
export const BEATS = { heartbeat: 50, patience: 5_000 };

/** The module that makes a client for the thread of the bus. @param {string} library @param {number} port */
export const moduleFor = (library, port) =>
  new URL(`./thread-client.mjs?library=${library}&port=${port}`, import.meta.url);

/**
 * @param {{ library: string, port: number, busPort?: number, shared?: string, threaded?: boolean, bus?: object, options?: object }} how
 */
export async function openUser({ library, port, busPort = port, shared, threaded = true, bus, options }) {
  const client = await CLIENTS[library](port);
  const isThreaded = shared !== undefined && threaded;
  const cache = await createCache({
    remote: redisTier(client, { timeout: 5_000 }),
    bus: redisBus(client, { ...BEATS, ...bus, ...(isThreaded && { thread: moduleFor(library, busPort) }) }),
    remoteTimeout: 5_000,
    ...(shared !== undefined && { memory: { shared } }),
    ...options,
  });
  return {
    cache,
    async close() {
      await cache.close();
      client[Symbol.dispose]();
    },
  };
}

/** What threads tell each other without an event loop: places of an Int32Array. */
export const GO = 0;
export const ACKNOWLEDGED = 1;
export const SPINNING = 2;

/** How many have looked. */
export const LOOKED = 3;

/**
 * Whether the value goes from under the key, though there is no turn of the event loop, here or in the other thread
 * that does the same.
 * @param {import('tiercel').Cache} cache @param {string} key @param {unknown} value @param {Int32Array} signal
 * @param {boolean} isLong until it does; else until the change is acknowledged
 */
export function spin(cache, key, value, signal, isLong) {
  const deadline = performance.now() + 20_000;
  const isLate = () => performance.now() > deadline;
  Atomics.add(signal, SPINNING, 1);
  while ((isLong ? cache.memory.peek(key) === value : Atomics.load(signal, ACKNOWLEDGED) === 0) && !isLate());
  const isGone = cache.memory.peek(key) !== value;
  Atomics.add(signal, LOOKED, 1);
  while (Atomics.load(signal, LOOKED) < 2 && !isLate());
  return isGone;
}

/**
 * Reads and changes at random, as others do at the same time. A change is acknowledged of the version that the source had
 * when it was made; a read must not have an older one than was acknowledged before it began. The first keys are set, each by one
 * thread alone, and the others are invalidated by all.
 * @param {import('tiercel').Cache} cache
 */
async function race(cache, { versions, known, operations, seed, users }) {
  const version = new Int32Array(versions);
  const acknowledged = new Int32Array(known);
  const draw = random(1 + seed);
  const below = (n) => Math.floor(draw() * n);
  const result = { reads: 0, loads: 0, changes: 0, stale: /** @type {object[]} */ ([]) };
  const acknowledge = (i, value) => {
    for (let old = Atomics.load(acknowledged, i); old < value; old = Atomics.load(acknowledged, i))
      Atomics.compareExchange(acknowledged, i, old, value);
  };
  const change = async (i, make) => {
    result.changes++;
    const value = Atomics.add(version, i, 1) + 1;
    await make(value);
    if (await cache.acknowledged()) acknowledge(i, value);
  };
  const half = version.length / 2;
  const ways = [
    (key) => cache.invalidateKeys(key),
    (key) => cache.invalidateTags(`tag of ${key}`),
    (key) => cache.invalidatePattern(key),
  ];
  const step = async () => {
    const own = seed + users * below(Math.floor((half - seed) / users));
    const shared = half + below(half);
    const kind = below(10);
    if (kind === 0) return change(own, (value) => cache.set(`k${own}`, value, { tags: [`tag of k${own}`] }));
    if (kind === 1) return change(shared, () => ways[below(ways.length)](`k${shared}`));
    const i = below(version.length);
    const key = `k${i}`;
    const least = Atomics.load(acknowledged, i);
    const load = () => {
      result.loads++;
      return Atomics.load(version, i);
    };
    const value =
      kind < 4 ? await cache.get(key) : await cache.getOrSet(key, load, { tags: [`tag of ${key}`], ttl: '1m' });
    result.reads++;
    if (value !== undefined && value < least) result.stale.push({ key, value, least, by: seed });
  };
  for (let i = 0; i < operations; i += 8) await Promise.all(Array.from({ length: 8 }, step));
  return result;
}

if (workerData?.user !== undefined) {
  const { cache, close } = await openUser(workerData.user);
  const signal = new Int32Array(workerData.signal);
  const calls = {
    read: (key) => cache.get(key),
    peek: (key) => cache.memory.peek(key),
    load: (key, value) => cache.getOrSet(key, () => value),
    set: (key, value) => cache.set(key, value),
    delete: (key) => cache.invalidateKeys(key),
    spin: (key, value, isLong) => spin(cache, key, value, signal, isLong),
    async deleteAtSignal(key) {
      while (Atomics.load(signal, GO) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      const { pending } = await cache.invalidateKeys(key);
      Atomics.store(signal, ACKNOWLEDGED, 1);
      return pending;
    },
    state: () => cache.health().bus?.state,
    race: (how) => race(cache, how),
    close,
  };
  parentPort?.on('message', async ({ id, call, args }) => {
    try {
      parentPort?.postMessage({ id, answer: await calls[call](...args) });
    } catch (error) {
      parentPort?.postMessage({ id, error: String(error) });
    }
    if (call === 'close') parentPort?.close();
  });
  parentPort?.postMessage({ id: 0 });
}
