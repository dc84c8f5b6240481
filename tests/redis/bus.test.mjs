// Changes told through a channel of Redis, on a real server and through a network that fails.
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
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
 * @param {any} client @param {{ bus?: import('tiercel/redis').RedisBusOptions, publishValue?: boolean }} [options]
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

    it('is told by Redis itself of what others do to entries, if it wants to be', async () => {
      const bus = /** @type {const} */ ({ ...BEATS, mode: 'tracking' });
      const [{ cache: a }, { cache: b, doubts }] = [
        await open(await clientFor(), { bus }),
        await open(await clientFor(), { bus }),
      ];
      const place = 'tiercel:e:{["default","team","k"]}';
      const view = b.namespace('team');
      const remembered = async (value) => {
        await a.namespace('team').set('k', value, { tags: ['t'] });
        // Not until what was said of it has come, which it cannot tell from what others do.
        await until('it is in memory', async () => {
          await view.get('k');
          return view.memory.get('k') === value;
        });
      };
      const gone = () => until('it is gone from memory', () => !view.memory.has('k'));
      for (const command of [['DEL', place], ['SET', place, 'x'], ['PEXPIRE', place, '1'], ['FLUSHALL']]) {
        await remembered(command[0]);
        await server.command(...command);
        await gone();
      }
      await remembered('tagged');
      await a.namespace('team').invalidateTags('t');
      await gone();
      // Keys that are none of an entry, or of no cache, are nothing to it.
      await remembered('still there');
      const heard = b.stats().heard;
      for (const other of ['e:{["default"]}', 'e:{1}', 'e:x', 'other'])
        await server.command('SET', `tiercel:${other}`, '1');
      await server.command('SET', 'tiercel:e:{["default","last"]}', '1');
      await until('it heard of the last', () => b.stats().heard > heard);
      assert.equal(b.stats().heard, heard + 1);
      assert.equal(view.memory.get('k'), 'still there');

      // And again once it has another connection.
      doubts.length = 0;
      await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await until('it is live again', () => doubts.includes('live') && b.health().bus.state === 'live');
      await remembered('after');
      await server.command('DEL', place);
      await gone();
    });

    it('says why, if Redis may not tell it', async () => {
      await server.command('ACL', 'SETUSER', 'tiercel', '-client|tracking');
      try {
        const client = await clientFor();
        const bus = redisBus(client, { ...BEATS, mode: 'tracking' });
        const cache = await createCache({ remote: redisTier(client), bus });
        closing.push(() => cache.close());
        await until('it says so', () => /NOPERM.*tracking/.test(cache.health().bus.reason));
        assert.equal(cache.health().ok, false);
      } finally {
        await server.command('ACL', 'SETUSER', 'tiercel', '+client|tracking');
      }
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

it('notices that Redis tells of keys no more, though messages still come', async () => {
  /** A client whose server tells of keys as long as it is to. @type {any} */
  const client = Object.assign(new EventEmitter(), {
    status: 'ready',
    tells: true,
    duplicate: () => connection,
    subscribe: ignore,
    callBuffer: async (command, ...args) => {
      if (command === 'PUBLISH') connection.emit('message', ...args);
      if (command === 'EVAL' && client.tells) connection.emit('messageBuffer', '__redis__:invalidate', [args[2]]);
      return 'OK';
    },
  });
  const calls = [];
  /** @type {any} */
  const connection = Object.assign(new EventEmitter(), {
    call: async (...args) => {
      calls.push(args);
      return 7;
    },
    subscribe: async (...args) => void calls.push(args),
    disconnect: ignore,
  });
  const cache = await createCache({ bus: redisBus(client, { heartbeat: 20, patience: 5_000, mode: 'tracking' }) });
  connection.emit('ready');
  const state = (wanted) => until(`it is ${wanted}`, () => cache.health().bus.state === wanted);
  await state('live');
  assert.deepEqual(calls[1].slice(0, 7), ['CLIENT', 'TRACKING', 'ON', 'REDIRECT', '7', 'BCAST', 'PREFIX']);
  cache.memory.set('k', 1);
  client.tells = false;
  await state('down');
  assert.match(cache.health().bus.reason, /no keys/);
  assert.equal(cache.memory.size, 0);
  client.tells = true;
  await state('live');
  await cache.close();
});

it('options of a bus that mean nothing are refused', () => {
  /** @type {any} */
  const client = { on: ignore, duplicate: ignore, subscribe: ignore, callBuffer: ignore, status: 'ready' };
  assert.throws(() => redisBus(/** @type {any} */ ({})), { code: 'ERR_TIERCEL_INVALID_ARGUMENT' });
  const cluster = { ...client, isCluster: true };
  assert.throws(() => redisBus(cluster, { mode: 'tracking' }), {
    code: 'ERR_TIERCEL_INVALID_OPTION',
    message: /pubsub.*one server/,
  });
  assert.throws(() => redisBus(client, { mode: /** @type {any} */ ('push') }), { code: 'ERR_TIERCEL_INVALID_OPTION' });
  assert.throws(() => redisBus(client, { heartbeat: 'soon' }), { code: 'ERR_TIERCEL_INVALID_OPTION' });
  assert.throws(() => redisBus(client, /** @type {any} */ ({ hartbeat: 1 })), { code: 'ERR_TIERCEL_UNKNOWN_OPTION' });
});
