// Locks that processes share, on a real server.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createCache } from 'tiercel';
import { DistributedLock, redisTier } from 'tiercel/redis';
import { CLIENTS, WITH_REST } from './support/clients.mjs';
import { startServer, until } from './support/server.mjs';

let server;
before(async () => {
  server = await startServer();
});
after(() => server.stop());
beforeEach(() => server.command('FLUSHALL'));

const KEY = 'tiercel:x:{["job"]}';

for (const [library, connect] of Object.entries(WITH_REST)) {
  describe(`a lock over ${library}`, () => {
    let client;
    before(async () => {
      client = await connect(server.port);
    });
    after(() => client[Symbol.dispose]());
    const lockOf = (options) => new DistributedLock(client, 'job', { timeout: 5_000, ...options });

    it('is one holder’s at a time, until that lets it go', async () => {
      const [a, b] = [lockOf(), lockOf()];
      assert.equal(await a.isLocked(), false);
      const held = await a.acquire();
      assert.equal(await b.isLocked(), true);
      assert.equal(await b.tryAcquire(), undefined);
      await assert.rejects(b.acquire(), { code: 'ERR_TIERCEL_LOCKED' });
      await assert.rejects(a.acquire(), { code: 'ERR_TIERCEL_LOCKED' });
      assert.notEqual(await new DistributedLock(client, 'other', { timeout: 5_000 }).tryAcquire(), undefined);
      await held.release();
      await held.release();
      assert.equal(await b.isLocked(), false);
      const next = await b.acquire();
      assert.ok(next.token > held.token);
      // Not its own any more.
      await held.release();
      assert.equal(await held.extend(), false);
      assert.equal(await b.isLocked(), true);
      await next[Symbol.asyncDispose]();
      assert.equal(await b.isLocked(), false);
    });

    it('is waited for, by many in turn', async () => {
      const order = [];
      let inside = 0;
      await Promise.all(
        Array.from({ length: 8 }, async (_, i) => {
          const held = await lockOf().acquire({ wait: '60s' });
          assert.equal(++inside, 1);
          order.push(held.token);
          await pause(i % 3);
          inside--;
          await held.release();
        }),
      );
      assert.deepEqual(
        order,
        [...order].sort((a, b) => a - b),
      );
      assert.equal(new Set(order).size, 8);
    });

    it('is not waited for by one that gave up', async () => {
      const held = await lockOf().acquire();
      const controller = new AbortController();
      const waiting = lockOf().acquire({ wait: '60s', signal: controller.signal });
      controller.abort(new Error('enough'));
      await assert.rejects(waiting, /enough/);
      await held.release();
      assert.equal(await lockOf().isLocked(), false);
    });

    it('ends by itself if its holder does not renew it', async () => {
      const held = await lockOf({ ttl: 50, renew: false }).acquire();
      const next = await lockOf().acquire({ wait: '60s' });
      assert.ok(next.token > held.token);
      await until('its holder is told', () => held.signal.aborted);
      assert.equal(await held.extend(), false);
    });

    it('is renewed as long as it is held', async () => {
      const held = await lockOf({ ttl: 300 }).acquire();
      const first = Number(await server.command('PTTL', KEY));
      await until('it was renewed', async () => {
        const before = Number(await server.command('PTTL', KEY));
        await pause(5);
        return Number(await server.command('PTTL', KEY)) > before;
      });
      assert.ok(first <= 300);
      assert.equal(held.signal.aborted, false);
      assert.equal(await lockOf().tryAcquire(), undefined);
      await held.release();
    });

    it('tells its holder if it is lost', async () => {
      const held = await lockOf({ ttl: 300 }).acquire();
      await server.command('DEL', KEY);
      await until('its holder is told', () => held.signal.aborted);
      assert.equal(held.signal.reason.code, 'ERR_TIERCEL_LOCKED');
      const other = await lockOf().acquire();
      await held.release();
      assert.equal(await lockOf().isLocked(), true);
      await other.release();
    });

    it('has a larger token each time, though the server forgets', async () => {
      let last = 0;
      for (let i = 0; i < 20; i++) {
        const held = await lockOf().acquire();
        assert.ok(Number.isSafeInteger(held.token) && held.token > last, `${held.token} after ${last}`);
        last = held.token;
        if (i % 2 === 0) await held.release();
        if (i % 2 === 1) await server.command('FLUSHALL');
      }
    });

    it('has a larger token after the clock was set back, as long as the server remembers the last', async () => {
      const held = await lockOf().acquire();
      await held.release();
      const ahead = held.token + 3_600_000_000;
      await server.command('SET', 'tiercel:f:{["job"]}', String(ahead));
      const next = await lockOf().acquire();
      assert.equal(next.token, ahead + 1);
      await next.release();
    });

    it('is nobody’s if the server granted it when the one that asked had given up', async () => {
      server.suspend();
      try {
        const asking = [1, 2, 3].map(() => lockOf({ timeout: 20, ttl: '1h' }).tryAcquire());
        for (const one of asking) await assert.rejects(one, { code: 'ERR_TIERCEL_TIMEOUT' });
      } finally {
        server.resume();
      }
      // On the same connection, and so after those.
      assert.equal(await lockOf().isLocked(), false);
    });

    it('is refused if something else is in its place', async () => {
      await server.command('RPUSH', KEY, 'a');
      await assert.rejects(lockOf().acquire(), /something else/);
    });

    it("is what lock: 'fleet' is made of: one load in the fleet", async () => {
      const open = () => createCache({ remote: redisTier(client, { timeout: '5s' }), remoteTimeout: '5s' });
      const caches = await Promise.all([open(), open(), open()]);
      let loads = 0;
      const load = async () => {
        loads++;
        await pause(20);
        return { loads };
      };
      const values = await Promise.all(
        caches.flatMap((cache) => [1, 2].map(() => cache.getOrSet('k', load, { lock: 'fleet' }))),
      );
      assert.deepEqual(values, Array(6).fill({ loads: 1 }));
      await using(await caches[0].lock('name'), async (held) => {
        await assert.rejects(caches[1].lock('name'), { code: 'ERR_TIERCEL_LOCKED' });
        assert.equal(await held.extend('1m'), true);
      });
      await using(await caches[1].lock('name'), async () => undefined);
      for (const cache of caches) await cache.close();
    });
  });
}

