// @ts-check
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { createRandom, createZipf } from '../../examples/markdown-service/load/random.mjs';
import { shortfalls } from '../../examples/markdown-service/load/report.mjs';
import { Verifier } from '../../examples/markdown-service/load/verifier.mjs';
import { endAll, run } from './support/service.mjs';

after(endAll);

describe('the load on the Markdown service', () => {
  it('shows that the cache does what it is there for', async () => {
    const { output, ended } = run(['--load', '2000']);
    const { code } = await ended;
    assert.equal(code, 0, output.stdout + output.stderr);
    for (const row of ['requests/s', 'p50 ms', 'p99 ms', 'renders', 'hit rate'])
      assert.match(output.stdout, new RegExp(`^${row} `, 'm'));
    assert.match(output.stdout, /^without cache {2}100 %/m);
    assert.match(output.stdout, /\npassed\n$/);
  });

  it('fails for each thing that the cache falls short of', () => {
    const without = {
      perSecond: 300,
      p50: 10,
      p99: 20,
      p50Alone: 3,
      renders: 1_000,
      hitRate: 0,
      slowestEdit: 1,
      edits: 9,
    };
    const good = { ...without, p50: 3, p50Alone: 0.9, renders: 400, hitRate: 0.81 };
    assert.deepEqual(shortfalls(without, good), []);
    assert.match(String(shortfalls(without, { ...good, hitRate: 0.8 })), /^hit rate not above 80 %$/);
    assert.match(String(shortfalls(without, { ...good, p50: 3.01 })), /^p50 fell by less than 70 %$/);
    assert.match(String(shortfalls(without, { ...good, p50Alone: 0.91 })), /^p50 on one connection fell/);
    assert.match(String(shortfalls(without, { ...good, renders: 401 })), /^renders fell by less than 60 %$/);
    assert.equal(shortfalls(without, { ...good, p50: Number.NaN, hitRate: Number.NaN }).length, 2);
  });

  it('notices every kind of wrong answer', () => {
    const body = (/** @type {string} */ text) => ({ body: Buffer.from(text), hash: text });
    const right = {
      status: 200,
      cacheStatus: '',
      sent: performance.now(),
      milliseconds: 1,
      ...body('Page 7, revision 0.'),
    };
    const verifier = new Verifier(new Map());
    assert.equal(verifier.check(7, right), 0);
    assert.throws(() => verifier.check(7, { ...right, status: 500 }), /status 500/);
    assert.throws(() => verifier.check(8, right), /not that page/);
    assert.throws(() => verifier.check(7, { ...right, ...body('Page 7, revision 0. Changed') }), /differs/);

    assert.equal(verifier.nextRevision(7), 1);
    verifier.written(7);
    const soon = { ...right, sent: performance.now() + 500 };
    assert.equal(verifier.check(7, soon), 0);
    assert.throws(() => verifier.check(7, { ...right, sent: performance.now() + 2_000 }), /revision 0 1000 ms after 1/);
    assert.equal(verifier.check(7, { ...soon, ...body('Page 7, revision 1.') }), 1);
    assert.throws(() => verifier.check(7, soon), /revision 0 after 1 was served/);
  });

  it('draws the same pages every time, popular ones more often', () => {
    const draw = () => {
      const next = createZipf(100, 0.95, createRandom(1));
      return Array.from({ length: 50_000 }, next);
    };
    const ranks = draw();
    assert.deepEqual(draw(), ranks);
    const times = (/** @type {number} */ rank) => ranks.filter((drawn) => drawn === rank).length;
    assert.ok(Math.min(...ranks) === 0 && Math.max(...ranks) === 99);
    // 1 / 1 against 1 / 10 ^ 0.95.
    assert.ok(Math.abs(times(0) / times(9) - 10 ** 0.95) < 1.5, `${times(0) / times(9)}`);
  });
});
