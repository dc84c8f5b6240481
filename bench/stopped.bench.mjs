// How long a `getOrSet` takes of what no tier has while the server stands still (SIGSTOP): before the breaker opens, when
// each waits for the timeout, and after. Beside it the same without a second tier, and how late a timer of the machine is.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { createCache } from 'tiercel';
import { redisBus, redisTier } from 'tiercel/redis';
import { startServer } from '../tests/redis/support/server.mjs';
import { fail, quantile, Table } from './measure.mjs';
import { options } from './options.mjs';

const STOPS = options.quick ? 20 : 100;
const FAILURES = 3;
/** Calls after the breaker opened, for each stop. */
const OPEN_CALLS = 100;
const LOADER = 5;
/** Milliseconds: the default of a `redisTier`, and what PROMISES allow beside it, and once the breaker is open. */
const TIMEOUT = 100;
const MORE = 10;
const MOST_OPEN = 1;

const server = await startServer();
const connect = async () => {
  const client = new Redis({
    port: server.port,
    username: 'admin',
    password: 'change-me-admin',
    retryStrategy: () => 20,
  });
  client.on('error', () => undefined);
  await once(client, 'ready');
  return client;
};
const clients = [await connect(), await connect()];
const cache = await createCache({
  memory: { maxEntries: 100_000 },
  remote: redisTier(clients[0]),
  bus: redisBus(clients[1]),
  // Long enough for no probe to be among the calls that are counted.
  breaker: { failures: FAILURES, reset: '1s' },
});
const alone = await createCache({ memory: { maxEntries: 100_000 } });

let calls = 0;
/** Milliseconds that a load took beside its loader. @param {{ getOrSet: typeof cache.getOrSet }} asked @param {number} wait of the loader */
async function load(asked, wait) {
  const begin = performance.now();
  await asked.getOrSet(`key ${calls++}`, async () => {
    if (wait > 0) await sleep(wait);
    return 1;
  });
  return performance.now() - begin - wait;
}

/** @type {Record<string, number[]>} */
const took = { closed: [], open: [], alone: [], timer: [] };
for (let stop = 0; stop < STOPS; stop++) {
  while (!cache.health().ok) {
    await cache.getOrSet(`probe ${calls++}`, () => 1);
    await sleep(20);
  }
  server.suspend();
  for (let i = 0; i < FAILURES; i++) {
    const begin = performance.now();
    await sleep(TIMEOUT);
    took.timer.push(performance.now() - begin);
    took.closed.push(await load(cache, LOADER));
  }
  if (cache.health().remote?.state !== 'open')
    fail(`the breaker is ${cache.health().remote?.state} after ${FAILURES} failures`);
  for (let i = 0; i < OPEN_CALLS; i++) {
    took.open.push(await load(cache, 0));
    took.alone.push(await load(alone, 0));
  }
  server.resume();
}

const table = new Table('milliseconds beside the loader', 'median', 'p99', 'longest', 'calls');
/** @param {string} what @param {number[]} list */
const row = (what, list) =>
  table.row(what, ...[0.5, 0.99, 1].map((q) => quantile(list, q).toFixed(3)), String(list.length));
row(`the breaker is closed: waits ${TIMEOUT} ms`, took.closed);
row(`a timer of ${TIMEOUT} ms`, took.timer);
row('the breaker is open', took.open);
row('no second tier', took.alone);
table.print();
if (quantile(took.closed, 0.99) > TIMEOUT + MORE)
  fail(`p99 is ${quantile(took.closed, 0.99).toFixed(1)} ms while the breaker is closed, not ${TIMEOUT + MORE}`);
if (quantile(took.open, 0.99) > MOST_OPEN)
  fail(`p99 is ${quantile(took.open, 0.99).toFixed(3)} ms once it is open, not ${MOST_OPEN}`);

await cache.close();
await alone.close();
for (const client of clients) client.disconnect();
await server.stop();
