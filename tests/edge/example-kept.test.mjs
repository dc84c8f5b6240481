// What the worker of examples/edge-worker keeps, and for how long.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { ask, eventually, origin } from './support/example.mjs';

describe('a response that may be kept', () => {
  test('is a MISS, then a HIT', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const headers = { 'content-type': 'image/png', 'content-security-policy': "default-src 'none'", etag: '"1"' };
    origin.serve('/hit', { headers, body: bytes });
    const miss = await ask('/hit?size=1');
    assert.equal(miss.headers['cache-status'], 'tiercel; fwd=uri-miss; stored; detail=MISS');
    const hit = await ask('/hit?size=1');
    assert.match(String(hit.headers['cache-status']), /^tiercel; hit; ttl=(59|60); detail=HIT$/);
    assert.equal(origin.count('/hit'), 1);
    for (const { status, headers: got, bytes: body } of [miss, hit]) {
      assert.equal(status, 200);
      assert.deepEqual(new Uint8Array(body), bytes);
      for (const [name, value] of Object.entries(headers)) assert.equal(got[name], value);
    }
    assert.match(String(hit.headers.age), /^[01]$/);
    assert.equal((await ask('/hit?size=2')).detail, 'MISS');
  });

  test('is STALE after its time, while one refresh brings the next HIT', async () => {
    origin.serve('/stale', { headers: { 'cache-control': 'max-age=1' } });
    assert.equal((await ask('/stale')).text, '/stale 1');
    await sleep(1_100);
    const release = origin.hold('/stale');
    for (let i = 0; i < 3; i++) {
      const stale = await ask('/stale');
      assert.match(String(stale.headers['cache-status']), /^tiercel; hit; ttl=-\d; detail=STALE$/);
      assert.equal(stale.text, '/stale 1');
    }
    release();
    await origin.asked('/stale', 2);
    const fresh = await eventually(
      () => ask('/stale'),
      ({ detail }) => detail === 'HIT',
    );
    assert.equal(fresh.text, '/stale 2');
    assert.equal(origin.count('/stale'), 2);
  });

  test('is fetched once for requests that miss together', async () => {
    const release = origin.hold('/together');
    const asking = Array.from({ length: 10 }, () => ask('/together'));
    await origin.asked('/together', 1);
    await sleep(50);
    release();
    const answers = await Promise.all(asking);
    assert.equal(origin.count('/together'), 1);
    assert.deepEqual(new Set(answers.map(({ text }) => text)), new Set(['/together 1']));
    const statuses = answers.map(({ headers }) => String(headers['cache-status'])).sort();
    assert.equal(statuses.pop(), 'tiercel; fwd=uri-miss; stored; detail=MISS');
    assert.deepEqual(new Set(statuses), new Set(['tiercel; fwd=uri-miss; collapsed; detail=MISS']));
  });

  test('is kept for each value of a header that the origin is shown', async () => {
    origin.serve('/accept', {
      headers: { vary: 'Accept, Accept-Encoding' },
      body: (_count, { headers }) => String(headers.accept),
    });
    for (const detail of ['MISS', 'HIT']) {
      for (const accept of ['text/html', 'application/json']) {
        const answer = await ask('/accept', { headers: { accept } });
        assert.equal(answer.text, accept);
        assert.equal(answer.detail, detail);
      }
    }
  });

  test('answers a HEAD too, as a GET would be answered', async () => {
    const miss = await ask('/head', { method: 'HEAD' });
    assert.equal(miss.detail, 'MISS');
    assert.equal(origin.last('/head')?.method, 'GET');
    const hit = await ask('/head', { method: 'HEAD' });
    assert.equal(hit.detail, 'HIT');
    assert.equal(hit.text, '');
    assert.equal(hit.headers['content-length'], String('/head 1'.length));
    assert.equal((await ask('/head')).text, '/head 1');
    assert.equal(origin.count('/head'), 1);
  });

  test('may be a redirection', async () => {
    origin.serve('/moved', { status: 301, headers: { location: '/elsewhere' } });
    for (const detail of ['MISS', 'HIT']) {
      const answer = await ask('/moved');
      assert.equal(answer.detail, detail);
      assert.equal(answer.status, 301);
      assert.equal(answer.headers.location, '/elsewhere');
    }
    assert.equal(origin.count('/elsewhere'), 0);
  });

  test('is kept decoded', async () => {
    const text = 'compressed '.repeat(100);
    origin.serve('/gzip', { headers: { 'content-encoding': 'gzip' }, body: gzipSync(text) });
    for (const detail of ['MISS', 'HIT']) {
      const answer = await ask('/gzip');
      assert.equal(answer.detail, detail);
      assert.equal(answer.text, text);
    }
  });

  test('keeps the age it came with, and what caches before this one said', async () => {
    origin.serve('/aged', {
      headers: { age: '10', 'cache-control': 'max-age=30', 'cache-status': 'Inner; fwd=uri-miss; stored' },
    });
    await ask('/aged');
    const { headers, cache } = await ask('/aged');
    assert.match(String(headers.age), /^1[01]$/);
    assert.ok(Number(cache.ttl) <= 20 && Number(cache.ttl) >= 18, `ttl ${cache.ttl}`);
    assert.match(String(headers['cache-status']), /^Inner; fwd=uri-miss; stored, tiercel; hit; /);
  });

  test('is not served stale where the origin forbids it', async () => {
    origin.serve('/must', { headers: { 'cache-control': 'max-age=1, must-revalidate' } });
    await ask('/must');
    await sleep(1_100);
    const answer = await ask('/must');
    assert.equal(answer.text, '/must 2');
    assert.equal(answer.headers['cache-status'], 'tiercel; fwd=stale; stored; detail=EXPIRED');
    assert.equal((await ask('/must')).detail, 'HIT');
  });
});
