// What one thread changes, and what others with the same memory read meanwhile.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { createCache, memoryRemote } from 'tiercel';
import { redisBus } from 'tiercel/redis';
import { CLIENTS } from './support/clients.mjs';
import { startProxy } from './support/proxy.mjs';
import { startServer, until } from './support/server.mjs';
import { BEATS, moduleFor } from './support/thread-user.mjs';
import * as threads from './support/threads.mjs';

const library = 'ioredis';

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
const startUser = (user) => threads.startUser(user, closing);
const openHere = (user) => threads.openHere(user, closing);

/** A promise that is resolved by hand. */
function deferred() {
  /** @type {(value?: unknown) => void} */
  let resolve = () => undefined;
  const promise = new Promise((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Waits until nothing more happens by itself. */
async function settled() {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Two caches with one memory, as threads have it: each has it open for itself. What the second tier does can be held up.
 * @param {import('tiercel').CacheOptions} [options]
 */
async function openTwo(options) {
  const shared = newName();
  const remote = memoryRemote();
  const user = { library, port: server.port, shared, options: { remote, ...options } };
  const [a, b] = [await openHere(user), await openHere(user)];
  return { remote, user, a: a.cache, b: b.cache, shared };
}

describe('what one thread sets', () => {
  it('stays in the memory of all', async () => {
    const { a, b } = await openTwo();
    await a.set('k', 1);
    await b.setMany([
      ['l', 2],
      ['m', 3],
    ]);
    // What follows is heard after what was said of those.
    const { cache: other } = await openHere({ library, port: server.port, options: { remote: memoryRemote() } });
    await other.delete('last');
    await until('that came', () => a.stats().heard > 0);
    for (const cache of [a, b])
      assert.deepEqual(
        ['k', 'l', 'm'].map((key) => cache.memory.get(key)),
        [1, 2, 3],
      );
  });

  it('goes again as long as there is one that does not see what is on its way', async () => {
    const { a, shared } = await openTwo();
    const goes = async () => {
      await a.set('k', 1);
      return a.memory.get('k') === undefined;
    };
    const remote = memoryRemote();
    const user = { library, port: server.port, shared, options: { remote } };
    assert.equal(await goes(), false);
    const other = await openHere({ ...user, bus: { heartbeat: 60 } });
    assert.equal(await goes(), true);
    await other.close();
    await until('it stays', async () => !(await goes()));
    // That is not told at once, as such a one does not know of the others.
    const alone = await openHere({ ...user, threaded: false });
    await until('it goes', goes);
    await alone.close();
    await until('it stays', async () => !(await goes()));
    const without = await createCache({ memory: { shared }, remote });
    await until('it goes', goes);
    await without.close();
    await until('it stays', async () => !(await goes()));
  });

  it('goes again if it is set by the 65th, or one after that, for which there is no room', async () => {
    const client = await CLIENTS[library](server.port);
    closing.push(() => client[Symbol.dispose]());
    const shared = newName();
    const thread = moduleFor(library, server.port);
    const caches = await Promise.all(
      Array.from({ length: 66 }, () =>
        createCache({ memory: { shared }, remote: memoryRemote(), bus: redisBus(client, { ...BEATS, thread }) }),
      ),
    );
    closing.push(() => Promise.all(caches.map((cache) => cache.close())));
    await until('all are live', () => caches.every((cache) => cache.health().bus?.state === 'live'));
    const kept = [];
    for (const [i, cache] of caches.entries()) {
      await cache.set(`k${i}`, i);
      kept.push(cache.memory.has(`k${i}`));
    }
    assert.equal(kept.filter((is) => is).length, 64);
  });

  it('and what such a one brings back meanwhile goes with it', async () => {
    const { remote, a, shared } = await openTwo();
    const { cache: other } = await openHere({
      library,
      port: server.port,
      shared,
      bus: { heartbeat: 60 },
      options: { remote },
    });
    await a.getOrSet('k', () => 'old');
    await settled();
    const arrival = deferred();
    remote.fault = (operation) => (operation === 'read' ? undefined : { before: arrival.promise });
    const changing = a.set('k', 'new');
    other.memory.delete('k');
    assert.equal(await other.get('k'), 'old');
    assert.equal(a.memory.get('k'), 'old');
    arrival.resolve();
    await changing;
    assert.equal(await a.get('k'), 'new');
  });

  /** @type {Record<string, (cache: import('tiercel').Cache) => Promise<unknown>>} */
  const changes = {
    set: (cache) => cache.set('p:k', 'new'),
    delete: (cache) => cache.delete('p:k'),
    invalidateKeys: (cache) => cache.invalidateKeys('p:k'),
    invalidateTags: (cache) => cache.invalidateTags('t'),
    invalidatePrefix: (cache) => cache.invalidatePrefix('p:'),
    invalidatePattern: (cache) => cache.invalidatePattern('p:?'),
    clear: (cache) => cache.clear(),
  };
  for (const [name, change] of Object.entries(changes)) {
    it(`nobody reads in the second tier what ${name} has not brought there yet`, async () => {
      for (const isAnswerLate of [false, true]) {
        const { remote, a, b } = await openTwo();
        await a.getOrSet('p:k', () => 'old', { tags: ['t'] });
        await settled();
        const arrival = deferred();
        const answer = deferred();
        remote.fault = (operation) =>
          operation === 'read' ? { after: isAnswerLate ? answer.promise : 0 } : { before: arrival.promise };
        const changing = change(a);
        // As if it had had to make room.
        b.memory.delete('p:k');
        const reading = b.getOrSet('p:k', () => 'new', { tags: ['t'] });
        await settled();
        arrival.resolve();
        await changing;
        answer.resolve();
        assert.equal(await reading, 'new');
        remote.fault = undefined;
        await settled();
        for (const cache of [a, b]) assert.equal(await cache.getOrSet('p:k', () => 'new', { tags: ['t'] }), 'new');
      }
    });
  }

  it('nor what depends on it', async () => {
    const { remote, a, b } = await openTwo();
    await a.set('part', 1);
    await a.set('whole', 'old', { dependsOn: ['part'] });
    const arrival = deferred();
    remote.fault = (operation) => (operation === 'read' ? undefined : { before: arrival.promise });
    const changing = a.set('part', 2);
    b.memory.delete('whole');
    const reading = b.getOrSet('whole', () => 'new', { dependsOn: ['part'] });
    await settled();
    arrival.resolve();
    await changing;
    assert.equal(await reading, 'new');
    assert.equal(await a.get('whole'), 'new');
  });

  it('nor what a thread has on its way that waits for the second tier to come back', async () => {
    const { remote, a, b } = await openTwo({ breaker: { failures: 100, reset: '1h' } });
    await a.getOrSet('k', () => 'old');
    await settled();
    remote.fault = (operation) => (operation === 'read' ? undefined : { error: new Error('not now') });
    assert.equal((await a.invalidateKeys('k')).pending, true);
    assert.equal(await b.get('k'), undefined);
    remote.fault = undefined;
    assert.equal(await a.acknowledged(), true);
    assert.equal(await b.get('k'), undefined);
    await a.set('k', 'new');
    b.memory.clear();
    assert.equal(await b.get('k'), 'new');
  });

  it('is refused as before if memory does not take it, and leaves nothing on its way', async () => {
    const { a, b } = await openTwo();
    await assert.rejects(
      a.set('k', () => 1),
      { code: 'ERR_TIERCEL_NOT_SERIALIZABLE' },
    );
    await a.set('k', 1);
    a.memory.clear();
    assert.equal(await b.get('k'), 1);
  });

  it('is read in the second tier again once the thread is gone that had it on its way', async () => {
    const proxy = await startProxy(server.port);
    closing.push(() => proxy.close());
    const shared = newName();
    const { cache } = await openHere({ library, port: server.port, shared });
    await cache.set('k', 'there');
    const user = await startUser({ library, port: proxy.port, busPort: server.port, shared });
    proxy.blackhole();
    void user.call('set', 'k', 'lost');
    await until('it is set', () => cache.memory.peek('k') === 'lost');
    cache.memory.clear();
    assert.equal(await cache.get('k'), undefined);
    await user.worker.terminate();
    await until('it is read again', async () => (await cache.get('k')) === 'there');
  });

  it('is never older than what was acknowledged before, whichever thread asks', async (t) => {
    const shared = newName();
    const race = { versions: new SharedArrayBuffer(4 * 60), known: new SharedArrayBuffer(4 * 60), operations: 1_500 };
    const options = { memory: { shared, maxEntries: 40, shards: 1 } };
    // What one changes takes longer to get there than others take to read.
    const proxy = await startProxy(server.port);
    closing.push(() => proxy.close());
    proxy.delay(5, { down: false });
    const users = await Promise.all(
      [proxy.port, server.port, server.port].map((port) =>
        startUser({ library, port, busPort: server.port, shared, options }),
      ),
    );
    const results = await Promise.all(users.map((user, seed) => user.call('race', { ...race, seed, users: 3 })));
    const sum = (name) => results.reduce((all, result) => all + result[name], 0);
    t.diagnostic(JSON.stringify({ reads: sum('reads'), loads: sum('loads'), changes: sum('changes') }));
    assert.deepEqual(
      results.flatMap(({ stale }) => stale),
      [],
    );
    assert.ok(sum('loads') > 0 && sum('loads') < sum('reads'));
  });
});
