// What a server says of itself.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { redisHealth, redisSlot } from 'tiercel/redis';
import { WITH_REST } from './support/clients.mjs';
import { send } from './support/resp.mjs';
import { startServer, until } from './support/server.mjs';

const HEALTH = { username: 'tiercel-health', password: 'change-me-health' };

let server;
before(async () => {
  server = await startServer();
});
after(() => server.stop());

for (const [library, connect] of Object.entries(WITH_REST)) {
  describe(`over ${library}`, () => {
    let client;
    before(async () => {
      client = await connect(server.port, HEALTH);
    });
    after(() => client[Symbol.dispose]());

    it('health has facts of the server', async () => {
      await server.command('CONFIG', 'RESETSTAT');
      await server.command('SET', 'a', 1);
      for (const key of ['a', 'a', 'a', 'none']) await server.command('GET', key);
      const health = await redisHealth(client, { timeout: 30_000 });
      assert.match(health.version, /^\d+\.\d+/);
      assert.equal(health.role, 'master');
      assert.equal(health.memory.limit, 100 * 2 ** 20);
      assert.equal(health.memory.policy, 'allkeys-lfu');
      assert.ok(health.memory.used > 0 && health.memory.peak >= health.memory.used && health.memory.fragmentation > 0);
      assert.deepEqual(health.lookups, { hits: 3, misses: 1, hitRate: 0.75 });
      assert.ok(health.clients.connected >= 1 && health.clients.limit > 100);
      assert.ok(health.commands.total >= 5);
      assert.deepEqual(health.keys, { evicted: 0, expired: 0 });
      assert.deepEqual(health.replication, { replicas: [] });
      assert.equal(health.cluster, undefined);
    });

    it('health has how many commands there are in a second', async () => {
      await until('there are many', async () => {
        await send(server.port, Array(1_000).fill(['ECHO', 'a']));
        return (await redisHealth(client, { timeout: 30_000 })).commands.perSecond > 200;
      });
    });

    it('health has what was evicted', async () => {
      await server.command('CONFIG', 'RESETSTAT');
      await server.command('CONFIG', 'SET', 'maxmemory', '10mb');
      const value = 'x'.repeat(10_000);
      for (let i = 0; i < 1_500; i += 10)
        await send(
          server.port,
          Array.from({ length: 10 }, (_, j) => ['SET', `evicted ${i + j}`, value]),
        );
      const left = (await server.command('KEYS', 'evicted *')).length;
      const { keys, memory } = await redisHealth(client, { timeout: 30_000 });
      assert.ok(keys.evicted >= 1_500 - left && left < 1_100, `${keys.evicted} evicted, ${left} left`);
      assert.ok(keys.evicted <= 1_500, `${keys.evicted} evicted`);
      assert.equal(memory.limit, 10 * 2 ** 20);
      await server.command('CONFIG', 'SET', 'maxmemory', '100mb');
      await server.command('FLUSHALL');
    });

    it('health has the slow commands, without what they were told', async () => {
      await server.command('CONFIG', 'SET', 'slowlog-log-slower-than', 0);
      await server.command('SET', 'secret', 'secret');
      await server.command('CONFIG', 'SET', 'slowlog-log-slower-than', 10_000);
      const { slowLog } = await redisHealth(client, { timeout: 30_000, slowCommands: 100 });
      const slow = slowLog.find(({ command }) => command === 'SET');
      assert.ok(slow.took >= 0 && slow.took < 60_000 && Math.abs(Date.now() - slow.at.getTime()) < 600_000);
      assert.doesNotMatch(JSON.stringify(slowLog), /secret/);
      assert.equal((await redisHealth(client, { timeout: 30_000, slowCommands: 1 })).slowLog.length, 1);
      assert.deepEqual((await redisHealth(client, { timeout: 30_000, slowCommands: 0 })).slowLog, []);
    });

    it('health leaves out what its user may not see', async () => {
      const limited = await connect(server.port);
      assert.equal((await redisHealth(limited, { timeout: 30_000 })).slowLog, undefined);
      limited[Symbol.dispose]();
    });

    it('health of a server that stands still is an error in time', async () => {
      server.suspend();
      try {
        await assert.rejects(redisHealth(client, { timeout: 50 }), { code: 'ERR_TIERCEL_TIMEOUT' });
      } finally {
        server.resume();
      }
    });
  });
}

describe('the slot of a key', () => {
  it('is what Redis says', async () => {
    // Of the specification of Redis Cluster, and of a server.
    const slots = {
      123456789: 12739,
      foo: 12182,
      '{foo}bar': 12182,
      'a{foo}{bar}': 12182,
      'foo{}{bar}': 8363,
      'foo{{bar}}zap': 4015,
      '': 0,
    };
    for (const [key, slot] of Object.entries(slots)) assert.equal(redisSlot(key), slot, key);
  });

  it('is that of the bytes of a name', () => {
    assert.equal(redisSlot('é'), redisSlot('{é}x'));
    assert.ok(redisSlot('\ud83d\ude00') < 16_384);
  });
});
