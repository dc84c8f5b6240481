import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { ask as askAt, leave } from './support/client.mjs';
import { bundled } from './support/modules.mjs';
import { Origin } from './support/origin.mjs';
import { startWorkerd } from './support/workerd.mjs';

const ENTRY = fileURLToPath(new URL('../../examples/edge-worker/src/worker.mjs', import.meta.url));
const TOKEN = 'a token of this test';

/** @type {Origin} */
let origin;
/** @type {import('./support/workerd.mjs').Workerd} */
let edge;

before(async () => {
  origin = await Origin.start();
  edge = await startWorkerd({
    modules: await bundled(ENTRY),
    compatibilityDate: '2026-11-01',
    env: { ORIGIN: origin.url, INVALIDATE_TOKEN: TOKEN },
  });
});

after(async () => {
  await edge?.stop();
  await origin?.stop();
});

/**
 * @param {string} path
 * @param {Parameters<typeof askAt>[2]} [options]
 */
function ask(path, options) {
  return askAt(edge.url, path, options);
}

/** @param {string[]} tags */
function invalidate(...tags) {
  const query = tags.map((tag) => `tag=${encodeURIComponent(tag)}`).join('&');
  return ask(`/__invalidate?${query}`, { method: 'POST', headers: { authorization: `Bearer ${TOKEN}` } });
}

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

describe('a client that leaves', () => {
  test('does not take the load with it: the next gets the answer of the same fetch', async (t) => {
    const release = origin.hold('/left');
    await leave(edge.url, '/left', () => origin.asked('/left', 1));
    const second = ask('/left');
    setTimeout(release, 300);
    const { text, status, milliseconds } = await second;
    t.diagnostic(`answered after ${milliseconds.toFixed(0)} ms, with the origin's answer at 300 ms`);
    assert.equal(status, 200);
    assert.equal(text, '/left 1');
    assert.ok(milliseconds < 900, `${milliseconds} ms`);
    assert.equal(origin.count('/left'), 1);
  });

  test('does not hang the next if the origin never answers it', async (t) => {
    const release = origin.hold('/stuck');
    await leave(edge.url, '/stuck', () => origin.asked('/stuck', 1));
    const second = ask('/stuck');
    // Nothing is answered before the second has begun a load of its own.
    void origin.asked('/stuck', 2).then(release);
    const { text, status, detail, milliseconds } = await second;
    t.diagnostic(`answered after ${milliseconds.toFixed(0)} ms, by a load of its own after the wait of 1000 ms`);
    assert.equal(status, 200);
    assert.match(text, /^\/stuck [12]$/);
    assert.equal(detail, 'MISS');
    assert.ok(milliseconds > 900 && milliseconds < 1_600, `${milliseconds} ms`);
  });
});

describe('an origin that takes longer than a request waits for another', () => {
  test('is asked a few times, and what it says is kept', async (t) => {
    origin.serve('/slow', { delay: 1_500 });
    /** @type {ReturnType<typeof ask>[]} */
    const asking = [];
    for (let i = 0; i < 10; i++) {
      asking.push(ask('/slow'));
      await sleep(250);
    }
    const answers = await Promise.all(asking);
    const longest = Math.max(...answers.map(({ milliseconds }) => milliseconds));
    t.diagnostic(`longest answer ${longest.toFixed(0)} ms, ${origin.count('/slow')} requests to the origin`);
    assert.ok(longest < 3_500, `${longest} ms`);
    assert.ok(origin.count('/slow') <= 4, `${origin.count('/slow')} requests`);
    assert.equal((await ask('/slow')).detail, 'HIT');
  });
});

