// Changes that are made within one turn, over every client: how they are sent, and in which order they count.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { redisTier } from 'tiercel/redis';
import { WITH_REST } from './support/clients.mjs';
import { startServer } from './support/server.mjs';

const CALL = { signal: new AbortController().signal };
const NS = ['cache'];
const entry = (value) => ({ value, ttl: 60_000, stale: 0, tags: ['t'], dependsOn: [] });
const place = (key) => ({ namespace: NS, key });
const set = (tier, key, value) => tier.write([{ ...place(key), entry: entry(value) }], CALL);
const change = (tier, ...changes) => tier.change(changes, CALL);
const deleted = (key) => ({ kind: 'delete', ...place(key) });
const tag = { kind: 'tags', namespace: NS, tags: ['t'] };

async function valueAt(tier, key) {
  const [found] = await tier.read([{ ...place(key), lease: false, tags: [], dependsOn: [] }], CALL);
  return found.entry?.value;
}

let server;
before(async () => {
  server = await startServer();
});
after(() => server.stop());

for (const [library, connect] of Object.entries(WITH_REST)) {
  describe(`over ${library}`, () => {
    let client;
    let tier;
    before(async () => {
      client = await connect(server.port);
    });
    after(() => client[Symbol.dispose]());
    beforeEach(async () => {
      await server.command('FLUSHALL');
      tier = redisTier(client, { timeout: 5_000 });
      await set(tier, 'k', 'before');
    });
    const callsOf = () => /** @type {any} */ (tier.health()).calls;

    it('they go out together, 64 in a call, and each hears of what it concerned', async () => {
      const keys = Array.from({ length: 150 }, (_, i) => `k${i}`);
      await Promise.all(keys.filter((_, i) => i % 2 === 0).map((key) => set(tier, key, 1)));
      const before = callsOf();
      const counts = await Promise.all(keys.map((key) => change(tier, deleted(key))));
      assert.equal(callsOf() - before, 3);
      assert.deepEqual(
        counts,
        keys.map((_, i) => [i % 2 === 0 ? 1 : 0]),
      );
      assert.deepEqual(await change(tier, deleted('k'), deleted('none')), [1, 0]);
      assert.deepEqual(await change(tier), []);
    });

    it('they come before what is set after them, and after what was set before', async () => {
      await Promise.all([set(tier, 'k', 1), change(tier, deleted('k')), set(tier, 'k', 2)]);
      assert.equal(await valueAt(tier, 'k'), 2);
      await Promise.all([change(tier, tag), set(tier, 'k', 3), change(tier, deleted('other')), change(tier, tag)]);
      assert.equal(await valueAt(tier, 'k'), undefined);
      await set(tier, 'k', 4);
      const [, value] = await Promise.all([change(tier, tag), valueAt(tier, 'k')]);
      assert.equal(value, undefined);
    });
  });
}
