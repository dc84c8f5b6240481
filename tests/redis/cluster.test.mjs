// The tier, the bus and locks in a Cluster of three primaries.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { Cluster } from 'ioredis';
import { createCluster } from 'redis';
import { createCache } from 'tiercel';
import { DistributedLock, redisBus, redisSlot, redisTier } from 'tiercel/redis';
import { USER } from './support/clients.mjs';
import { until } from './support/server.mjs';
import { startCluster } from './support/topologies.mjs';

const CALL = { signal: new AbortController().signal };
const NS = ['cache'];

const CLIENTS = {
  async ioredis(ports, more = {}) {
    const nodes = ports.map((port) => ({ host: '127.0.0.1', port }));
    const client = new Cluster(nodes, { redisOptions: USER, ...more });
    client.on('error', () => undefined);
    await once(client, 'ready');
    return Object.assign(client, { [Symbol.dispose]: () => client.disconnect() });
  },
  async 'node-redis'(ports) {
    const rootNodes = ports.map((port) => ({ socket: { host: '127.0.0.1', port } }));
    const client = createCluster({ rootNodes, defaults: USER });
    client.on('error', () => undefined);
    await client.connect();
    return Object.assign(client, { [Symbol.dispose]: () => client.destroy() });
  },
};

let cluster;
let ports;
before(async () => {
  cluster = await startCluster();
  ports = cluster.servers.map(({ port }) => port);
});
after(() => cluster.stop());

for (const [library, connect] of Object.entries(CLIENTS)) {
  describe(`a Cluster over ${library}`, () => {
    let client;
    before(async () => {
      client = await connect(ports);
    });
    after(() => client[Symbol.dispose]());

    it('has tiers on all its nodes, each of them in one slot', async () => {
      const prefixes = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `tiercel:${library}:${name}`);
      const entry = { value: 'v', ttl: 60_000, stale: 0, tags: ['t'], dependsOn: ['other'] };
      for (const prefix of prefixes) {
        const tier = redisTier(client, { prefix, timeout: 10_000 });
        const keys = Array.from({ length: 100 }, (_, i) => `k${i}`);
        const read = (key) => ({ namespace: NS, key, lease: true, tags: ['t'], dependsOn: ['other'] });
        const values = async () => (await tier.read(keys.map(read), CALL)).map((found) => found.entry?.value);
        await tier.write(
          keys.map((key) => ({ namespace: NS, key, entry })),
          CALL,
        );
        assert.deepEqual(await values(), Array(100).fill('v'));
        const [{ lease }] = await tier.read([read('k0')], CALL);
        await tier.change([{ kind: 'tags', namespace: NS, tags: ['t'] }], CALL);
        assert.deepEqual(await values(), Array(100).fill(undefined));
        assert.deepEqual(await tier.write([{ namespace: NS, key: 'k0', entry, lease }], CALL), [false]);
        assert.equal(/** @type {any} */ (tier.health()).topology, 'cluster');
      }
      const names = await Promise.all(cluster.servers.map((server) => server.command('KEYS', `tiercel:${library}:*`)));
      assert.ok(names.filter((some) => some.length > 0).length > 1, 'all on one node');
      for (const prefix of prefixes) {
        const own = names.flat().filter((name) => name.startsWith(`${prefix}:`));
        assert.equal(new Set(own.map(redisSlot)).size, 1, prefix);
      }
    });

    it('goes on when its nodes lost their scripts, in the order of the calls', async () => {
      const tier = redisTier(client, { prefix: `tiercel:${library}:scripts`, timeout: 10_000 });
      const set = (value) =>
        tier.write(
          [{ namespace: NS, key: 'k', entry: { value, ttl: 60_000, stale: 0, tags: [], dependsOn: [] } }],
          CALL,
        );
      for (let round = 0; round < 5; round++) {
        const calls = [];
        for (let i = 0; i < 10; i++) {
          if (i === round) for (const server of cluster.servers) calls.push(server.command('SCRIPT', 'FLUSH'));
          calls.push(set(i), tier.change([{ kind: 'delete', namespace: NS, key: 'k' }], CALL));
        }
        calls.push(set(`last ${round}`));
        const reading = tier.read([{ namespace: NS, key: 'k', lease: false, tags: [], dependsOn: [] }], CALL);
        await Promise.all(calls);
        assert.equal((await reading)[0].entry.value, `last ${round}`);
      }
    });

    it('has locks, and caches that tell each other of changes', async () => {
      const lock = new DistributedLock(client, 'job', { prefix: `tiercel:${library}`, timeout: 10_000 });
      const held = await lock.acquire();
      assert.equal(await lock.isLocked(), true);
      assert.equal(await lock.tryAcquire(), undefined);
      await held.release();
      const other = await connect(ports);
      const options = { prefix: `tiercel:${library}`, timeout: 10_000 };
      const open = async (own) => {
        const cache = await createCache({
          remote: redisTier(own, options),
          bus: redisBus(own, { ...options, heartbeat: 50, patience: 5_000 }),
          remoteTimeout: 10_000,
        });
        await until('the bus is live', () => cache.health().bus.state === 'live');
        return cache;
      };
      const [a, b] = [await open(client), await open(other)];
      await a.set('k', 'old');
      await until('the other has the value', async () => (await b.get('k')) === 'old');
      await a.set('k', 'new');
      await until('the other has let go of it', () => b.memory.get('k') !== 'old');
      assert.equal(await b.get('k'), 'new');
      await Promise.all([a.close(), b.close()]);
      other[Symbol.dispose]();
    });

    it('has no tier that trusts what was written before a key moved', () => {
      assert.throws(() => redisTier(client, { durable: true }), { code: 'ERR_TIERCEL_INVALID_OPTION' });
    });
  });
}

it('a prefix that ioredis has for keys is refused, as it would lead to other nodes', async () => {
  for (const more of [{ keyPrefix: 'a:' }, { redisOptions: { ...USER, keyPrefix: 'a:' } }]) {
    const client = await CLIENTS.ioredis(ports, more);
    assert.throws(() => redisTier(client), { code: 'ERR_TIERCEL_INVALID_ARGUMENT', message: /keyPrefix/ });
    client[Symbol.dispose]();
  }
});
