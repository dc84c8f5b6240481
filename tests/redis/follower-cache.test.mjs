// Two caches over one server, which tell each other what they change: what one of them finds in Redis it judges by what it
// has heard.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createCache } from 'tiercel';
import { redisBus, redisTier } from 'tiercel/redis';
import { CLIENTS } from './support/clients.mjs';
import { startProxy } from './support/proxy.mjs';
import { startServer, until } from './support/server.mjs';

const COUNT = 40;
const KEYS = Array.from({ length: COUNT }, (_, i) => `key ${i}`);
const tagsOf = (/** @type {string} */ key) => [`t${key.at(-1)}`];

for (const library of Object.keys(CLIENTS)) {
  describe(`caches over ${library}`, () => {
    let server;
    /** Between the reader's bus and the server. */
    let way;
    /** @type {(() => Promise<void>)[]} */
    const closing = [];
    let reader;
    let writer;

    async function open(more = {}, port = server.port) {
      const connect = CLIENTS[library];
      const clients = [await connect(server.port), await connect(port)];
      const cache = await createCache({
        remote: redisTier(clients[0], { timeout: '5s' }),
        bus: redisBus(clients[1], { timeout: '5s' }),
        remoteTimeout: '5s',
        defaults: { ttl: '10m' },
        ...more,
      });
      closing.push(async () => {
        await cache.close();
        for (const client of clients) client[Symbol.dispose]();
      });
      await until('it is well', () => cache.health().ok);
      return cache;
    }

    before(async () => {
      server = await startServer();
      way = await startProxy(server.port);
      writer = await open();
      // All that it reads it has from Redis.
      reader = await open({ memory: { maxEntries: 1 } }, way.port);
    });
    after(async () => {
      for (const close of closing) await close();
      await way.close();
      await server.stop();
    });

    const judged = () => reader.health().remote.details.tokens.judged;
    const set = (/** @type {string} */ value) =>
      Promise.all(KEYS.map((key) => writer.set(key, `${value} of ${key}`, { tags: tagsOf(key) })));
    const get = () => Promise.all(KEYS.map((key) => reader.get(key)));
    /** Reads until entries are judged without Redis. */
    async function learn(/** @type {string} */ value) {
      const before = judged();
      await until('it has learned', async () => {
        for (const key of KEYS) assert.equal(await reader.get(key), `${value} of ${key}`);
        return judged() > before;
      });
    }
    const heard = async (/** @type {() => Promise<unknown>} */ change) => {
      const { heard: before } = reader.stats();
      await change();
      await until('it has heard of it', () => reader.stats().heard > before);
    };

    it('judge what they find by what they have heard', async () => {
      await set('first');
      await learn('first');
      await heard(() => writer.invalidateTags('t3', 't7'));
      for (const [i, value] of (await get()).entries())
        assert.equal(value, [3, 7].includes(i % 10) ? undefined : `first of ${KEYS[i]}`);
      await heard(() => writer.invalidatePrefix('key 1'));
      assert.ok((await get()).slice(10, 20).every((value) => value === undefined));
      await heard(() => writer.clear());
      assert.ok((await get()).every((value) => value === undefined));
      await set('second');
      await learn('second');
    });

    it('know of what they change themselves at once', async () => {
      await set('third');
      await learn('third');
      const changing = reader.invalidateTags('t1');
      assert.equal(await reader.get('key 1'), undefined);
      await changing;
      assert.equal(await reader.get('key 11'), undefined);
      assert.equal(await reader.get('key 12'), 'third of key 12');
    });

    it('have Redis judge while they hear of nothing', async () => {
      await set('fourth');
      await learn('fourth');
      await way.refuse();
      await until('the bus is down', () => reader.health().bus.state === 'down');
      const before = judged();
      await writer.invalidateTags('t5');
      for (const [i, value] of (await get()).entries())
        assert.equal(value, i % 10 === 5 ? undefined : `fourth of ${KEYS[i]}`);
      assert.equal(judged(), before);
      await way.pass();
      await until('it is well', () => reader.health().ok);
      await set('fifth');
      await learn('fifth');
    });
  });
}
