// One thread of a process listens for all that have one memory: on a real server.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, afterEach, before, describe, it } from 'node:test';
import { BroadcastChannel } from 'node:worker_threads';
import { createCache, engineInfo, MemoryCache } from 'tiercel';
import { redisBus } from 'tiercel/redis';
import { CLIENTS } from './support/clients.mjs';
import { startProxy } from './support/proxy.mjs';
import { startServer, until } from './support/server.mjs';
import { GO, moduleFor, SPINNING, spin } from './support/thread-user.mjs';
import * as threads from './support/threads.mjs';

let server;
before(async () => {
  server = await startServer();
});
after(() => server.stop());

const closing = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const { newName } = threads;
const startUser = (user, signal) => threads.startUser(user, closing, signal);
const openHere = (user) => threads.openHere(user, closing);

const listening = async () => (await server.command('CLIENT', 'LIST', 'TYPE', 'pubsub')).split('\n').filter(Boolean);
const threadOf = (cache) => cache.health().bus.details.thread;
/** What there is in the process for the sake of such buses. */
const present = (what = '') => engineInfo().shared.filter(({ name }) => name.startsWith(`tiercel: ${what}`)).length;
const isOver = () =>
  until('nothing is left', async () => present() === 0 && (await listening()).length === 0, { timeout: 10_000 });