async function using(lock, what) {
  try {
    await what(lock);
  } finally {
    await lock[Symbol.asyncDispose]();
  }
}

it('a lock has a larger token after the server started again with nothing', async () => {
  const client = await CLIENTS.ioredis(server.port);
  try {
    const lock = new DistributedLock(client, 'job', { timeout: 5_000, renew: false });
    const before = await lock.acquire();
    await server.restart();
    await until('the client is connected', () => client.status === 'ready');
    const other = await CLIENTS['node-redis'](server.port);
    const next = await new DistributedLock(other, 'job', { timeout: 5_000 }).acquire();
    assert.ok(next.token > before.token, `${next.token} after ${before.token}`);
    await next.release();
    other[Symbol.dispose]();
  } finally {
    client[Symbol.dispose]();
  }
});

it('options of a lock that mean nothing are refused', () => {
  const ignore = () => undefined;
  /** @type {any} */
  const client = { on: ignore, duplicate: ignore, subscribe: ignore, callBuffer: ignore, status: 'ready' };
  assert.throws(() => new DistributedLock(/** @type {any} */ ({}), 'a'), { code: 'ERR_TIERCEL_INVALID_ARGUMENT' });
  assert.throws(() => new DistributedLock(client, /** @type {any} */ (1)), { code: 'ERR_TIERCEL_INVALID_ARGUMENT' });
  assert.throws(() => new DistributedLock(client, 'a', { ttl: 0 }), { code: 'ERR_TIERCEL_INVALID_OPTION' });
  assert.throws(() => new DistributedLock(client, 'a', /** @type {any} */ ({ namespace: 'b' })), {
    code: 'ERR_TIERCEL_INVALID_OPTION',
  });
  assert.throws(() => new DistributedLock(client, 'a', /** @type {any} */ ({ renw: true })), {
    code: 'ERR_TIERCEL_UNKNOWN_OPTION',
  });
});
