// One process with a cache: reads keys as fast as it can, changes what it is told to, and logs both. The source of the
// values is the controller, which it asks by messages. Its options are its argument, as JSON.
import { createCache } from 'tiercel';
import { redisBus, redisTier } from 'tiercel/redis';
import { CLIENTS } from '../../redis/support/clients.mjs';
import { broken } from './broken.mjs';

const { name, keys, library, dataPort, busPort, breaks, heartbeat, patience } = JSON.parse(process.argv[2] ?? '{}');
const send = (message) => process.send?.(message);
const now = () => Number(process.hrtime.bigint()) / 1e6;

const connect = CLIENTS[library];
const [data, bus] = [await connect(dataPort), await connect(busPort)];
const cache = await createCache(
  broken(breaks, {
    remote: redisTier(data),
    bus: redisBus(bus, breaks === 'heartbeat' ? { heartbeat: '1h', patience: '1h' } : { heartbeat, patience }),
    breaker: { failures: 3, reset: 200 },
    defaults: { ttl: '10m' },
  }),
);

// ---- The source

const loads = new Map();
let nextLoad = 0;
const load = (key) =>
  new Promise((resolve) => {
    loads.set(++nextLoad, resolve);
    send({ load: nextLoad, key });
  });

// ---- Reading

let log = [];
let isOver = false;
const facts = { reads: 0, failures: 0, longest: 0, memory: 0 };
const random = (below) => Math.floor(Math.random() * below);

async function readForever() {
  while (!isOver) {
    const key = keys[random(keys.length)];
    const begin = now();
    try {
      const version = await cache.getOrSet(key, () => load(key), { tags: [`tag of ${key}`] });
      const end = now();
      facts.reads++;
      facts.longest = Math.max(facts.longest, end - begin);
      log.push({ type: 'read', process: name, key, version, begin, end });
    } catch (error) {
      facts.failures++;
      facts.failure = String(error);
    }
    if (log.length >= 1_000) flush();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function flush() {
  send({ log });
  log = [];
}

// ---- What the controller says

async function change({ id, key, how }) {
  let isDurable = false;
  try {
    const { pending } = await (how === 'tag' ? cache.invalidateTags(`tag of ${key}`) : cache.invalidateKeys(key));
    isDurable = !pending;
  } catch {
    // Not acknowledged: it may have happened or not.
  }
  send({ changed: id, isDurable, end: now() });
}

const readers = [];
process.on('message', (/** @type {any} */ message) => {
  if (message.loaded !== undefined) {
    loads.get(message.loaded)?.(message.version);
    loads.delete(message.loaded);
  } else if (message.change !== undefined) void change(message.change);
  else if (message.stop === true) void stop();
});

async function stop() {
  isOver = true;
  await Promise.all(readers);
  flush();
  const { bus: busHealth } = cache.health();
  await cache.close();
  for (const client of [data, bus]) client[Symbol.dispose]();
  send({ stopped: { ...facts, engine: cache.memory.engine, missed: busHealth?.missed } });
  process.disconnect();
}

for (let i = 0; i < 4; i++) readers.push(readForever());
send({ ready: true });
