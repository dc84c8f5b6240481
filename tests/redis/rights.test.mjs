// The rights of users.acl are those that it takes to do all that there is with every client: nothing of it is denied, and no
// right is there for nothing. What everybody may do, as AUTH, HELLO and QUIT, is no right.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createCache } from 'tiercel';
import { DistributedLock, redisBus, redisHealth, redisOwners, redisSlot, redisTier } from 'tiercel/redis';
import { EVERY_CLIENT, USER, WITH_REST } from './support/clients.mjs';
import { example } from './support/configured.mjs';
import { send } from './support/resp.mjs';
import { startServer, until } from './support/server.mjs';
import { startCluster, startSentinels } from './support/topologies.mjs';
import { EVERY_CLUSTER_CLIENT, EVERY_SENTINEL_CLIENT } from './support/topology-clients.mjs';

const HEALTH = { username: 'tiercel-health', password: 'change-me-health' };
const CALL = { signal: new AbortController().signal };
const NS = ['cache'];
const TIMEOUT = 30_000;

/** The commands that a user has, as the statistics of the server call them. @param {{ username: string }} user @returns {string[]} */
function grantedTo({ username }) {
  const line = example('users.acl')
    .split('\n')
    .find((text) => text.startsWith(`user ${username} `));
  return [...line.matchAll(/ \+(\S+)/g)].map(([, command]) => command);
}

/** Commands of users, by name, that were used somewhere. */
const used = { [USER.username]: new Set(), [HEALTH.username]: new Set() };

/** What replication itself sends. */
const REPLICATION = ['ping'];

/** Asks for what no user of those under test is granted, so that it is not taken for theirs. */
function asAdmin(server, ...command) {
  const name = command[0] === 'CLUSTER' ? `cluster|${command[1]}`.toLowerCase() : command[0].toLowerCase();
  const others = [USER, HEALTH].flatMap(grantedTo);
  assert.ok(!others.includes(name), `${name} would be counted`);
  return server.command(...command);
}

/** Runs what one user does, and notes which commands that took. */
async function noting(user, servers, work, without = []) {
  await Promise.all(servers.map((server) => asAdmin(server, 'CONFIG', 'RESETSTAT')));
  await work();
  for (const name of await usedIn(servers)) if (!without.includes(name)) used[user.username].add(name);
}

/** What the servers have run since they were last asked, replicated commands and those of scripts included. */
async function usedIn(servers) {
  const texts = await Promise.all(servers.map((server) => server.command('INFO', 'commandstats')));
  return texts.flatMap((text) => [...text.matchAll(/^cmdstat_(\S+?):calls=(?!0,)/gm)].map(([, name]) => name));
}

/** What was denied to the users under test. */
async function deniedBy(servers) {
  const logs = await Promise.all(servers.map((server) => asAdmin(server, 'ACL', 'LOG', '1000')));
  return logs
    .flat()
    .map((entry) =>
      Object.fromEntries(Array.from({ length: entry.length / 2 }, (_, i) => entry.slice(2 * i, 2 * i + 2))),
    )
    .filter(({ username }) => username in used)
    .map(({ username, reason, object }) => `${username} ${reason} ${object}`);
}

// ---- What is done

const entryOf = (value, more = {}) => ({ value, ttl: 60_000, stale: 0, tags: [], dependsOn: [], ...more });
const readOf = (key, more = {}) => ({ namespace: NS, key, lease: false, tags: [], dependsOn: [], ...more });

/** What a tier can be asked and told. */
async function useTier(client, prefix) {
  const tier = redisTier(client, { prefix, timeout: TIMEOUT });
  const write = (key, more) => tier.write([{ namespace: NS, key, entry: entryOf(key, more) }], CALL);
  const related = { tags: ['t'], dependsOn: ['source'] };
  await write('source');
  await write('k', { stale: 60_000, ...related });
  await write('ever', { ttl: Number.POSITIVE_INFINITY, ...related });
  const [, , { lease }] = await tier.read(
    ['k', 'ever', 'missing'].map((key) => readOf(key, { lease: 'missing', ...related })),
    CALL,
  );
  await tier.write([{ namespace: NS, key: 'missing', entry: entryOf('v', related), lease }], CALL);
  await tier.touch([{ namespace: NS, key: 'k', ttl: 60_000 }], CALL);
  await tier.touch([{ namespace: NS, key: 'k', ttl: 0 }], CALL);
  await tier.change(
    [
      { kind: 'tags', namespace: NS, tags: ['t'] },
      { kind: 'prefix', namespace: NS, prefix: 'p' },
      { kind: 'expire', namespace: NS, key: 'source' },
      { kind: 'delete', namespace: NS, key: 'source' },
      { kind: 'clear', namespace: NS },
    ],
    CALL,
  );
}