describe('an invalidation', () => {
  test('by a tag of the origin is seen by the next request', async () => {
    origin.serve('/tagged/1', { headers: { 'cache-tag': 'news, front page' } });
    origin.serve('/tagged/2', { headers: { 'cache-tag': 'news' } });
    for (const path of ['/tagged/1', '/tagged/2', '/untagged']) assert.equal((await ask(path)).detail, 'MISS');
    assert.equal((await ask('/tagged/1')).headers['cache-tag'], undefined);
    assert.deepEqual(JSON.parse((await invalidate('front page')).text), { removed: 1 });
    assert.equal((await ask('/tagged/1')).text, '/tagged/1 2');
    assert.equal((await ask('/tagged/2')).detail, 'HIT');
    assert.deepEqual(JSON.parse((await invalidate('news', 'no such tag')).text), { removed: 2 });
    for (const path of ['/tagged/1', '/tagged/2']) assert.equal((await ask(path)).detail, 'MISS');
    assert.equal((await ask('/untagged')).detail, 'HIT');
  });

  test('by path is seen by the next request', async () => {
    await ask('/by-path?a=1');
    await ask('/by-path?a=2');
    assert.deepEqual(JSON.parse((await invalidate('/by-path?a=1')).text), { removed: 1 });
    assert.equal((await ask('/by-path?a=1')).detail, 'MISS');
    assert.equal((await ask('/by-path?a=2')).detail, 'HIT');
  });

  test('voids a load that is on its way', async () => {
    origin.serve('/overtaken', { headers: { 'cache-tag': 'overtaken' } });
    const release = origin.hold('/overtaken');
    const first = ask('/overtaken');
    await origin.asked('/overtaken', 1);
    await invalidate('overtaken');
    release();
    const answer = await first;
    assert.equal(answer.text, '/overtaken 1');
    assert.equal(answer.headers['cache-status'], 'tiercel; fwd=uri-miss; detail=MISS');
    assert.equal((await ask('/overtaken')).text, '/overtaken 2');
  });

  test('needs POST, the token and a tag', async () => {
    await ask('/guarded');
    const path = '/__invalidate?tag=/guarded';
    const method = 'POST';
    const authorization = `Bearer ${TOKEN}`;
    assert.equal((await ask(path)).status, 405);
    assert.equal((await ask(path, { method })).status, 401);
    assert.equal((await ask(path, { method, headers: { authorization: 'Bearer no' } })).status, 401);
    assert.equal((await ask(path, { method, headers: { authorization: `${authorization}x` } })).status, 401);
    assert.equal((await ask('/__invalidate?tag=', { method, headers: { authorization } })).status, 400);
    assert.equal((await ask('/guarded')).detail, 'HIT');
    assert.equal((await ask(path, { method, headers: { authorization } })).status, 200);
    assert.equal((await ask('/guarded')).detail, 'MISS');
  });
});

describe('trouble at the origin', () => {
  for (const status of [404, 500, 503]) {
    test(`such as a ${status} is passed on and not kept`, async () => {
      const path = `/status/${status}`;
      origin.serve(path, { status, headers: { 'cache-control': 'max-age=60' } });
      for (let count = 1; count <= 2; count++) {
        const answer = await ask(path);
        assert.equal(answer.status, status);
        assert.equal(answer.text, `${path} ${count}`);
        assert.equal(answer.headers['cache-status'], 'tiercel; fwd=uri-miss; detail=MISS');
      }
      origin.serve(path, {});
      assert.equal((await ask(path)).status, 200);
    });
  }

  test('such as a broken connection is a 502 for all who wait, and not kept', async () => {
    origin.serve('/broken', { status: 0 });
    const release = origin.hold('/broken');
    const asking = [ask('/broken'), ask('/broken')];
    await origin.asked('/broken', 1);
    await sleep(50);
    release();
    for (const answer of await Promise.all(asking)) {
      assert.equal(answer.status, 502);
      assert.equal(answer.detail, 'ERROR');
    }
    origin.serve('/broken', {});
    assert.equal((await ask('/broken')).detail, 'MISS');
  });

  test('during a refresh leaves the stale response in service, a 404 does not', async () => {
    const headers = { 'cache-control': 'max-age=1' };
    for (const path of ['/outage', '/gone']) origin.serve(path, { headers });
    for (const path of ['/outage', '/gone']) await ask(path);
    await sleep(1_100);
    origin.serve('/outage', { status: 503 });
    origin.serve('/gone', { status: 404 });
    for (const path of ['/outage', '/gone']) {
      assert.equal((await ask(path)).detail, 'STALE');
      await origin.asked(path, 2);
    }
    assert.equal(
      (
        await eventually(
          () => ask('/gone'),
          ({ detail }) => detail !== 'STALE',
        )
      ).status,
      404,
    );
    const outage = await ask('/outage');
    assert.equal(outage.detail, 'STALE');
    assert.equal(outage.text, '/outage 1');
  });
});

