// What becomes of the second tier when the server, or the way to it, fails.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createCache } from 'tiercel';
import { redisTier } from 'tiercel/redis';
import { CLIENTS } from './support/clients.mjs';
import { startProxy } from './support/proxy.mjs';
import { startServer, until } from './support/server.mjs';

const CALL = { signal: new AbortController().signal };
const NS = ['cache'];
const plainRead = (key) => ({ namespace: NS, key, lease: false, tags: [], dependsOn: [] });
const entryOf = (value) => ({ value, ttl: 3_600_000, stale: 0, tags: ['t'], dependsOn: [] });
const set = (tier, key, value) => tier.write([{ namespace: NS, key, entry: entryOf(value) }], CALL);
const valueAt = async (tier, key) => (await tier.read([plainRead(key)], CALL))[0].entry?.value;

/** Calls of a tier that wait for an answer. @returns {number} */
const inFlightOf = (tier) => tier.health().inFlight;

let server;
let proxy;
before(async () => {
  server = await startServer();
  proxy = await startProxy(server.port);
});
after(async () => {
  await proxy.close();
  await server.stop();
});

const closing = [];
beforeEach(() => server.command('FLUSHALL'));
afterEach(async () => {
  await proxy.pass();
  for (const close of closing.splice(0).reverse()) await close();
});

