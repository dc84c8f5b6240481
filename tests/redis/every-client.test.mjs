// Every supported client under Sentinel and in a Cluster: caches over different ones share what they have.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createCache } from 'tiercel';
import { DistributedLock, redisBus, redisHealth, redisTier } from 'tiercel/redis';
import { until } from './support/server.mjs';
import { startCluster, startSentinels } from './support/topologies.mjs';
import { EVERY_CLUSTER_CLIENT, EVERY_SENTINEL_CLIENT } from './support/topology-clients.mjs';

const PATIENT = { timeout: 30_000 };
/** Slots of keys are all over a Cluster. */
const KEYS = Array.from({ length: 20 }, (_, i) => `k${i}`);

const TOPOLOGIES = {
  sentinel: {
    clients: EVERY_SENTINEL_CLIENT,
    async start() {
      const group = await startSentinels();
      return { group, places: group.sentinels };
    },
    checkHealth({ role, replication, cluster }) {
      assert.deepEqual([role, replication.replicas.length, cluster], ['master', 2, undefined]);
    },
  },
  cluster: {
    clients: EVERY_CLUSTER_CLIENT,
    async start() {
      const group = await startCluster();
      return { group, places: group.servers };
    },
    checkHealth({ cluster }) {
      assert.deepEqual([cluster.ok, cluster.slots.ok, cluster.primaries], [true, 16_384, 3]);
      const roles = cluster.servers.map(({ health, error }) => health?.role ?? error);
      assert.deepEqual(roles, ['master', 'master', 'master']);
    },
  },
};

for (const [topology, { clients, start, checkHealth }] of Object.entries(TOPOLOGIES)) {
  describe(`topology ${topology}`, () => {
    const hasBus = (library) => topology === 'cluster' || library !== 'node-redis 5';
    /** Waits until one knows that another has invalidated a key, if both have a bus. */
    const heard = async (library, from, key) => {
      const { memory } = users.get(library).cache;
      if (hasBus(library) && hasBus(from)) await until(`${library} hears of it`, () => memory.get(key) === undefined);
      else memory.delete(key);
    };
    let group;
    /** A client of each kind and a cache over it; the clients of five libraries have no type in common. @type {Map<string, { client: any, cache: import('tiercel').Cache }>} */
    const users = new Map();
    before(async () => {
      const started = await start();
      group = started.group;
      for (const [library, connect] of Object.entries(clients)) {
        const client = await connect(started.places);
        const cache = await createCache({
          name: 'shared',
          // Where one tells nobody on the bus what it changes, those that trust the bus would be late to know.
          remote: redisTier(client, { ...PATIENT, consistentReads: topology === 'sentinel' }),
          remoteTimeout: 30_000,
          ...(hasBus(library) && { bus: redisBus(client, { ...PATIENT, heartbeat: 100, patience: 60_000 }) }),
        });
        users.set(library, { client, cache });
      }
      for (const [library, { cache }] of users)
        await until(`the bus of ${library} is live`, () => !hasBus(library) || cache.health().bus.state === 'live');
    });
    after(async () => {
      for (const { client, cache } of users.values()) {
        await cache.close();
        await client[Symbol.dispose]();
      }
      await group.stop();
    });

    for (const library of Object.keys(clients)) {
      const user = () => users.get(library);
      const others = () => [...users].filter(([name]) => name !== library);

      it(`${library}: caches over all clients have what one sets, until it is invalidated by a tag`, async () => {
        const { cache } = user();
        const { details } = /** @type {any} */ (cache.health().remote);
        assert.deepEqual([details.topology, details.connected], [topology, true]);
        const [first, ...rest] = KEYS;
        await Promise.all(KEYS.map((key) => cache.set(key, `${key} of ${library}`, { tags: ['t', `tag of ${key}`] })));
        for (const [name, other] of others()) {
          for (const key of KEYS)
            assert.equal(await other.cache.get(key), `${key} of ${library}`, `${key} over ${name}`);
          // What it was told of may just have gone.
          await until(`${name} keeps it`, async () => {
            await other.cache.get(first);
            return other.cache.memory.get(first) === `${first} of ${library}`;
          });
        }
        assert.deepEqual(await cache.invalidateTags(`tag of ${first}`), { removed: 1, pending: false });
        for (const [name, other] of others()) {
          await heard(name, library, first);
          assert.equal(await other.cache.get(first), undefined, name);
          for (const key of rest)
            assert.equal(await other.cache.get(key), `${key} of ${library}`, `${key} over ${name}`);
        }
        assert.equal((await cache.invalidateTags('t')).pending, false);
        for (const [name, other] of others()) {
          for (const key of KEYS) await heard(name, library, key);
          for (const key of KEYS) assert.equal(await other.cache.get(key), undefined, `${key} over ${name}`);
        }
      });

      it(`${library}: what others invalidate is loaded again, by one of those who want it`, async () => {
        const { cache } = user();
        for (const [name, other] of others()) {
          const key = `loaded over ${library} and ${name}`;
          const options = { tags: ['loaded'], lock: /** @type {const} */ ('fleet') };
          assert.equal(await cache.getOrSet(key, () => 'old', options), 'old');
          await other.cache.invalidateTags('loaded');
          await heard(library, name, key);
          let loads = 0;
          const load = () => {
            loads++;
            return 'new';
          };
          const values = await Promise.all([cache, other.cache].map((one) => one.getOrSet(key, load, options)));
          assert.deepEqual([values, loads], [['new', 'new'], 1], name);
        }
      });

      it(`${library}: a lock is held by one, whatever the clients are, and tokens increase`, async () => {
        const lockOf = ({ client }) => new DistributedLock(client, `job of ${library}`, { ...PATIENT, renew: false });
        const lock = lockOf(user());
        let last = 0;
        for (const [name, other] of others()) {
          const held = await lock.acquire();
          assert.ok(held.token > last, `${held.token} after ${last}`);
          assert.equal(await lockOf(other).isLocked(), true, name);
          assert.equal(await lockOf(other).tryAcquire(), undefined, name);
          await held.release();
          const next = await lockOf(other).tryAcquire();
          assert.ok(next.token > held.token, `${next.token} after ${held.token}`);
          assert.equal(await lock.tryAcquire(), undefined, name);
          await next.release();
          last = next.token;
        }
        assert.equal(await lock.isLocked(), false);
      });

      it(`${library}: health is that of the topology`, async () => {
        checkHealth(await redisHealth(user().client, PATIENT));
      });
    }
  });
}