describe('not kept', () => {
  /** @type {Record<string, Record<string, string>>} */
  const personal = {
    'a request with Authorization': { authorization: 'Basic dTpw' },
    'a request with a cookie': { cookie: 'session=1' },
    'a request for a range': { range: 'bytes=0-1' },
    'a request that forbids storing': { 'cache-control': 'no-store' },
    'a request whose Cache-Control is malformed': { 'cache-control': 'max-age="' },
  };
  for (const [name, headers] of Object.entries(personal)) {
    test(name, async () => {
      const path = `/request/${encodeURIComponent(name)}`;
      await ask(path);
      const answer = await ask(path, { headers });
      assert.equal(answer.headers['cache-status'], 'tiercel; fwd=bypass; detail=BYPASS');
      assert.equal(answer.text, `${path} 2`);
      for (const [field, value] of Object.entries(headers)) assert.equal(origin.last(path)?.headers[field], value);
      assert.equal((await ask(path)).text, `${path} 1`);
    });
  }

  /** @type {Record<string, Record<string, string>>} */
  const forbidding = {
    private: { 'cache-control': 'max-age=60, private' },
    'private for a field': { 'cache-control': 'max-age=60, private="x-user"' },
    'no-store in capitals': { 'cache-control': 'max-age=60, NO-STORE' },
    'no-cache': { 'cache-control': 'no-cache' },
    'a malformed Cache-Control': { 'cache-control': 'max-age=60; private' },
    'two different ages': { 'cache-control': 'max-age=60, max-age=10' },
    'an age that is no number': { 'cache-control': 'max-age=soon' },
    'no time left': { 'cache-control': 'max-age=60', age: '60' },
    'a malformed Age': { 'cache-control': 'max-age=60', age: 'old' },
    'an Expires that is past': { expires: 'Thu, 01 Jan 1970 00:00:00 GMT' },
    'an Expires that is malformed': { expires: '0' },
    'Set-Cookie': { 'set-cookie': 'session=1', 'cache-control': 'max-age=60' },
    'Vary: *': { vary: '*' },
    'Vary: Cookie': { vary: 'Accept, Cookie' },
    'Vary: User-Agent': { vary: 'User-Agent' },
    'too many tags': { 'cache-tag': Array.from({ length: 64 }, (_, i) => `tag${i}`).join(',') },
    'a tag that is too long': { 'cache-tag': 'x'.repeat(1025) },
  };
  for (const [name, headers] of Object.entries(forbidding)) {
    test(`a response with ${name}`, async () => {
      const path = `/response/${encodeURIComponent(name)}`;
      origin.serve(path, { headers });
      for (let count = 1; count <= 2; count++) {
        const answer = await ask(path);
        assert.equal(answer.text, `${path} ${count}`);
        assert.equal(answer.cache.fwd, 'uri-miss');
        assert.ok(!('stored' in answer.cache));
      }
    });
  }

  test('what one client got, for another that asked at the same time', async () => {
    origin.serve('/login', { headers: { 'set-cookie': 'session=1' }, body: (count) => `session ${count}` });
    const release = origin.hold('/login');
    const asking = [ask('/login'), ask('/login')];
    await origin.asked('/login', 1);
    await sleep(50);
    release();
    const answers = await Promise.all(asking);
    assert.deepEqual(answers.map(({ text }) => text).sort(), ['session 1', 'session 2']);
    assert.deepEqual(answers.map(({ headers }) => headers['cache-status']).sort(), [
      'tiercel; fwd=uri-miss; collapsed=?0; detail=BYPASS',
      'tiercel; fwd=uri-miss; detail=BYPASS',
    ]);
  });

  test('a POST, which also voids what was kept of its URL', async () => {
    await ask('/form');
    for (let count = 2; count <= 3; count++) {
      origin.serve('/form', { body: `posted ${count}` });
      const answer = await ask('/form', { method: 'POST', body: 'a=1' });
      assert.equal(answer.headers['cache-status'], 'tiercel; fwd=method; detail=BYPASS');
      assert.equal(answer.text, `posted ${count}`);
    }
    origin.serve('/form', {});
    const answer = await ask('/form');
    assert.equal(answer.text, '/form 4');
    assert.equal(answer.detail, 'MISS');
  });

  test('a long body, which arrives whole', async () => {
    const bytes = new Uint8Array(3 * 1024 * 1024).map((_, i) => i * 31);
    for (const [path, headers] of Object.entries({
      '/long': { 'content-length': String(bytes.length) },
      '/long-chunked': { 'transfer-encoding': 'chunked' },
    })) {
      origin.serve(path, { headers, body: bytes });
      for (let count = 1; count <= 2; count++) {
        const answer = await ask(path);
        assert.equal(answer.detail, 'BYPASS');
        assert.ok(answer.bytes.equals(bytes), `${path}: ${answer.bytes.length} bytes`);
        assert.equal(origin.count(path), count);
      }
    }
  });

  test('what a URL longer than a key brings', async () => {
    const path = `/very-long?${'x'.repeat(9_000)}`;
    for (let count = 1; count <= 2; count++) assert.equal((await ask(path)).detail, 'BYPASS');
    assert.equal(origin.count('/very-long'), 2);
  });
});

