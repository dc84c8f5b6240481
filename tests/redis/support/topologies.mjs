// Several servers that belong together, with the configuration of examples/redis.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { configured, example } from './configured.mjs';
import { send } from './resp.mjs';
import { freePort, RedisServer, serverConfiguration, until } from './server.mjs';

/** A port and, for the bus between the nodes of a cluster, another one. */
async function freePorts(count) {
  const ports = new Set();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

/** Runs `build`; if it fails, nothing of what it began is left. @template T */
async function orNothing(servers, build) {
  try {
    return await build();
  } catch (error) {
    await Promise.all(servers.map((server) => server.stop()));
    throw error;
  }
}

const stopAll = (servers) => async () => {
  await Promise.all(servers.map((server) => server.stop()));
};

/** What the sentinels call the primary. */
export const PRIMARY_NAME = 'cache';

/** Milliseconds after which a sentinel takes a server for gone: the least that sentinel.conf names. */
const DOWN_AFTER = 2_000;

/**
 * A sentinel that watches a primary, not started yet.
 *
 * @param {number} port @param {number} primary the port of the primary
 * @param {number} quorum sentinels that have to agree that the primary is gone
 */
const sentinelOf = (port, primary, quorum) =>
  new RedisServer(
    port,
    (folder) =>
      configured(example('sentinel.conf'), {
        port,
        bind: '127.0.0.1',
        dir: folder,
        'sentinel resolve-hostnames': 'no',
        'sentinel announce-hostnames': 'no',
        [`sentinel monitor ${PRIMARY_NAME}`]: `127.0.0.1 ${primary} ${quorum}`,
        [`sentinel down-after-milliseconds ${PRIMARY_NAME}`]: DOWN_AFTER,
        [`sentinel failover-timeout ${PRIMARY_NAME}`]: 3_000,
      }),
    { sentinel: true },
  );

/** One sentinel by itself, for a primary with one replica, which it knows of. @param {number} primary the port of the primary */
export async function startSentinel(primary) {
  const sentinel = sentinelOf(await freePort(), primary, 1);
  return orNothing([sentinel], async () => {
    await sentinel.start();
    await until('the sentinel knows of the replica', async () => {
      const [replica] = await sentinel.command('SENTINEL', 'REPLICAS', PRIMARY_NAME);
      return replica?.[replica.indexOf('flags') + 1] === 'slave';
    });
    return sentinel;
  });
}

/** Servers that are not started yet: the first is the primary of the others. @param {readonly number[]} ports */
const replicatedOn = ([first, ...others]) => [
  new RedisServer(first, serverConfiguration(first)),
  ...others.map(
    (port) => new RedisServer(port, (folder) => `${serverConfiguration(port)(folder)}replicaof 127.0.0.1 ${first}\n`),
  ),
];

/** @param {RedisServer} primary */
const inStep = (primary) =>
  until(
    'the replicas are in step',
    async () => (await primary.command('INFO', 'replication')).match(/state=online/g)?.length === 2,
  );

/** A primary and two replicas, and nobody that would make another the primary. */
export async function startReplicated() {
  const servers = replicatedOn(await freePorts(3));
  return orNothing(servers, async () => {
    await Promise.all(servers.map((server) => server.start()));
    await inStep(servers[0]);
    return { servers, stop: stopAll(servers), [Symbol.asyncDispose]: stopAll(servers) };
  });
}

/** A primary, two replicas and three sentinels, which agree on what there is. */
export async function startSentinels() {
  const [first, ...ports] = await freePorts(6);
  const servers = replicatedOn([first, ...ports.slice(0, 2)]);
  const sentinels = ports.slice(2).map((port) => sentinelOf(port, first, 2));
  const all = [...servers, ...sentinels];
  return orNothing(all, async () => {
    await Promise.all(servers.map((server) => server.start()));
    await Promise.all(sentinels.map((sentinel) => sentinel.start()));
    await until('the replicas are in step, and the sentinels know of them and of each other', async () => {
      const facts = await Promise.all(
        sentinels.map((sentinel) => sentinel.command('SENTINEL', 'MASTER', PRIMARY_NAME)),
      );
      return facts.every((list) => {
        const fact = (name) => list[list.indexOf(name) + 1];
        return fact('num-slaves') === '2' && fact('num-other-sentinels') === '2' && fact('flags') === 'master';
      });
    });
    await inStep(servers[0]);
    return {
      servers,
      sentinels,
      /** The server that a sentinel names as the primary now. */
      async primary(sentinel = sentinels[0]) {
        const [, port] = await sentinel.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', PRIMARY_NAME);
        return servers.find((server) => server.port === Number(port));
      },
      /** What all of them have logged. */
      get output() {
        return all.map(({ port, output }) => `${port}:\n${output}`).join('\n');
      },
      stop: stopAll(all),
      [Symbol.asyncDispose]: stopAll(all),
    };
  });
}

const SLOTS = 16_384;

const PRIMARIES = 3;

/** A cluster of three primaries that serve all slots. @param {{ replicas?: number }} [options] replicas: of how many there is one, too */
export async function startCluster({ replicas = 0 } = {}) {
  const count = PRIMARIES + replicas;
  const ports = await freePorts(2 * count);
  const all = ports
    .slice(0, count)
    .map(
      (port, i) =>
        new RedisServer(
          port,
          (folder) =>
            serverConfiguration(port)(folder) +
            configured(example('cluster.conf'), { 'cluster-config-file': join(folder, 'nodes.conf') }) +
            `cluster-port ${ports[count + i]}\n`,
        ),
    );
  const servers = all.slice(0, PRIMARIES);
  return orNothing(all, async () => {
    await Promise.all(all.map((server) => server.start()));
    const share = Math.ceil(SLOTS / servers.length);
    await Promise.all(
      servers.map(async ({ port }, i) => {
        const last = Math.min((i + 1) * share, SLOTS) - 1;
        await send(port, [
          ['CLUSTER', 'SET-CONFIG-EPOCH', i + 1],
          ['CLUSTER', 'ADDSLOTSRANGE', i * share, last],
        ]);
      }),
    );
    for (const [i, { port }] of all.entries())
      if (i > 0) await servers[0].command('CLUSTER', 'MEET', '127.0.0.1', port, ports[count + i]);
    await until('all nodes know of all slots', async () => {
      const infos = await Promise.all(all.map((server) => server.command('CLUSTER', 'INFO')));
      return infos.every((info) => /cluster_state:ok/.test(info) && /cluster_slots_ok:16384/.test(info));
    });
    for (const [i, replica] of all.slice(PRIMARIES).entries()) {
      const id = await servers[i]?.command('CLUSTER', 'MYID');
      assert.equal(await replica.command('CLUSTER', 'REPLICATE', id), 'OK');
      await until('it is in step', async () => (await replica.command('ROLE'))[3] === 'connected');
    }
    // One that nothing was written to is told of by nobody.
    if (replicas > 0) await Promise.all(servers.map((server) => server.command('FLUSHALL')));
    await until('all nodes tell of the replicas', async () => {
      const slots = await Promise.all(all.map((server) => server.command('CLUSTER', 'SLOTS')));
      return slots.every((ranges) => ranges.flatMap(([, , ...nodes]) => nodes).length === count);
    });
    return {
      servers,
      /** Each of the primary at the same place. */
      replicas: all.slice(PRIMARIES),
      /** The server that serves the slot of a key. */
      async ownerOf(key) {
        const slot = await servers[0].command('CLUSTER', 'KEYSLOT', key);
        return servers[Math.floor(slot / share)];
      },
      stop: stopAll(all),
      [Symbol.asyncDispose]: stopAll(all),
    };
  });
}
