// A failover under the tier, the bus and locks: a replica that may not have heard of the last changes takes over.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createSentinel as createSentinel5 } from 'redis5';
import { createCache } from 'tiercel';
import { DistributedLock, redisBus, redisTier } from 'tiercel/redis';
import { USER } from './support/clients.mjs';
import { until } from './support/server.mjs';
import { startSentinels } from './support/topologies.mjs';
import { SENTINEL_CLIENTS } from './support/topology-clients.mjs';

describe('under Sentinel', () => {
  let group;
  before(async () => {
    group = await startSentinels();
  });
  after(() => group.stop());

  it('a bus of node-redis that is closed while it connects leaves no connection', async () => {
    const client = await SENTINEL_CLIENTS['node-redis'](group.sentinels);
    const duplicate = client.duplicate.bind(client);
    let connected;
    let subscribed = 0;
    client.duplicate = (/** @type {object} */ options) => {
      const own = duplicate(options);
      const [connect, subscribe] = [own.connect.bind(own), own.subscribe.bind(own)];
      own.connect = () => {
        connected = connect();
        return connected;
      };
      own.subscribe = (...args) => {
        subscribed++;
        return subscribe(...args);
      };
      return own;
    };
    const ignore = () => undefined;
    const bus = redisBus(client);
    void bus.open({ changed: ignore, live: ignore, missed: ignore, down: ignore });
    await bus.close();
    await connected;
    await new Promise(setImmediate);
    assert.equal(subscribed, 0);
    client[Symbol.dispose]();
    await until('all connections have ended', async () => {
      const lists = await Promise.all(group.servers.map((server) => server.command('CLIENT', 'LIST')));
      return !lists.some((list) => list.includes(` user=${USER.username} `));
    });
  });

  it('what a failover may have lost the invalidation of is not served, and all goes on', async () => {
    const clients = [];
    const caches = [];
    for (const connect of Object.values(SENTINEL_CLIENTS)) {
      const client = await connect(group.sentinels);
      clients.push(client);
      const cache = await createCache({
        remote: redisTier(client, { timeout: 2_000 }),
        bus: redisBus(client, { heartbeat: 100, patience: 1_000, timeout: 2_000 }),
        remoteTimeout: 2_000,
        breaker: { failures: 3, reset: 100 },
      });
      assert.equal(/** @type {any} */ (cache.health().remote.details).topology, 'sentinel');
      await until('the bus is live', () => cache.health().bus.state === 'live');
      caches.push(cache);
    }
    const [a, b] = caches;
    await a.set('k', 'old', { tags: ['t'] });
    assert.equal(await b.get('k'), 'old');
    const locks = clients.map((client) => new DistributedLock(client, 'job', { timeout: 2_000, renew: false }));
    const first = await locks[0].acquire();

    // The replicas hear of nothing any more; then the primary is gone with what it knew.
    const primary = await group.primary();
    await until('the replicas have the entry', async () => {
      const replicas = group.servers.filter((server) => server !== primary);
      const sizes = await Promise.all(replicas.map((server) => server.command('DBSIZE')));
      return sizes.every((size) => size >= 3);
    });
    await primary.command('ACL', 'SETUSER', 'replica', 'off');
    await primary.command('CLIENT', 'KILL', 'TYPE', 'replica');
    assert.deepEqual(await a.invalidateTags('t'), { removed: 1, pending: false });
    await primary.kill();
    await until('another is the primary', async () => (await group.primary()) !== primary);
    const next = await group.primary();
    // It has the entry, and the token that was removed.
    assert.equal(await next.command('EXISTS', 'tiercel:e:{["default","k"]}', 'tiercel:t:{["default","t"]}'), 2);

    for (const cache of caches) {
      await until('all is well', async () => {
        await cache.get('none');
        return cache.health().ok;
      });
    }
    for (const cache of caches) {
      cache.memory.clear();
      assert.equal(await cache.get('k'), undefined);
    }
    await a.set('k', 'new');
    await until('the other has the value', async () => (await b.get('k')) === 'new');
    await until('the lock is free or still held', async () => {
      const held = await locks[1].tryAcquire({ wait: '1s' });
      if (held === undefined) return false;
      assert.ok(held.token > first.token, `${held.token} after ${first.token}`);
      await held.release();
      return true;
    });
    for (const cache of caches) await cache.close();
    for (const client of clients) client[Symbol.dispose]();
  });
});

it('a Sentinel client of node-redis 5 is one for the tier and for locks, and makes no bus', () => {
  const client = createSentinel5({ name: 'cache', sentinelRootNodes: [{ host: '127.0.0.1', port: 1 }] });
  assert.equal(/** @type {any} */ (redisTier(client).health()).topology, 'sentinel');
  assert.equal(new DistributedLock(client, 'job').name, 'job');
  assert.throws(() => redisBus(client), { code: 'ERR_TIERCEL_INVALID_ARGUMENT', message: /node-redis 5/ });
});