describe('the origin', () => {
  test('is shown nothing of a client but what is in the key', async () => {
    const headers = {
      'x-forwarded-host': 'evil.example',
      'user-agent': 'test',
      referer: 'https://a.example/',
      te: 'x',
    };
    await ask('/headers', { headers: { ...headers, accept: 'text/css' } });
    const shown = origin.last('/headers')?.headers ?? {};
    assert.equal(shown.accept, 'text/css');
    for (const name of Object.keys(headers)) assert.equal(shown[name], undefined, name);
  });

  test('is the only host that is asked, whatever the path says', async () => {
    const answer = await ask('//example.com/path');
    assert.equal(answer.status, 200);
    assert.equal(origin.last('//example.com/path')?.headers.host, origin.address);
  });

  test('may be a service binding', async () => {
    const other = await startWorkerd({
      modules: await bundled(ENTRY),
      compatibilityDate: '2026-11-01',
      services: { ORIGIN: origin.address },
    });
    try {
      for (const detail of ['MISS', 'HIT']) {
        const answer = await askAt(other.url, '/service');
        assert.equal(answer.text, '/service 1');
        assert.equal(answer.detail, detail);
      }
      const off = await askAt(other.url, '/__invalidate?tag=/service', { method: 'POST' });
      assert.equal(off.status, 404);
    } finally {
      await other.stop();
    }
  });
});

/**
 * Asks again until the answer is as awaited, for at most two seconds.
 *
 * @template T
 * @param {() => Promise<T>} action
 * @param {(answer: T) => boolean} awaited
 */
async function eventually(action, awaited) {
  const limit = performance.now() + 2_000;
  while (true) {
    const answer = await action();
    if (awaited(answer)) return answer;
    assert.ok(performance.now() < limit, `still ${JSON.stringify(answer)}`);
    await sleep(10);
  }
}