/** Two caches with a bus, of which one tells the other. */
async function useCaches(client, prefix, options = {}) {
  const { mode, ...more } = options;
  const beats = { heartbeat: 50, patience: TIMEOUT };
  const open = async () => {
    const cache = await createCache({
      remote: redisTier(client, { prefix, timeout: TIMEOUT }),
      bus: redisBus(client, { prefix, timeout: TIMEOUT, ...beats, ...(mode && { mode }) }),
      remoteTimeout: TIMEOUT,
      ...more,
    });
    await until('the bus is live', () => cache.health().bus.state === 'live');
    return cache;
  };
  const [a, b] = [await open(), await open()];
  await a.set('k', 'v', { tags: ['t'] });
  await a.getOrSet('loaded', () => 'v');
  await until('the other has it', async () => (await b.get('k')) === 'v');
  await a.invalidateTags('t');
  await until('the other has heard of it', () => b.memory.get('k') === undefined);
  const { failures, timeouts } = a.health().remote;
  assert.deepEqual([failures, timeouts], [0, 0]);
  await Promise.all([a.close(), b.close()]);
}

/** Two that want a lock: the second waits and is told. */
async function useLock(client, prefix) {
  const lock = new DistributedLock(client, 'job', { prefix, timeout: TIMEOUT });
  const held = await lock.acquire();
  const waiting = lock.acquire({ wait: TIMEOUT });
  assert.equal(await lock.isLocked(), true);
  assert.equal(await held.extend(), true);
  await held.release();
  await (await waiting).release();
}

async function useAll(client, prefix, modes) {
  await useTier(client, prefix);
  for (const mode of modes) await useCaches(client, prefix, { mode });
  await useCaches(client, prefix, { publishValue: true });
  await useLock(client, prefix);
}

const prefixOf = (library) => `tiercel:${library.replace(' ', '-')}`;

describe('one server', () => {
  let server;
  before(async () => {
    server = await startServer();
  });
  after(() => server.stop());

  for (const [library, connect] of Object.entries(WITH_REST)) {
    it(`is used over ${library}, and nothing of it is denied`, async () => {
      const prefix = prefixOf(library);
      await noting(USER, [server], async () => {
        const client = await connect(server.port);
        if (library === 'rest') await useTier(client, prefix);
        else await useAll(client, prefix, ['pubsub', 'tracking']);
        client[Symbol.dispose]();
      });
      await noting(HEALTH, [server], async () => {
        const client = await connect(server.port, HEALTH);
        assert.ok((await redisHealth(client, { timeout: TIMEOUT })).slowLog);
        client[Symbol.dispose]();
      });
      assert.deepEqual(await deniedBy([server]), []);
    });
  }

  it('is looked after by docker-compose.yml', async () => {
    await noting(HEALTH, [server], async () => {
      assert.deepEqual(await send(server.port, [['PING']], { user: [HEALTH.username, HEALTH.password] }), ['PONG']);
    });
  });

  it('is used by clients with a name, with another database, and with signs of life of their own', async () => {
    await noting(USER, [server], async () => {
      const clients = await Promise.all(
        Object.entries(EVERY_CLIENT).map(([library, connect]) =>
          library.startsWith('node-redis')
            ? connect(server.port, /** @type {any} */ ({ ...USER, name: 'a', database: 1, pingInterval: 20 }))
            : connect(server.port, USER, { connectionName: 'a', db: 1 }),
        ),
      );
      for (const client of clients) await useTier(client, 'tiercel');
      await until('one has given a sign of life', async () => (await usedIn([server])).includes('ping'));
      for (const client of clients) client[Symbol.dispose]();
    });
    assert.deepEqual(await deniedBy([server]), []);
  });

  it('tells its health over the client of a tier too, but for the slow commands', async () => {
    for (const connect of Object.values(EVERY_CLIENT)) {
      const client = await connect(server.port);
      assert.equal((await redisHealth(client, { timeout: TIMEOUT })).slowLog, undefined);
      client[Symbol.dispose]();
    }
    assert.deepEqual(new Set(await deniedBy([server])), new Set([`${USER.username} command slowlog|get`]));
  });
});

