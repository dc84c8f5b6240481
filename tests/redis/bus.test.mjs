// Changes told through a channel of Redis, on a real server and through a network that fails.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { createCache } from 'tiercel';
import { redisBus, redisTier } from 'tiercel/redis';
import { EVERY_CLIENT } from './support/clients.mjs';
import { startProxy } from './support/proxy.mjs';
import { startServer, until } from './support/server.mjs';

const ignore = () => undefined;
/** Signs of life often, and not soon given up: a slow machine is no failure. */
const BEATS = { heartbeat: 50, patience: 5_000 };

let server;
before(async () => {
  server = await startServer();
});
after(() => server.stop());

const closing = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/**
 * A cache, and what it says of its bus.
 * @param {any} client @param {{ bus?: typeof BEATS, publishValue?: boolean }} [options]
 */
async function open(client, { bus = BEATS, ...options } = {}) {
  const cache = await createCache({
    remote: redisTier(client, { timeout: 5_000 }),
    bus: redisBus(client, bus),
    remoteTimeout: 5_000,
    ...options,
  });
  closing.push(() => cache.close());
  const doubts = [];
  await until('the bus is live', () => cache.health().bus.state === 'live');
  cache.on('doubt', ({ state }) => doubts.push(state));
  return { cache, doubts };
}

for (const [library, connect] of Object.entries(EVERY_CLIENT)) {
  describe(`a bus over ${library}`, () => {
    const clientFor = async (port = server.port) => {
      const client = await connect(port);
      closing.push(() => client[Symbol.dispose]());
      return client;
    };

    it('tells other caches what changed, and oneself nothing', async () => {
      const client = await clientFor();
      const [{ cache: a, doubts }, { cache: b }] = [await open(client), await open(await clientFor())];
      const changes = [
        () => a.set('p:k', 'new', { tags: ['t'] }),
        () => a.delete('p:k'),
        () => a.invalidateTags('t'),
        () => a.invalidatePrefix('p:'),
        () => a.invalidatePattern('*k'),
        () => a.clear(),
      ];
      for (const change of changes) {
        await a.set('p:k', 'old', { tags: ['t'] });
        await until('the other has the value', async () => (await b.get('p:k')) === 'old');
        await change();
        await until('the other has let go of it', () => b.memory.get('p:k') !== 'old');
      }
      await a.set('own', 1);
      await b.set('else', 1);
      await until('the message came', () => a.stats().heard > 0);
      assert.equal(a.memory.get('own'), 1);
      assert.deepEqual(doubts, []);
      const { sent, gaps, unreadable } = /** @type {any} */ (a.health().bus.details);
      assert.deepEqual({ sent: sent > 0, gaps, unreadable }, { sent: true, gaps: 0, unreadable: 0 });
    });

    it('brings values along, which others need not ask for', async () => {
      const options = { publishValue: true };
      const [{ cache: a, doubts }, { cache: b }] = [
        await open(await clientFor(), options),
        await open(await clientFor(), options),
      ];
      // From then on they know where the second tier is.
      for (const cache of [a, b]) await cache.get('not there');
      const asked = () => Number(/** @type {any} */ (b.health().remote).calls);
      const before = asked();
      await a.set('k', { n: 1 }, { tags: ['t'] });
      await until('the other has it', () => b.memory.get('k') !== undefined);
      assert.deepEqual(b.memory.get('k'), { n: 1 });
      await a.getOrSet('l', () => 'loaded', { tags: ['t'] });
      await until('the other has it', () => b.memory.get('l') === 'loaded');
      await a.setMany([
        ['m', 1],
        ['n', 2],
      ]);
      await until('the other has both', () => b.memory.get('n') === 2);
      assert.equal(asked(), before);
      assert.equal(b.stats().valuesTaken, 4);
      await a.invalidateTags('t');
      await until('the other has let go of them', () => !b.memory.has('k') && !b.memory.has('l'));
      assert.equal(await b.get('k'), undefined);
      // A server that has forgotten how far it had come begins another count.
      await server.command('FLUSHALL');
      for (const cache of [a, b, a, b]) await cache.get('not there');
      await a.set('k', 3);
      await until('the other has it', () => b.memory.get('k') === 3);
      assert.deepEqual(doubts, []);
    });

    it('is in doubt while its connection is cut, and forgets what it may have missed', async () => {
      const { cache: a } = await open(await clientFor());
      const { cache: b, doubts } = await open(await clientFor());
      await a.set('k', 'old');
      assert.equal(await b.get('k'), 'old');
      await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await a.set('k', 'new');
      await until('it is live again', () => doubts.includes('live') && b.health().bus.state === 'live');
      assert.ok(doubts.includes('down'), String(doubts));
      assert.equal(b.memory.get('k'), undefined);
      assert.equal(await b.get('k'), 'new');
    });

    it('notices that nothing comes any more though the connection looks well', async () => {
      const proxy = await startProxy(server.port);
      closing.push(() => proxy.close());
      const { cache, doubts } = await open(await clientFor(proxy.port), { bus: { heartbeat: 50, patience: 500 } });
      proxy.blackhole({ up: false });
      await until('it is in doubt', () => doubts.includes('down'));
      assert.match(cache.health().bus.reason, /heartbeat/);
      await proxy.pass();
      await until('it is live again', () => cache.health().bus.state === 'live');
    });

    it('is live again after the server was killed and started with nothing', async () => {
      const { cache, doubts } = await open(await clientFor());
      await cache.set('k', 1);
      await server.restart();
      await until('it is live again', () => doubts.includes('live'));
      assert.equal(await cache.getOrSet('k', () => 2), 2);
    });

    it('takes what it cannot read, or what comes too early, for a sign that something is missing', async () => {
      const { cache, doubts } = await open(await clientFor());
      await server.command('PUBLISH', 'tiercel:bus', 'no JSON');
      await until('it is told', () => doubts.length === 1);
      const message = { from: 'somebody', sequence: 2, changes: [{ kind: 'clear', namespace: ['other'] }] };
      await server.command('PUBLISH', 'tiercel:bus', JSON.stringify(message));
      await until('it is told', () => doubts.length === 2);
      assert.deepEqual(doubts, ['missed', 'missed']);
      assert.equal(cache.health().bus.state, 'live');
    });

    it('leaves no connection behind', async () => {
      const client = await clientFor();
      const connections = async () => (await server.command('CLIENT', 'LIST', 'TYPE', 'pubsub')).trim();
      await until('those of other tests are gone', async () => (await connections()) === '');
      const { cache } = await open(client);
      assert.notEqual(await connections(), '');
      await cache.close();
      await until('it is gone', async () => (await connections()) === '');
      const bus = redisBus(client, BEATS);
      void bus.open({ changed: ignore, live: ignore, missed: ignore, down: ignore });
      await bus.close();
      await until('so is one that was closed while it connected', async () => (await connections()) === '');
    });
  });
}

it('options of a bus that mean nothing are refused', () => {
  /** @type {any} */
  const client = { on: ignore, duplicate: ignore, subscribe: ignore, callBuffer: ignore, status: 'ready' };
  assert.throws(() => redisBus(/** @type {any} */ ({})), { code: 'ERR_TIERCEL_INVALID_ARGUMENT' });
  assert.throws(() => redisBus(client, { heartbeat: 'soon' }), { code: 'ERR_TIERCEL_INVALID_OPTION' });
  assert.throws(() => redisBus(client, /** @type {any} */ ({ hartbeat: 1 })), { code: 'ERR_TIERCEL_UNKNOWN_OPTION' });
});
