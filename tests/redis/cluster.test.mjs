// The tier, the bus and locks in a Cluster of three primaries.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createCache } from 'tiercel';
import { DistributedLock, redisBus, redisHealth, redisOwners, redisSlot, redisTier } from 'tiercel/redis';
import { USER } from './support/clients.mjs';
import { until } from './support/server.mjs';
import { startCluster } from './support/topologies.mjs';
import { CLUSTER_CLIENTS } from './support/topology-clients.mjs';

const CALL = { signal: new AbortController().signal };
const NS = ['cache'];

let cluster;
before(async () => {
  cluster = await startCluster();
});
after(() => cluster.stop());

for (const [library, connect] of Object.entries(CLUSTER_CLIENTS)) {
  describe(`a Cluster over ${library}`, () => {
    let client;
    before(async () => {
      client = await connect(cluster.servers);
    });
    after(() => client[Symbol.dispose]());

    const prefix = `tiercel:${library}`;
    const open = (name) => redisTier(client, { prefix: `${prefix}:${name}`, timeout: 10_000 });
    const entryOf = (value, more = {}) => ({ value, ttl: 60_000, stale: 0, tags: [], dependsOn: [], ...more });
    const readOf = (key, more = {}) => ({ namespace: NS, key, lease: false, tags: [], dependsOn: [], ...more });
    const set = (tier, key, value, more) => tier.write([{ namespace: NS, key, entry: entryOf(value, more) }], CALL);
    const valueAt = async (tier, key) => (await tier.read([readOf(key)], CALL))[0].entry?.value;
    const KEYS = Array.from({ length: 200 }, (_, i) => `k${i}`);

    it('has its share of a tier on each node, and an answer of each part for many keys', async () => {
      const tier = open('spread');
      const writes = KEYS.map((key) => ({ namespace: NS, key, entry: entryOf(key, { tags: ['t'] }) }));
      assert.deepEqual(await tier.write(writes, CALL), Array(200).fill(true));
      const names = await Promise.all(
        cluster.servers.map((server) => server.command('KEYS', `${prefix}:spread:*:e:*`)),
      );
      assert.equal(names.flat().length, 200);
      for (const own of names) assert.ok(own.length > 30, `${own.length} of 200 entries`);
      const slots = new Set(names.flat().map(redisSlot));
      assert.equal(slots.size, 32);
      const calls = async () => {
        const stats = await Promise.all(cluster.servers.map((server) => server.command('INFO', 'commandstats')));
        return stats.reduce((sum, text) => sum + Number(/cmdstat_evalsha:calls=(\d+)/.exec(text)?.[1] ?? 0), 0);
      };
      const before = await calls();
      const found = await tier.read(
        KEYS.map((key) => readOf(key, { lease: true, tags: ['t'] })),
        CALL,
      );
      assert.equal((await calls()) - before, 32);
      assert.deepEqual(
        found.map(({ entry }) => entry.value),
        KEYS,
      );
      await tier.change([{ kind: 'tags', namespace: NS, tags: ['t'] }], CALL);
      for (const { entry } of await tier.read(
        KEYS.map((key) => readOf(key)),
        CALL,
      ))
        assert.equal(entry, undefined);
      const late = KEYS.map((key, i) => ({
        namespace: NS,
        key,
        entry: entryOf('old', { tags: ['t'] }),
        lease: found[i].lease,
      }));
      assert.deepEqual(await tier.write(late, CALL), Array(200).fill(false));
    });

    /** @type {Record<string, (key: string) => import('tiercel').Change>} */
    const CHANGES = {
      delete: (key) => ({ kind: 'delete', namespace: NS, key }),
      'set elsewhere': (key) => ({ kind: 'set', namespace: NS, key }),
      tag: () => ({ kind: 'tags', namespace: NS, tags: ['t'] }),
      prefix: (key) => ({ kind: 'prefix', namespace: NS, prefix: key }),
      pattern: (key) => ({ kind: 'pattern', namespace: NS, pattern: `*${key.slice(1)}` }),
      clear: () => ({ kind: 'clear', namespace: NS }),
      'what a source is made from': (key) => ({ kind: 'delete', namespace: NS, key: `of ${key}` }),
      'tag of what a source is made from': () => ({ kind: 'tags', namespace: NS, tags: ['far'] }),
    };
    for (const [name, changeOf] of Object.entries(CHANGES)) {
      it(`gives nothing that was made from something in another part that was changed: ${name}`, async () => {
        const tier = open(`sources:${name.replaceAll(' ', '-')}`);
        // In 32 parts: nearly all of these are apart from what they are made from.
        const sources = KEYS.slice(0, 12);
        for (const key of sources) {
          await set(tier, `of ${key}`, 0, { tags: ['far'] });
          await set(tier, key, 1, { tags: ['t'], dependsOn: [`of ${key}`] });
          await set(tier, `set from ${key}`, 'old', { dependsOn: [key] });
          const related = { dependsOn: [key], lease: true };
          const [{ lease }, { lease: late }] = await tier.read(
            [readOf(`loaded from ${key}`, related), readOf(`late from ${key}`, related)],
            CALL,
          );
          const entry = entryOf('old', { dependsOn: [key] });
          await tier.write([{ namespace: NS, key: `loaded from ${key}`, entry, lease }], CALL);
          for (const made of ['set from', 'loaded from']) assert.equal(await valueAt(tier, `${made} ${key}`), 'old');
          await tier.change([changeOf(key)], CALL);
          await tier.write([{ namespace: NS, key: `late from ${key}`, entry, lease: late }], CALL);
          for (const made of ['set from', 'loaded from', 'late from'])
            assert.equal(await valueAt(tier, `${made} ${key}`), undefined, `${made} ${key}`);
          // And all goes on, once what it is made from was loaded as well.
          await set(tier, `of ${key}`, 0, { tags: ['far'] });
          await set(tier, key, 2, { tags: ['t'], dependsOn: [`of ${key}`] });
          const [{ lease: next }] = await tier.read([readOf(`late from ${key}`, related)], CALL);
          await tier.write(
            [{ namespace: NS, key: `late from ${key}`, entry: { ...entry, value: 'new' }, lease: next }],
            CALL,
          );
          assert.equal(await valueAt(tier, `late from ${key}`), 'new');
        }
      });
    }

    it('takes nothing that is made from a key in another part that its lease does not cover', async () => {
      const tier = open('uncovered');
      for (const key of KEYS.slice(0, 8)) {
        const [{ lease }] = await tier.read([readOf(key, { lease: true })], CALL);
        const entry = entryOf('v', { dependsOn: [`source of ${key}`] });
        assert.deepEqual(await tier.write([{ namespace: NS, key, entry, lease }], CALL), [false]);
      }
    });

    it('keeps tokens in other parts as long as what is checked against them', async () => {
      const tier = open('kept');
      const life = 3_600_000;
      const [{ lease }] = await tier.read([readOf('loaded', { lease: true, dependsOn: ['b'] })], CALL);
      await tier.write(
        [
          { namespace: NS, key: 'set', entry: entryOf('v', { ttl: life, dependsOn: ['a'] }) },
          { namespace: NS, key: 'loaded', entry: entryOf('v', { ttl: life, dependsOn: ['b'] }), lease },
        ],
        CALL,
      );
      for (const source of ['a', 'b']) {
        await until('the token is kept', async () => {
          const all = await Promise.all(
            cluster.servers.map(async (server) => {
              const [name] = await server.command('KEYS', `${prefix}:kept:*:k:*"${source}"*`);
              return name === undefined ? -2 : server.command('PTTL', name);
            }),
          );
          return Math.max(...all) > life - 60_000;
        });
      }
    });

    it('has keys with the same hash tag together', async () => {
      const tier = open('tagged');
      const keys = KEYS.map((key) => `{order:1}:${key}`);
      await tier.write(
        keys.map((key) => ({ namespace: NS, key, entry: entryOf(key) })),
        CALL,
      );
      const names = await Promise.all(
        cluster.servers.map((server) => server.command('KEYS', `${prefix}:tagged:*:e:*`)),
      );
      assert.equal(new Set(names.flat().map(redisSlot)).size, 1);
    });

    it('serves nothing that a slot brings along when it goes to another node and comes back', async () => {
      const tier = open('moving');
      const related = { tags: ['t'] };
      await set(tier, 'k', 'old', related);
      const slotKey = (
        await Promise.all(cluster.servers.map((server) => server.command('KEYS', `${prefix}:moving:*:e:*`)))
      )
        .flat()
        .find((name) => name.includes('"k"'));
      const slot = redisSlot(slotKey);
      const home = await cluster.ownerOf(slotKey);
      const away = cluster.servers.find((server) => server !== home);
      const moveKeys = async (from, to) => {
        const names = await from.command('CLUSTER', 'GETKEYSINSLOT', String(slot), '1000');
        const user = ['AUTH2', 'admin', 'change-me-admin'];
        if (names.length > 0)
          await from.command('MIGRATE', '127.0.0.1', to.port, '', '0', '5000', 'REPLACE', ...user, 'KEYS', ...names);
      };
      const idOf = (server) => server.command('CLUSTER', 'MYID');
      const moving = async (from, to, during) => {
        await to.command('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', await idOf(from));
        await from.command('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', await idOf(to));
        await during();
        await moveKeys(from, to);
        for (const server of [to, from, ...cluster.servers.filter((other) => other !== to && other !== from)])
          await server.command('CLUSTER', 'SETSLOT', String(slot), 'NODE', await idOf(to));
      };
      await moving(home, away, async () => {
        // Asked where the slot is going to, which has nothing of it yet.
        await tier.change([{ kind: 'tags', namespace: NS, tags: ['t'] }], CALL);
        assert.equal(await valueAt(tier, 'k'), undefined);
      });
      assert.equal(await valueAt(tier, 'k'), undefined);
      await moving(away, home, async () => undefined);
      await until('the old node has what it had', async () => (await home.command('EXISTS', slotKey)) === 1);
      assert.equal(await valueAt(tier, 'k'), undefined);
      await set(tier, 'k', 'new', related);
      assert.equal(await valueAt(tier, 'k'), 'new');
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

    it('has health of each node, though one stands still, and tells who has a key', async () => {
      const tier = open('health');
      await set(tier, 'k', 'v');
      await valueAt(tier, 'k');
      const addresses = cluster.servers.map(({ port }) => `127.0.0.1:${port}`).sort();
      const health = await redisHealth(client, { timeout: 30_000 });
      const { servers, total, ranges, slots, nodes, primaries, ok } = health.cluster;
      assert.equal(ok, true);
      assert.deepEqual(slots, { assigned: 16_384, ok: 16_384, failing: 0 });
      assert.deepEqual({ nodes, primaries }, { nodes: 3, primaries: 3 });
      assert.equal(
        ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0),
        16_384,
      );
      assert.deepEqual(servers.map(({ address }) => address).sort(), addresses);
      assert.deepEqual(new Set(ranges.flatMap(({ nodes }) => nodes)), new Set(addresses));
      const used = servers.map((one) => one.health.memory.used);
      assert.equal(
        total.memory,
        used.reduce((sum, bytes) => sum + bytes),
      );
      assert.ok(total.hitRate > 0 && total.hitRate <= 1);
      assert.equal(
        total.commandsPerSecond,
        servers.reduce((sum, one) => sum + one.health.commands.perSecond, 0),
      );
      assert.equal(
        total.evicted,
        servers.reduce((sum, one) => sum + one.health.keys.evicted, 0),
      );

      const name = tier.nameOf(NS, 'k');
      const owner = await cluster.ownerOf(name);
      assert.equal(await owner.command('EXISTS', name), 1);
      assert.deepEqual(await redisOwners(client, name, { timeout: 30_000 }), {
        slot: redisSlot(name),
        primary: `127.0.0.1:${owner.port}`,
        replicas: [],
      });
      await assert.rejects(redisOwners(client, /** @type {any} */ (1)), { code: 'ERR_TIERCEL_INVALID_ARGUMENT' });

      const [server] = cluster.servers;
      server.suspend();
      try {
        const { cluster: limping } = await redisHealth(client, { timeout: 1_000 });
        const one = limping.servers.find(({ address }) => address === `127.0.0.1:${server.port}`);
        assert.equal(one.health, undefined);
        assert.equal(/** @type {any} */ (one.error).code, 'ERR_TIERCEL_TIMEOUT');
        assert.equal(limping.servers.filter((other) => other.health !== undefined).length, 2);
      } finally {
        server.resume();
      }
      await until('it is there again', async () =>
        (await redisHealth(client)).cluster.servers.every((one) => one.health),
      );
    });

    it('has health of nodes that the client has not asked anything yet, and of those that cannot be asked', async () => {
      const [still, ...others] = cluster.servers;
      const lean = library === 'node-redis' ? { minimizeConnections: true } : {};
      const fresh = await connect(cluster.servers, USER, lean);
      const { cluster: whole } = await redisHealth(fresh, { timeout: 30_000 });
      assert.deepEqual(
        whole.servers.map(({ health, error }) => health?.role ?? error),
        ['master', 'master', 'master'],
      );
      fresh[Symbol.dispose]();

      const fresher = await connect(cluster.servers, USER, lean);
      still.suspend();
      try {
        const { cluster: limping } = await redisHealth(fresher, { timeout: 1_000 });
        const facts = limping.servers.map(({ address, health, error }) => [
          address,
          health?.role ?? /** @type {any} */ (error).code,
        ]);
        assert.deepEqual(
          new Map(/** @type {[string, string][]} */ (facts)),
          new Map([
            [`127.0.0.1:${still.port}`, 'ERR_TIERCEL_TIMEOUT'],
            ...others.map(({ port }) => /** @type {[string, string]} */ ([`127.0.0.1:${port}`, 'master'])),
          ]),
        );
      } finally {
        still.resume();
        fresher[Symbol.dispose]();
      }
    });

    it('has locks, and caches that tell each other of changes', async () => {
      const lock = new DistributedLock(client, 'job', { prefix: `tiercel:${library}`, timeout: 10_000 });
      const held = await lock.acquire();
      assert.equal(await lock.isLocked(), true);
      assert.equal(await lock.tryAcquire(), undefined);
      await held.release();
      const other = await connect(cluster.servers);
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

it('health has the slots of a node that fails', async () => {
  const [first, ...others] = cluster.servers;
  const client = await CLUSTER_CLIENTS.ioredis(cluster.servers);
  const setTimeLimit = (ms) =>
    Promise.all(others.map((server) => server.command('CONFIG', 'SET', 'cluster-node-timeout', ms)));
  const slotsOf = async () => (await redisHealth(client, { timeout: 1_000 })).cluster.slots;
  await setTimeLimit(500);
  first.suspend();
  try {
    await until('its slots fail', async () => {
      const { assigned, ok, failing } = await slotsOf();
      assert.deepEqual({ assigned, served: ok + failing }, { assigned: 16_384, served: 16_384 });
      return failing === Math.ceil(16_384 / 3);
    });
  } finally {
    first.resume();
    await setTimeLimit(5_000);
  }
  await until('all is well', async () => (await slotsOf()).failing === 0);
  client[Symbol.dispose]();
});

it('a prefix that ioredis has for keys is refused, as it would lead to other nodes', async () => {
  for (const more of [{ keyPrefix: 'a:' }, { redisOptions: { ...USER, keyPrefix: 'a:' } }]) {
    const client = await CLUSTER_CLIENTS.ioredis(cluster.servers, USER, more);
    assert.throws(() => redisTier(client), { code: 'ERR_TIERCEL_INVALID_ARGUMENT', message: /keyPrefix/ });
    client[Symbol.dispose]();
  }
});
