// Locks that processes share, on a real server.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, before, beforeEach, describe, it, mock } from 'node:test';
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
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
afterEach(() => mock.restoreAll());

const KEY = 'tiercel:x:{["job"]}';
/** The last token, and the run of the server that gave it. */
const FENCE = 'tiercel:f';
/** Those who hear which locks are released. */
const listeners = async () => Number((await server.command('PUBSUB', 'NUMSUB', 'tiercel:released'))[1]);

for (const [library, connect] of Object.entries(WITH_REST)) {
  describe(`a lock over ${library}`, () => {
    let client;
    before(async () => {
      client = await connect(server.port);
    });
    after(() => client[Symbol.dispose]());
    const isDeaf = library in CLIENTS ? false : 'a client over HTTP cannot listen';
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

    it('counts its tokens, whatever the clocks say, while the server remembers the last', async () => {
      const held = await lockOf().acquire();
      await held.release();
      const run = /master_replid:(\w+)/.exec(await server.command('INFO', 'replication'))?.[1];
      const last = held.token + 3_600_000_000;
      await server.command('SET', FENCE, `${last} ${run}`);
      for (const [i, ahead] of [-3_600_000, 0, 3_600_000].entries()) {
        const now = Date.now() + ahead;
        mock.method(Date, 'now', () => now);
        const next = await lockOf().acquire();
        assert.equal(next.token, last + 1 + i);
        await next.release();
        mock.restoreAll();
      }
    });

    it('has a larger token after another server took the place of the one that gave the last', async () => {
      const last = Date.now() * 1_000 + 3_600_000_000;
      await server.command('SET', FENCE, `${last} ${'0'.repeat(40)}`);
      const held = await lockOf().acquire();
      assert.equal(held.token, last + 1);
      await held.release();
      const other = await lockOf().acquire();
      assert.equal(other.token, last + 2);
      await other.release();
    });

    for (const [what, ahead] of /** @type {const} */ ([
      ['behind', 120_000],
      ['ahead', -120_000],
    ])) {
      it(`is not granted where the server has forgotten the tokens and its clock is ${what}`, async () => {
        const { now } = Date;
        mock.method(Date, 'now', () => now() + ahead);
        await assert.rejects(lockOf().acquire({ wait: '60s' }), {
          code: 'ERR_TIERCEL_CLOCK',
          message: new RegExp(`(119|120)\\d{3} ms ${what}`),
        });
        assert.equal(await lockOf().isLocked(), false);
        assert.equal(await server.command('GET', FENCE), null);
        // One whose clock is right begins the count; then it makes no difference any more.
        mock.restoreAll();
        const held = await lockOf().acquire();
        await held.release();
        mock.method(Date, 'now', () => now() + ahead);
        const next = await lockOf().acquire();
        assert.equal(next.token, held.token + 1);
        await next.release();
      });
    }

    it('is had by one that waits as soon as it is released, without asking again and again', {
      skip: isDeaf,
    }, async () => {
      const held = await lockOf().acquire();
      // Time stands still for those who wait: only what they are told can make them ask.
      mock.timers.enable({ apis: ['setTimeout'] });
      const end = new AbortController();
      try {
        const tokens = [];
        const waiting = [1, 2].map(async () => {
          const next = await lockOf().tryAcquire({ wait: '60s', signal: end.signal });
          tokens.push(next?.token);
          await next?.release();
        });
        while ((await listeners()) === 0) await turn();
        for (let i = 0; i < 200; i++) await turn();
        assert.deepEqual(tokens, []);
        await held.release();
        for (let i = 0; i < 100_000 && tokens.length < 2; i++) await turn();
        end.abort(new Error('enough'));
        await Promise.allSettled(waiting);
        assert.deepEqual(tokens, [held.token + 1, held.token + 2]);
      } finally {
        mock.timers.reset();
      }
    });

    it('is had though nobody is told that it was released', { skip: isDeaf }, async () => {
      const held = await lockOf().acquire();
      const waiting = lockOf().acquire({ wait: '60s' });
      await until('it listens', async () => (await listeners()) > 0);
      // By hand, as one whose rights do not include to tell.
      await server.command('DEL', KEY);
      const next = await waiting;
      assert.equal(next.token, held.token + 1);
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

    it('takes a connection to wait, for all that wait, and no longer than that', { skip: isDeaf }, async () => {
      const held = await lockOf().acquire();
      const waiting = Array.from({ length: 5 }, (_, i) =>
        new DistributedLock(client, i < 3 ? 'job' : 'free', { timeout: 5_000 }).tryAcquire({ wait: i < 3 ? '60s' : 0 }),
      );
      await until('they listen', async () => (await listeners()) > 0);
      assert.equal(await listeners(), 1);
      await held.release();
      await Promise.all(waiting.map(async (one) => (await one)?.release()));
      await until('nobody listens', async () => (await listeners()) === 0);
    });

    for (const [what, command, isTold] of /** @type {const} */ ([
      ['a text', ['SET', KEY, 'somebody else'], false],
      ['a list', ['RPUSH', KEY, 'a'], true],
    ]))
      it(`is not had while ${what} is in its place, which gets an end if it has none`, async () => {
        await server.command(...command);
        const lock = lockOf({ ttl: 300 });
        if (isTold) await assert.rejects(lock.acquire({ wait: '60s' }), /something else/);
        else assert.equal(await lock.tryAcquire(), undefined);
        // It is over already, where the machine does other things as well.
        const left = Number(await server.command('PTTL', KEY));
        assert.ok(left === -2 || (left > 0 && left <= 300), `${left} ms`);
        await until('it has ended', async () => (await server.command('EXISTS', KEY)) === 0);
        const held = await lock.acquire();
        await held.release();
      });

    it('leaves others their time', async () => {
      await server.command('SET', KEY, 'somebody else', 'PX', 3_600_000);
      assert.equal(await lockOf().tryAcquire(), undefined);
      assert.ok(Number(await server.command('PTTL', KEY)) > 3_000_000);
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

describe('a lock whose answers come late', () => {
  let client;
  /** How late. */
  let ms = 0;
  const slow = {
    ...{ client: 'ioredis', topology: 'standalone', isReady: () => true },
    async send(args) {
      const reply = await client.callBuffer(...args);
      await pause(ms);
      return reply;
    },
  };
  /** One that knows its scripts. */
  async function lockOf(options) {
    ms = 0;
    const lock = new DistributedLock(/** @type {any} */ (slow), 'job', { timeout: '1m', renew: false, ...options });
    await lock.isLocked();
    return lock;
  }
  before(async () => {
    client = await CLIENTS.ioredis(server.port);
  });
  after(() => client[Symbol.dispose]());

  it('is not had if its ttl is over by then', async () => {
    const lock = await lockOf({ ttl: 200 });
    ms = 300;
    await assert.rejects(lock.acquire(), { code: 'ERR_TIERCEL_TIMEOUT' });
    await assert.rejects(lock.tryAcquire(), { code: 'ERR_TIERCEL_TIMEOUT' });
  });

  it('counts from when it was asked for: its signal tells before others can have it', async () => {
    const lock = await lockOf({ ttl: 3_000 });
    ms = 1_500;
    const held = await lock.acquire();
    ms = 0;
    assert.equal(held.signal.aborted, false);
    const aborted = once(held.signal, 'abort');
    await until('others can have it', async () => !(await lock.isLocked()));
    // Timers may be some milliseconds late.
    const told = await Promise.race([aborted, pause(500)]);
    assert.notEqual(told, undefined);
    assert.equal(held.signal.reason.code, 'ERR_TIERCEL_TIMEOUT');
  });

  it('is not extended if that is over by then', async () => {
    const held = await (await lockOf()).acquire();
    ms = 300;
    assert.equal(await held.extend(200), false);
  });
});

for (const renew of [true, false]) {
  it(`a lock may be held for longer than timers last (renewed: ${renew})`, async () => {
    const client = await CLIENTS.ioredis(server.port);
    const timers = mock.method(globalThis, 'setTimeout');
    try {
      const held = await new DistributedLock(client, 'job', { timeout: 5_000, ttl: '90d', renew }).acquire();
      await pause(50);
      assert.equal(held.signal.aborted, false);
      const delays = timers.mock.calls.map(({ arguments: [, delay] }) => Number(delay));
      // Beyond that a timer is due at once.
      assert.deepEqual(
        delays.filter((delay) => delay >= 2 ** 31),
        [],
      );
      await held.release();
    } finally {
      client[Symbol.dispose]();
    }
  });
}

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
