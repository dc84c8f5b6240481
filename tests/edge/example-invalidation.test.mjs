// Invalidations by the worker of examples/edge-worker.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ask, origin, TOKEN } from './support/example.mjs';

/** @param {string[]} tags */
function invalidate(...tags) {
  const query = tags.map((tag) => `tag=${encodeURIComponent(tag)}`).join('&');
  return ask(`/__invalidate?${query}`, { method: 'POST', headers: { authorization: `Bearer ${TOKEN}` } });
}

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
