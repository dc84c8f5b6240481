// The tier, the bus, locks and health over clients with options that change how commands go out, or what comes back.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { RESP_TYPES } from 'redis';
import { createCache } from 'tiercel';
import { DistributedLock, redisBus, redisHealth, redisTier } from 'tiercel/redis';
import { EVERY_CLIENT } from './support/clients.mjs';
import { startServer, until } from './support/server.mjs';
import { startCluster } from './support/topologies.mjs';
import { CLUSTER_CLIENTS } from './support/topology-clients.mjs';

const ADMIN = { username: 'admin', password: 'change-me-admin' };
const PATIENT = { timeout: 30_000 };
const KEYS = Array.from({ length: 10 }, (_, i) => `k${i}`);
/** After some reads that Redis has judged, single ones are made otherwise. */
const TURNS = 5;

const OF_IOREDIS = {
  enableAutoPipelining: true,
  keyPrefix: 'app:',
  stringNumbers: true,
  showFriendlyErrorStack: true,
  enableReadyCheck: false,
  db: 2,
};
const TYPES = { [RESP_TYPES.NUMBER]: String, [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.SIMPLE_STRING]: Buffer };
const OF_NODE_REDIS = {
  RESP: 3,
  commandOptions: { typeMapping: TYPES },
  disableOfflineQueue: true,
  commandsQueueMaxLength: 5_000,
  database: 2,
};
const optionsOf = (library) => Object.entries(library.startsWith('node-redis') ? OF_NODE_REDIS : OF_IOREDIS);

/** Does what there is to do once, and looks at all answers. */
async function useAll(client, mode) {
  const failures = [];
  const cache = await createCache({
    // None of them is in memory when it is read.
    memory: { maxEntries: 1 },
    remote: redisTier(client, PATIENT),
    remoteTimeout: 30_000,
    bus: redisBus(client, { ...PATIENT, mode, heartbeat: 100, patience: 30_000 }),
  });
  cache.on('error', ({ operation, error }) => failures.push(`${operation}: ${error}`));
  try {
    await until('the bus is live', () => cache.health().ok);
    for (const [i, key] of KEYS.entries()) await cache.set(key, i, { tags: ['t'], ttl: i % 2 === 0 ? 0 : 60_000 });
    for (let turn = 0; turn < TURNS; turn++)
      for (const [i, key] of KEYS.entries()) assert.equal(await cache.get(key), i, `${key} in turn ${turn}`);
    assert.deepEqual(await cache.getMany(KEYS), new Map(KEYS.map((key, i) => [key, i])));
    assert.equal(await cache.getOrSet('loaded', () => 'v', { tags: ['t'] }), 'v');
    assert.equal((await cache.invalidateTags('t')).pending, false);
    for (const key of [...KEYS, 'loaded']) assert.equal(await cache.get(key), undefined, key);
    await cache.set('prefixed', 1);
    assert.equal((await cache.invalidatePrefix('pre')).pending, false);
    cache.memory.clear();
    assert.equal(await cache.get('prefixed'), undefined);
    await cache.set('deleted', 1);
    assert.equal(await cache.delete('deleted'), true);
    assert.deepEqual(failures, []);
  } finally {
    await cache.close();
  }

  const lock = new DistributedLock(client, 'job', PATIENT);
  const first = await lock.acquire();
  assert.equal(await lock.isLocked(), true);
  assert.equal(await lock.tryAcquire(), undefined);
  assert.equal(await first.extend(), true);
  const waiting = lock.acquire({ wait: 30_000 });
  await first.release();
  const second = await waiting;
  assert.ok(second.token > first.token, `${second.token} after ${first.token}`);
  await second.release();
  assert.equal(await lock.isLocked(), false);

  const { role, clients, cluster, slowLog } = await redisHealth(client, PATIENT);
  const { connected } = cluster?.servers[0].health?.clients ?? clients;
  assert.ok(role === 'master' && connected > 0, `${role}, ${connected}`);
  for (const { at, took } of slowLog ?? []) assert.ok(at.getTime() > 0 && took >= 0, `${at}, ${took}`);
}

describe('one server', () => {
  let server;
  before(async () => {
    server = await startServer();
  });
  after(() => server.stop());

  for (const [library, connect] of Object.entries(EVERY_CLIENT)) {
    for (const [option, value] of optionsOf(library)) {
      for (const mode of ['pubsub', 'tracking']) {
        it(`${library} with ${option}, ${mode}`, async () => {
          await server.command('FLUSHALL');
          const more = { [option]: value };
          const client = library.startsWith('node-redis')
            ? await connect(server.port, /** @type {any} */ ({ ...ADMIN, ...more }))
            : await connect(server.port, ADMIN, more);
          try {
            await useAll(client, mode);
          } finally {
            client[Symbol.dispose]();
          }
        });
      }
    }
  }
});

describe('a Cluster', () => {
  let cluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.stop());

  /** @type {Record<string, [string, object]>} */
  const more = {
    'ioredis with enableAutoPipelining': ['ioredis', { enableAutoPipelining: true }],
    'ioredis with stringNumbers': ['ioredis', { redisOptions: { ...ADMIN, stringNumbers: true } }],
    'node-redis with commandOptions': ['node-redis', { commandOptions: { typeMapping: TYPES } }],
    'node-redis with RESP 3': ['node-redis', { RESP: 3 }],
  };
  for (const [name, [library, options]] of Object.entries(more)) {
    it(name, async () => {
      for (const server of cluster.servers) await server.command('FLUSHALL');
      const client = await CLUSTER_CLIENTS[library](cluster.servers, ADMIN, options);
      try {
        await useAll(client, 'pubsub');
      } finally {
        client[Symbol.dispose]();
      }
    });
  }
});
