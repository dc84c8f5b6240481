import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ask, leave } from './support/client.mjs';
import { bundled, unbundled } from './support/modules.mjs';
import { Origin } from './support/origin.mjs';
import { startWorkerd } from './support/workerd.mjs';

/** @typedef {import('./support/workerd.mjs').Workerd} Workerd */

const EXAMPLE = fileURLToPath(new URL('../../examples/edge-worker/src/worker.mjs', import.meta.url));
const SELF_TEST = fileURLToPath(new URL('workers/self-test.mjs', import.meta.url));
const STRANDED = fileURLToPath(new URL('workers/stranded.mjs', import.meta.url));

// From 2024-10-14 on, a promise settles in the request that made it and never after that has ended; from late
// 2026 on, nodejs_compat is on by default.
const RUNTIMES = [
  { compatibilityDate: '2023-03-01', compatibilityFlags: [], modulesOf: bundled },
  { compatibilityDate: '2023-03-01', compatibilityFlags: ['nodejs_compat'], modulesOf: unbundled },
  { compatibilityDate: '2026-06-01', compatibilityFlags: [], modulesOf: unbundled },
  { compatibilityDate: '2026-06-01', compatibilityFlags: ['nodejs_compat'], modulesOf: bundled },
  { compatibilityDate: '2026-11-01', compatibilityFlags: [], modulesOf: bundled },
];

/** @type {Origin} */
let origin;
before(async () => {
  origin = await Origin.start();
});
after(() => origin?.stop());

for (const [index, { modulesOf, ...compatibility }] of RUNTIMES.entries()) {
  const flags = compatibility.compatibilityFlags.join() || 'no flags';
  describe(`workerd as of ${compatibility.compatibilityDate}, ${flags}, ${modulesOf.name}`, () => {
    /** @type {Workerd[]} */
    const started = [];
    after(() => Promise.all(started.map((edge) => edge.stop())));
    /** @param {string} entry */
    const start = async (entry) => {
      const edge = await startWorkerd({
        modules: await modulesOf(entry),
        env: { ORIGIN: origin.url },
        ...compatibility,
      });
      started.push(edge);
      return edge;
    };
    // The origin counts by path.
    const root = `/runtime-${index}`;

    test('a cache does in it what it does elsewhere', async () => {
      const { url } = await start(SELF_TEST);
      /** @type {{ name: string, error?: string }[]} */
      const results = JSON.parse((await ask(url, '/check')).text);
      assert.ok(results.length >= 10);
      assert.deepEqual(
        results.filter(({ error }) => error !== undefined),
        [],
      );
    });

    test('what is set at module scope is there in the first request, and expires', async () => {
      // Idle for longer than the short ttls: they run from the first use, as there is no clock before it.
      const { url } = await start(SELF_TEST);
      await sleep(400);
      const first = JSON.parse((await ask(url, '/warm')).text);
      assert.deepEqual(first.values, ['set at module scope', 'gone soon', 'stale soon']);
      assert.ok(first.ttl > 59_000 && first.ttl <= 60_000, `ttl ${first.ttl}`);
      assert.deepEqual(first.nested, { nested: true });
      assert.equal(first.stale, false);
      await sleep(350);
      const second = JSON.parse((await ask(url, '/warm')).text);
      assert.deepEqual(second.values, ['set at module scope', null, null]);
      assert.equal(second.stale, true);
      assert.ok(second.ttl < first.ttl - 300, `ttl ${second.ttl} after ${first.ttl}`);
    });

    test('the example: MISS, HIT, and one fetch for requests that miss together', async () => {
      const { url } = await start(EXAMPLE);
      const path = `${root}/example`;
      const release = origin.hold(path);
      const asking = [1, 2, 3].map(() => ask(url, path));
      await origin.asked(path, 1);
      await sleep(50);
      release();
      for (const { detail } of await Promise.all(asking)) assert.equal(detail, 'MISS');
      assert.equal((await ask(url, path)).detail, 'HIT');
      assert.equal(origin.count(path), 1);
    });

    test('a load that ended with its request does not hang those who wait for it', async (t) => {
      const { url, log } = await start(STRANDED);
      for (const [query, limit] of /** @type {const} */ ([
        ['', 1_000],
        ['?wait=250', 250],
        ['?tiers', 1_000],
        ['?tiers&wait=250', 250],
        ['?batch&wait=250', 250],
      ])) {
        const path = `${root}/load${query.replace(/\W+/g, '-')}`;
        const release = origin.hold(path);
        await leave(url, path + query, () => origin.asked(path, 1));
        await sleep(50);
        const waiting = [1, 2, 3].map(() => ask(url, path + query));
        void origin.asked(path, 2).then(release);
        for (const { status, text, milliseconds } of await Promise.all(waiting)) {
          t.diagnostic(`waitTimeout ${limit} ms: ${status} after ${milliseconds.toFixed(0)} ms`);
          assert.equal(status, 200, log());
          assert.ok(text.startsWith(path), text);
          assert.ok(milliseconds < limit + 400, `${milliseconds} ms`);
        }
        assert.equal((await ask(url, path + query)).text, `${path} 2`, 'those who gave up shared one load');
      }
    });

    for (const tiers of ['', '&tiers'])
      test(`a refresh that ended with its request does not keep the next from refreshing ${tiers}`, async () => {
        const { url } = await start(STRANDED);
        const path = `${root}/refresh${tiers}`;
        const query = `?ttl=200&wait=250${tiers}`;
        assert.equal((await ask(url, path + query)).text, `${path} 1`);
        await sleep(250);
        const release = origin.hold(path);
        assert.equal((await ask(url, path + query)).text, `${path} 1`);
        await sleep(50);
        release();
        assert.equal((await ask(url, `${path}${query}&refresh`)).text, `${path} 1`);
        await sleep(400);
        assert.notEqual((await ask(url, path + query)).text, `${path} 1`);
      });
  });
}