for (const library of Object.keys(CLIENTS)) {
  describe(`a bus in a thread of its own, over ${library}`, () => {
    const user = (more = {}) => ({ library, port: server.port, ...more });

    for (const [threaded, what] of /** @type {const} */ ([
      [true, 'takes from memory what was invalidated, though all event loops are busy'],
      [false, 'is what makes that difference'],
    ])) {
      it(what, async () => {
        const shared = newName();
        const signal = threads.newSignal();
        const { cache } = await openHere(user({ shared, threaded }));
        const busy = await startUser(user({ shared, threaded }), signal);
        const other = await startUser(user(), signal);
        await other.call('set', 'k', 'old');
        await until('it is in memory', async () => (await cache.get('k')) === 'old' && cache.memory.has('k'));
        const deleted = other.call('deleteAtSignal', 'k');
        const gone = busy.call('spin', 'k', 'old', threaded);
        await until('it is busy', () => Atomics.load(signal, SPINNING) === 1);
        Atomics.store(signal, GO, 1);
        const isGone = spin(cache, 'k', 'old', signal, threaded);
        assert.deepEqual([isGone, await gone, await deleted], [threaded, threaded, false]);
      });
    }

    it('is one connection for all, and ends with the last that wants it', async () => {
      await isOver();
      const shared = newName();
      const here = await openHere(user({ shared }));
      const users = await Promise.all([1, 2, 3].map(() => startUser(user({ shared }))));
      assert.equal((await listening()).length, 1);
      assert.equal(present('thread of'), 1);
      await users[0].call('close');
      await here.close();
      assert.equal((await listening()).length, 1);
      await users[1].call('close');
      // As if it had been forgotten: its thread just ends.
      await users[2].worker.terminate();
      await isOver();
      assert.deepEqual(
        engineInfo().shared.filter(({ name }) => name === shared),
        [],
      );
      // And begins anew.
      await openHere(user({ shared }));
      assert.equal((await listening()).length, 1);
    });

    it('tells other caches what changed, and hears of what they change, but not of what its own do', async () => {
      const shared = newName();
      const { cache, doubts } = await openHere(user({ shared }));
      const mate = await startUser(user({ shared }));
      const { cache: other } = await openHere(user());
      // Another memory of the process is another cache, though the name is the same.
      const { cache: neighbour } = await openHere(user({ shared: newName() }));
      doubts.length = 0;
      const changes = [
        () => cache.set('p:k', 'new', { tags: ['t'] }),
        () => cache.delete('p:k'),
        () => cache.invalidateTags('t'),
        () => cache.invalidatePrefix('p:'),
        () => cache.invalidatePattern('*k'),
        () => cache.clear(),
        () => mate.call('delete', 'p:k'),
      ];
      for (const change of changes) {
        await cache.set('p:k', 'old', { tags: ['t'] });
        for (const one of [other, neighbour])
          await until('the others have the value', async () => (await one.get('p:k')) === 'old');
        await change();
        for (const one of [other, neighbour])
          await until('the others have let go of it', () => one.memory.get('p:k') !== 'old');
      }
      assert.equal(cache.stats().heard, 0);
      for (const one of [other, neighbour]) {
        await one.set('p:k', 'theirs', { tags: ['t'] });
        await until('it can be read', async () => (await mate.call('read', 'p:k')) === 'theirs');
        await one.expire('p:k');
        await until('it is stale', () => !cache.memory.has('p:k') || cache.memory.getEntry('p:k')?.stale === true);
        await one.invalidateTags('t');
        await until('it is gone', async () => (await mate.call('peek', 'p:k')) === undefined);
      }
      assert.ok(cache.stats().heard > 0);
      assert.deepEqual(doubts, []);
      const { sent, received, gaps, unreadable } = /** @type {any} */ (cache.health()).bus.details;
      assert.deepEqual([sent > 0, received > 0, gaps, unreadable], [true, true, 0, 0]);
    });

    it('is in doubt while its connection is cut, as all are, and forgets what it may have missed', async () => {
      const shared = newName();
      const { cache, doubts } = await openHere(user({ shared }));
      const mate = await startUser(user({ shared }));
      const { cache: other } = await openHere(user());
      await other.set('k', 'old');
      assert.equal(await mate.call('read', 'k'), 'old');
      doubts.length = 0;
      await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await other.set('k', 'new');
      // What was over before this thread came to look it is told of as missed.
      const wasDoubt = () => (doubts.includes('down') ? doubts.includes('live') : doubts.includes('missed'));
      await until('it is live again', () => wasDoubt() && cache.health().bus?.state === 'live');
      assert.equal(cache.memory.get('k'), undefined);
      await until('so are the others', async () => (await mate.call('state')) === 'live');
      assert.equal(await mate.call('read', 'k'), 'new');
    });

    it('is doubted by who reads, though no event loop turns, when nothing comes any more', async () => {
      const proxy = await startProxy(server.port);
      closing.push(() => proxy.close());
      const shared = newName();
      const bus = { heartbeat: 50, patience: 500 };
      const { cache } = await openHere(user({ shared, bus, busPort: proxy.port }));
      proxy.blackhole({ up: false });
      // The proxy is in this thread, so that is over by now for good.
      const deadline = performance.now() + 20_000;
      while (cache.health().bus?.state === 'live' && performance.now() < deadline);
      assert.equal(cache.health().bus?.state, 'down');
      await proxy.pass();
      await until('it is live again', () => cache.health().bus?.state === 'live');
    });

    it('takes what comes too early for a sign that something is missing', async () => {
      const { cache, doubts } = await openHere(user({ shared: newName() }));
      doubts.length = 0;
      cache.memory.set('k', 1);
      const message = { from: 'somebody', sequence: 2, changes: [{ kind: 'clear', namespace: ['other'] }] };
      await server.command('PUBLISH', 'tiercel:bus', JSON.stringify(message));
      await until('it is told', () => doubts.length === 1);
      assert.deepEqual(doubts, ['missed']);
      assert.equal(cache.memory.size, 0);
      assert.equal(cache.health().bus?.state, 'live');
    });

    for (const [how, end] of /** @type {const} */ ([
      ['crashes', () => new BroadcastChannel('crash the thread of the bus')],
      ['goes with the thread that started it', undefined],
    ])) {
      it(`is replaced if it ${how}, and nothing of before is served`, async () => {
        await isOver();
        const shared = newName();
        const starter = await startUser(user({ shared }));
        const { cache, doubts } = await openHere(user({ shared }));
        const { cache: other } = await openHere(user());
        await other.set('k', 'old');
        await until('it is in memory', async () => (await cache.get('k')) === 'old' && cache.memory.has('k'));
        const first = threadOf(cache);
        doubts.length = 0;
        const channel = end?.();
        if (channel === undefined) await starter.worker.terminate();
        else channel.postMessage('');
        channel?.close();
        await until('there is another', () => !['', first].includes(threadOf(cache)));
        await until('it is live', () => cache.health().bus?.state === 'live');
        assert.ok(doubts.includes('down'), String(doubts));
        assert.equal(cache.memory.get('k'), undefined);
        await other.set('k', 'new');
        assert.equal(await cache.get('k'), 'new');
        assert.equal((await listening()).length, 2);
      });
    }

    it('is told of keys by Redis itself, if it wants to be', async () => {
      const { cache } = await openHere(user({ shared: newName(), bus: { mode: 'tracking' } }));
      const { cache: other } = await openHere(user());
      await other.set('k', 'value');
      await until('it is in memory', async () => (await cache.get('k')) === 'value' && cache.memory.has('k'));
      await server.command('DEL', 'tiercel:e:{["default","k"]}');
      await until('it is gone', () => !cache.memory.has('k'));
    });

    it('does what it does for a part of the memory, and leaves the rest alone', async () => {
      const shared = newName();
      const { cache } = await openHere(user({ shared, options: { namespace: ['a'] } }));
      const { cache: other } = await openHere(user());
      const all = MemoryCache.createSync({ shared });
      all.set('k', 'beside');
      await other.namespace('a').set('k', 1);
      await until('it is in memory', async () => (await cache.get('k')) === 1 && cache.memory.has('k'));
      await other.clear();
      await until('it is gone', () => !cache.memory.has('k'));
      assert.equal(all.get('k'), 'beside');
      all.close();
    });
  });
}

