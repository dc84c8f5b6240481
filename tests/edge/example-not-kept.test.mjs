// What the worker of examples/edge-worker passes on and does not keep.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask, origin } from './support/example.mjs';

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