describe('a Cluster', () => {
  let cluster;
  let all;
  before(async () => {
    cluster = await startCluster({ replicas: 1 });
    all = [...cluster.servers, ...cluster.replicas];
  });
  after(async () => {
    for (const client of opened.values()) client[Symbol.dispose]();
    await cluster.stop();
  });

  /** Clients stay open, as it concerns them what the Cluster goes through. */
  const opened = new Map();
  const clientOf = async (library, user) => {
    const id = `${library} ${user.username}`;
    const more = library.startsWith('node-redis') ? { useReplicas: true } : {};
    if (!opened.has(id)) opened.set(id, await EVERY_CLUSTER_CLIENT[library](cluster.servers, user, more));
    return opened.get(id);
  };

  async function askHealth(library) {
    const client = await clientOf(library, HEALTH);
    const { servers } = (await redisHealth(client, { timeout: TIMEOUT })).cluster;
    assert.deepEqual([servers.length, servers.filter(({ health }) => !health)], [all.length, []]);
    assert.ok(await redisOwners(client, 'tiercel:a', { timeout: TIMEOUT }));
  }

  /** While a slot is on its way to another node: keys that are not there yet are to be asked for where it goes to. */
  async function whileItMoves(name, work) {
    const slot = String(redisSlot(name));
    const home = await cluster.ownerOf(name);
    const away = cluster.servers.find((server) => server !== home);
    const idOf = (server) => asAdmin(server, 'CLUSTER', 'MYID');
    await asAdmin(away, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', await idOf(home));
    await asAdmin(home, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', await idOf(away));
    await work();
    await asAdmin(away, 'CLUSTER', 'SETSLOT', slot, 'NODE', await idOf(home));
    await asAdmin(home, 'CLUSTER', 'SETSLOT', slot, 'STABLE');
  }

  for (const library of Object.keys(EVERY_CLUSTER_CLIENT)) {
    it(`is used over ${library}, also while a slot moves, and nothing of it is denied`, async () => {
      const client = await clientOf(library, USER);
      const prefix = prefixOf(library);
      const useIt = async () => {
        await useAll(client, prefix, ['pubsub']);
        await whileItMoves(redisTier(client, { prefix }).nameOf(NS, 'k'), () => useTier(client, prefix));
      };
      await noting(USER, all, useIt, REPLICATION);
      await noting(HEALTH, all, () => askHealth(library), REPLICATION);
      assert.deepEqual(await deniedBy(all), []);
    });
  }

  it('is used by all of them when a replica has taken the place of its primary, and nothing of it is denied', async () => {
    const [replica] = cluster.replicas;
    const failOver = async () => {
      assert.equal(await asAdmin(replica, 'CLUSTER', 'FAILOVER'), 'OK');
      await until('it is the primary', async () => (await asAdmin(replica, 'ROLE'))[0] === 'master');
    };
    const useThem = async () => {
      await failOver();
      for (const library of Object.keys(EVERY_CLUSTER_CLIENT))
        await useTier(await clientOf(library, USER), prefixOf(library));
    };
    const askThem = async () => {
      for (const library of Object.keys(EVERY_CLUSTER_CLIENT)) await askHealth(library);
    };
    await noting(USER, all, useThem, REPLICATION);
    await noting(HEALTH, all, askThem, REPLICATION);
    assert.deepEqual(await deniedBy(all), []);
  });
});

describe('Sentinel', () => {
  let group;
  before(async () => {
    group = await startSentinels();
  });
  after(() => group.stop());

  for (const [library, connect] of Object.entries(EVERY_SENTINEL_CLIENT)) {
    it(`is used over ${library}, and nothing of it is denied`, async () => {
      const client = await connect(group.sentinels, USER);
      const prefix = prefixOf(library);
      if (library === 'node-redis 5') {
        await useTier(client, prefix);
        await useLock(client, prefix);
      } else await useAll(client, prefix, library === 'node-redis' ? ['pubsub'] : ['pubsub', 'tracking']);
      client[Symbol.dispose]();
      const admin = await connect(group.sentinels, HEALTH);
      await redisHealth(admin, { timeout: TIMEOUT });
      admin[Symbol.dispose]();
      assert.deepEqual(await deniedBy(group.servers), []);
    });
  }
});

for (const user of [USER, HEALTH]) {
  it(`${user.username} has no right that nothing of this took`, () => {
    assert.deepEqual(
      grantedTo(user).filter((command) => !used[user.username].has(command)),
      [],
    );
  });
}
