// How long after an invalidation was acknowledged the last of four other processes has let go of the entry: over a bus in
// Redis, with processes that wait, and with processes that serve from memory half of their time. A process tells when, by the
// monotonic clock of the machine. Beside it how long the acknowledgement took, and the same for a message that the client
// alone publishes and hears. And how long after its connection was ended, by a reset or a FIN, a cache no longer serves what
// it has in memory as if it still heard.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { createCache } from 'tiercel';
import { redisBus, redisTier } from 'tiercel/redis';
import { startProxy } from '../tests/redis/support/proxy.mjs';
import { startServer } from '../tests/redis/support/server.mjs';
import { fail, quantile, Table } from './measure.mjs';
import { options } from './options.mjs';

const OTHERS = 4;
const INVALIDATIONS = options.quick ? 500 : 3_000;
const CUTS = options.quick ? 20 : 200;
/** Milliseconds from an acknowledgement to the last process, and from the end of a connection to doubt; PROMISES F, P1. */
const MOST = 25;
const MOST_UNTOLD = 50;

const server = await startServer();
const at = () => Number(process.hrtime.bigint()) / 1e6;

/** @param {'plain' | 'pubsub' | 'tracking'} mode `plain`: a message of the client alone @param {'idle' | 'busy'} load */
async function measure(mode, load) {
  const client = new Redis({ port: server.port, username: 'admin', password: 'change-me-admin' });
  await once(client, 'ready');
  const isPlain = mode === 'plain';
  const cache = await createCache({
    remote: redisTier(client, { timeout: '5s' }),
    bus: redisBus(client, { mode: isPlain ? 'pubsub' : mode, timeout: '5s' }),
    remoteTimeout: '5s',
  });
  const others = Array.from({ length: OTHERS }, () =>
    fork(new URL('processes/bus.mjs', import.meta.url), [String(server.port), mode, load]),
  );
  await Promise.all(others.map((other) => once(other, 'message')));
  while (cache.health().bus?.state !== 'live') await new Promise((resolve) => setTimeout(resolve, 10));

  const acknowledged = new Map();
  const took = [];
  for (let i = 0; i < INVALIDATIONS; i++) {
    const key = `key ${i}`;
    await cache.set(key, i);
    const before = at();
    const { pending } = isPlain
      ? { pending: (await client.publish('plain', key)) === 0 }
      : await cache.invalidateKeys(key);
    if (pending) throw new Error('an invalidation is pending on a server that works');
    acknowledged.set(key, at());
    took.push(at() - before);
    // As they come to a service, and not as fast as they can.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await new Promise((resolve) => setTimeout(resolve, 200));

  const late = new Map([...acknowledged].map(([key]) => [key, { count: 0, at: 0 }]));
  for (const other of others) {
    const answer = once(other, 'message');
    other.send('tell');
    const [{ gone }] = /** @type {[{ gone: { key: string, at: number }[] }]} */ (await answer);
    // The last that each heard of a key: before that it was set.
    const last = new Map(gone.map(({ key, at }) => [key, at]));
    for (const [key, when] of last) {
      const entry = late.get(key);
      if (entry === undefined) continue;
      entry.count++;
      entry.at = Math.max(entry.at, when - acknowledged.get(key));
    }
    other.send('end');
    await once(other, 'exit');
  }
  const unheard = [...late.values()].filter(({ count }) => count < OTHERS).length;
  if (unheard > 0) throw new Error(`${unheard} invalidations were not heard of by all`);
  await cache.close();
  client.disconnect();
  return { late: [...late.values()].map(({ at }) => at), took };
}

/** Milliseconds from the end of the bus's connection until its cache is in doubt. @param {(proxy: Proxy) => void} end */
async function cut(end) {
  const proxy = await startProxy(server.port);
  const client = new Redis({
    port: proxy.port,
    username: 'admin',
    password: 'change-me-admin',
    retryStrategy: () => 20,
  });
  client.on('error', () => undefined);
  await once(client, 'ready');
  const cache = await createCache({ bus: redisBus(client, { timeout: '5s' }), remoteTimeout: '5s' });
  let told = 0;
  cache.on('doubt', () => {
    told ||= at();
  });
  const took = [];
  for (let i = 0; i < CUTS; i++) {
    while (cache.health().bus?.state !== 'live') await new Promise((resolve) => setTimeout(resolve, 5));
    told = 0;
    const before = at();
    end(proxy);
    while (told === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    took.push(told - before);
  }
  await cache.close();
  client.disconnect();
  await proxy.close();
  return took;
}

/** @typedef {Awaited<ReturnType<typeof startProxy>>} Proxy */
/** @type {Readonly<Record<string, (proxy: Proxy) => void>>} */
const ENDS = {
  'a reset': (proxy) => proxy.drop(),
  'a FIN': (proxy) => proxy.halfClose('down'),
};

const ended = new Table('ms', 'in doubt after: median', 'p99', 'most');
const table = new Table('ms', 'late: median', 'p99', 'most', 'acknowledged after: median', 'p99');
try {
  for (const mode of /** @type {const} */ (['plain', 'pubsub', 'tracking'])) {
    for (const load of /** @type {const} */ (['idle', 'busy'])) {
      const { late, took } = await measure(mode, load);
      const figures = [
        quantile(late, 0.5),
        quantile(late, 0.99),
        quantile(late, 1),
        quantile(took, 0.5),
        quantile(took, 0.99),
      ];
      table.row(`${mode}, ${OTHERS} ${load} processes`, ...figures.map((figure) => figure.toFixed(2)));
      if (mode !== 'plain' && figures[1] > MOST)
        fail(`${mode}, ${load}: p99 is ${figures[1].toFixed(1)} ms, not ${MOST}`);
    }
  }
  for (const [how, end] of Object.entries(ENDS)) {
    const took = await cut(end);
    const figures = [0.5, 0.99, 1].map((part) => quantile(took, part));
    ended.row(`the connection is ended by ${how}`, ...figures.map((figure) => figure.toFixed(2)));
    if (figures[1] > MOST_UNTOLD) fail(`${how}: p99 is ${figures[1].toFixed(1)} ms, not ${MOST_UNTOLD}`);
  }
} finally {
  await server.stop();
}
table.print();
ended.print();