for (const [library, connect] of Object.entries(CLIENTS)) {
  describe(`over ${library}`, () => {
    const clientFor = async (port = proxy.port) => {
      const client = await connect(port);
      closing.push(() => client[Symbol.dispose]());
      return client;
    };
    const isConnected = (tier) => tier.health().connected;

    it('a server that stands still holds up no call for longer than the timeout, and a bounded number of them', async () => {
      const tier = redisTier(await clientFor(), { timeout: 1_000, maxInFlight: 8 });
      await set(tier, 'k', 'v');
      server.suspend();
      const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => valueAt(tier, 'k')));
      assert.deepEqual(
        new Set(outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.code)),
        new Set(['ERR_TIERCEL_TIMEOUT', 'ERR_TIERCEL_UNAVAILABLE']),
      );
      const { inFlight, timeouts, refused } = /** @type {any} */ (tier.health());
      assert.deepEqual({ inFlight, timeouts, refused }, { inFlight: 8, timeouts: 8, refused: 12 });
      server.resume();
      await until('all is answered', () => inFlightOf(tier) === 0);
      assert.equal(await valueAt(tier, 'k'), 'v');
    });

    it('what was answered while this thread stood still is read, and what it could not wait for is waited for', async () => {
      const timeout = 1_000;
      const standStill = (ms) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
      const client = await clientFor(server.port);
      const cache = await createCache({ remote: redisTier(client, { timeout }), remoteTimeout: timeout });
      closing.push(() => cache.close());
      const askWhile = async (/** @type {number} */ ms, /** @type {() => unknown} */ wait) => {
        cache.memory.clear();
        await server.command('CLIENT', 'PAUSE', String(ms), 'ALL');
        const asked = cache.get('k');
        await wait();
        return asked;
      };
      await cache.set('k', 'v');
      // It goes on after the time limit, and before the answer.
      const most = async () => {
        await pause(1);
        standStill(1_200);
      };
      assert.equal(await askWhile(1_400, most), 'v');
      // Half of the limit is over, and the answer comes meanwhile.
      const more = async () => {
        await pause(600);
        // Where timers come before what is read.
        await new Promise((resolve) => setImmediate(resolve));
        standStill(700);
      };
      assert.equal(await askWhile(700, more), 'v');
      const { failures, timeouts, details } = /** @type {any} */ (cache.health().remote);
      assert.deepEqual({ failures, timeouts, ofTier: details.timeouts }, { failures: 0, timeouts: 0, ofTier: 0 });
    });

    it('a value that arrives long after it was given up undoes nothing', async () => {
      const tier = redisTier(await clientFor(), { timeout: 200 });
      const other = redisTier(await clientFor(server.port), { timeout: 5_000 });
      await set(tier, 'k', 'first');
      // Held back in the network, and then by a client that sends again what was not answered.
      for (const end of [() => proxy.pass(), () => proxy.drop()]) {
        proxy.blackhole();
        await assert.rejects(set(tier, 'k', 'old'), { code: 'ERR_TIERCEL_TIMEOUT' });
        await set(other, 'k', 'new');
        await end();
        await proxy.pass();
        await until('all is answered', () => inFlightOf(tier) === 0 && isConnected(tier));
        assert.equal(await valueAt(other, 'k'), 'new');
        assert.equal(await valueAt(tier, 'k'), 'new');
      }
    });

    it('nothing is kept for a connection that is not there', async () => {
      const tier = redisTier(await clientFor(), { timeout: 5_000 });
      await set(tier, 'k', 'v');
      await proxy.refuse();
      await until('the client knows', () => !isConnected(tier));
      await assert.rejects(set(tier, 'k', 'late'), { code: 'ERR_TIERCEL_UNAVAILABLE' });
      await assert.rejects(valueAt(tier, 'k'), { code: 'ERR_TIERCEL_UNAVAILABLE' });
      await assert.rejects(tier.change([{ kind: 'clear', namespace: NS }], CALL), { code: 'ERR_TIERCEL_UNAVAILABLE' });
      await proxy.pass();
      await until('it is connected again', () => isConnected(tier));
      assert.equal(await valueAt(tier, 'k'), 'v');
    });

    it('nothing is served that a restart may have lost the invalidation of', async () => {
      const client = await clientFor(server.port);
      const tier = redisTier(client, { timeout: 5_000 });
      const trusting = redisTier(client, { timeout: 5_000, durable: true });
      await set(tier, 'k', 'old');
      await server.command('SAVE');
      await tier.change([{ kind: 'tags', namespace: NS, tags: ['t'] }], CALL);
      assert.equal(await valueAt(tier, 'k'), undefined);
      await server.kill();
      await server.start();
      await until('it is connected again', () => isConnected(tier));
      // The server has the entry and its tokens again: so says one that was told that it forgets nothing.
      assert.equal(await valueAt(trusting, 'k'), 'old');
      assert.equal(await valueAt(tier, 'k'), undefined);
      await set(tier, 'k', 'new');
      assert.equal(await valueAt(tier, 'k'), 'new');
    });

    it('a load during which the server was killed and started with nothing is not stored', async () => {
      const tier = redisTier(await clientFor(server.port), { timeout: 5_000 });
      const read = { ...plainRead('k'), lease: true };
      const [{ lease }] = await tier.read([read], CALL);
      await server.restart();
      await until('it is connected again', () => isConnected(tier));
      const write = { namespace: NS, key: 'k', entry: entryOf('old'), lease };
      assert.deepEqual(await tier.write([write], CALL), [false]);
      const [{ lease: next }] = await tier.read([read], CALL);
      assert.deepEqual(await tier.write([{ ...write, lease: next }], CALL), [true]);
    });

    it('each answer is that of its call, however the bytes come', async () => {
      const tier = redisTier(await clientFor(), { timeout: 60_000 });
      const keys = Array.from({ length: 40 }, (_, i) => `key ${i}`);
      const flows = [() => proxy.split(1), () => proxy.coalesce(5), () => proxy.delay(3), () => proxy.split(7)];
      for (const flow of flows) {
        await proxy.pass();
        flow();
        await Promise.all(keys.map((key) => set(tier, key, { key })));
        const controllers = keys.map(() => new AbortController());
        const reading = keys.map((key, i) => tier.read([plainRead(key)], controllers[i]));
        // Nobody waits for some of them any more.
        for (let i = 0; i < keys.length; i += 3) controllers[i].abort();
        for (const [i, key] of keys.entries()) assert.deepEqual((await reading[i])[0].entry.value, { key });
      }
    });

    it('a cache goes on without it, and tells it of all that changed once it is there again', async () => {
      const open = async (port) => {
        const cache = await createCache({
          remote: redisTier(await clientFor(port), { timeout: 5_000 }),
          remoteTimeout: 2_000,
          breaker: { failures: 3, reset: 50 },
        });
        closing.push(() => cache.close());
        return cache;
      };
      const [a, b] = [await open(proxy.port), await open(server.port)];
      await a.set('k', 'old', { tags: ['t'] });
      await a.set('l', 'old');
      await proxy.refuse();
      assert.equal(await a.getOrSet('m', () => 'loaded'), 'loaded');
      assert.deepEqual(await a.invalidateTags('t'), { removed: 1, pending: true });
      await a.set('l', 'new');
      assert.equal(a.health().ok, false);
      assert.equal(a.health().pending.changes, 2);
      assert.equal(await b.get('k'), 'old');
      await proxy.pass();
      await until('it is told', () => a.health().pending.changes === 0);
      b.memory.clear();
      assert.equal(await b.get('k'), undefined);
      assert.notEqual(await b.get('l'), 'old');
      await until('all is well', async () => {
        await a.get('none');
        return a.health().ok;
      });
    });
  });
}