const [library] = Object.keys(CLIENTS);

it('says why there is no client', async () => {
  const missing = new URL('./support/missing.mjs', import.meta.url);
  for (const [thread, reason] of /** @type {[URL, RegExp][]} */ ([
    [missing, /no client: Cannot find module/],
    [new URL('./support/resp.mjs', import.meta.url), /no client: .*default/],
    [moduleFor('no library', server.port), /no client: /],
  ])) {
    const client = await CLIENTS[library](server.port);
    const cache = await createCache({ memory: { shared: newName() }, bus: redisBus(client, { thread }) });
    closing.push(async () => {
      await cache.close();
      client[Symbol.dispose]();
    });
    await until('it says so', () => reason.test(cache.health().bus?.reason ?? ''));
    assert.equal(cache.health().bus?.state, 'down');
  }
});

it('opens the memory as it is, and empties it for a change that it refuses', async () => {
  const memory = {
    shared: newName(),
    maxBytes: '1mb',
    policy: /** @type {const} */ ('lru'),
    serializer: {
      serialize: (value) => new TextEncoder().encode(String(value)),
      deserialize: (bytes) => String(bytes),
    },
    ttl: '1h',
    stale: '1m',
    jitter: 0.1,
    ttlRules: { types: { tags: '5m' }, context: { favorite: 2 }, timeZone: 'UTC' },
    maxKeyBytes: 16,
    seed: new Uint8Array(16).fill(7),
    shards: 4,
  };
  const { cache, doubts } = await openHere({ library, port: server.port, shared: memory.shared, options: { memory } });
  const { cache: other } = await openHere({ library, port: server.port });
  doubts.length = 0;
  const inMemory = () => ['a', 'b'].filter((key) => cache.memory.has(key));
  await cache.setMany([
    ['a', 1],
    ['b', 2],
  ]);
  assert.deepEqual(inMemory(), ['a', 'b']);
  await other.delete('a');
  await until('it is told', () => !cache.memory.has('a'));
  assert.deepEqual([inMemory(), doubts], [['b'], []]);
  await other.delete('of more than 16 bytes');
  await until('it is empty', () => !cache.memory.has('b'));
  await until('it is said', () => doubts.length > 0);
  assert.deepEqual(doubts, ['missed']);
});

it('listens in the thread of the cache if no other has its memory', async () => {
  await isOver();
  const client = await CLIENTS[library](server.port);
  const cache = await createCache({ bus: redisBus(client, { thread: moduleFor(library, server.port) }) });
  await until('its bus is live', () => cache.health().bus?.state === 'live');
  assert.equal(present(), 0);
  await cache.close();
  client[Symbol.dispose]();
});

it('keeps no process alive', async () => {
  const script = `
    import { openUser } from ${JSON.stringify(new URL('./support/thread-user.mjs', import.meta.url).href)};
    const { cache } = await openUser({ library: '${library}', port: ${server.port}, shared: 'alone' });
    while (cache.health().bus.state !== 'live') await new Promise((resolve) => setTimeout(resolve, 10));
    console.log('live');
    for (const socket of process._getActiveHandles()) socket.unref?.();
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (text) => {
    said += text;
  });
  const [code] = await once(child, 'exit');
  assert.deepEqual([said, code], ['live\n', 0]);
});

it('options that mean nothing are refused', async () => {
  const client = await CLIENTS[library](server.port);
  for (const thread of ['./client.mjs', 'https://example.com/client.mjs', 1, true]) {
    assert.throws(() => redisBus(client, { thread: /** @type {any} */ (thread) }), {
      code: 'ERR_TIERCEL_INVALID_OPTION',
      message: /thread.*file: URL/,
    });
  }
  client[Symbol.dispose]();
});
