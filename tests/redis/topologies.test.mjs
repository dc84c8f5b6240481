// Sentinels and a cluster, as examples/redis has them.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { send } from './support/resp.mjs';
import { until } from './support/server.mjs';
import { startCluster, startSentinels } from './support/topologies.mjs';

it('sentinels agree on a new primary when the old one is gone, and take it back as a replica', async () => {
  const group = await startSentinels();
  try {
    const [old] = group.servers;
    assert.equal(await group.primary(), old);
    assert.equal((await old.command('SET', 'tiercel:a', 1)) && (await old.command('WAIT', 2, 5_000)), 2);
    await old.kill();
    const next = await until('there is another primary', async () => {
      const primary = await group.primary();
      return primary !== old && primary;
    });
    assert.equal(await next.command('GET', 'tiercel:a'), '1');
    await until('it takes writes', async () => (await next.command('SET', 'tiercel:a', 2)) === 'OK');
    await old.start();
    await until('the old one is a replica', async () => (await old.command('ROLE'))[0] === 'slave');
    await until('it is in step', async () => (await old.command('GET', 'tiercel:a')) === '2');
    for (const sentinel of group.sentinels) assert.equal(await group.primary(sentinel), next, 'one failover, not two');
  } catch (error) {
    throw new Error(`${error}\n${group.output}`, { cause: error });
  } finally {
    await group.stop();
  }
});

it('a cluster has keys where their slots are', async () => {
  const cluster = await startCluster();
  try {
    const owners = new Set();
    for (const key of ['tiercel:a', 'tiercel:b', 'tiercel:c', 'tiercel:d', 'tiercel:e', 'tiercel:f', 'tiercel:{a}:g']) {
      const owner = await cluster.ownerOf(key);
      owners.add(owner);
      assert.equal(await owner.command('SET', key, 1), 'OK');
      const other = cluster.servers.find((server) => server !== owner);
      await assert.rejects(other.command('GET', key), new RegExp(`^Error: MOVED \\d+ 127\\.0\\.0\\.1:${owner.port}$`));
    }
    assert.equal(owners.size, 3);
  } finally {
    await cluster.stop();
  }
});

it('each user of the examples may do what it is for, and nothing else', async () => {
  const group = await startSentinels();
  const [{ port }] = group.servers;
  const as = (name, ...command) => send(port, [command], { user: [name, `change-me-${name.replace('tiercel-', '')}`] });
  try {
    await as('tiercel', 'SET', 'tiercel:a', 1);
    assert.deepEqual(await as('tiercel', 'EVAL', "return redis.call('GET', KEYS[1])", 1, 'tiercel:a'), ['1']);
    await as('tiercel', 'PUBLISH', 'tiercel:bus', 'x');
    for (const command of [
      ['GET', 'other:a'],
      ['PUBLISH', 'other', 'x'],
      ['KEYS', '*'],
      ['FLUSHALL'],
      ['CONFIG', 'GET', '*'],
      ['ACL', 'LIST'],
      ['SHUTDOWN'],
      ['REPLICAOF', 'NO', 'ONE'],
      ['EVAL', "return redis.call('GET', 'other:a')", 0],
    ])
      await assert.rejects(as('tiercel', ...command), /NOPERM|can't access/i, command.join(' '));
    await as('tiercel-health', 'INFO');
    await as('tiercel-health', 'SLOWLOG', 'GET', 1);
    for (const command of [
      ['GET', 'tiercel:a'],
      ['SET', 'tiercel:a', 1],
      ['SLOWLOG', 'RESET'],
      ['EVAL', 'return 1', 0],
    ])
      await assert.rejects(as('tiercel-health', ...command), /NOPERM/, command.join(' '));
    await assert.rejects(as('replica', 'GET', 'tiercel:a'), /NOPERM/);
    await assert.rejects(as('sentinel', 'GET', 'tiercel:a'), /NOPERM/);
    // What the group needs of them has worked: replicas are in step, and sentinels know the servers.
    assert.equal((await group.servers[1].command('ROLE'))[0], 'slave');
  } finally {
    await group.stop();
  }
});
