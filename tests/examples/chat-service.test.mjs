// @ts-check
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ask, endAll, makeFolder, startService } from './support/service.mjs';

const MAIN = fileURLToPath(new URL('../../examples/chat-service/main.mjs', import.meta.url));

after(endAll);

/** A client of one user. @param {string} url @param {string} user */
function clientOf(url, user) {
  return async (/** @type {string} */ method, /** @type {string} */ path, /** @type {unknown} */ body = undefined) => {
    const sent = { method, headers: { 'X-User': user }, ...(body !== undefined && { body: JSON.stringify(body) }) };
    const answer = await ask(url, path, sent);
    return {
      status: answer.status,
      cache: answer.headers['x-cache'],
      body: answer.body === '' ? undefined : JSON.parse(answer.body),
    };
  };
}

for (const engine of ['native', 'wasm']) {
  describe(`the chat service on ${engine}`, () => {
    /** @type {import('./support/service.mjs').Service} */
    let service;
    /** @type {ReturnType<typeof clientOf>} */
    let ada;
    /** @type {ReturnType<typeof clientOf>} */
    let bob;
    before(async () => {
      service = await startService([], { TIERCEL_ENGINE: engine }, MAIN);
      ada = clientOf(service.url, 'ada');
      bob = clientOf(service.url, 'bob');
    });
    after(async () => {
      assert.equal(await service.stop(), 0);
      assert.equal(service.output.stderr, '');
    });

    it('shows each write in the next answer, and what was not written from the cache', async () => {
      const { body: session } = await ada('POST', '/sessions', { title: 'Edge' });
      const path = `/sessions/${session.id}/messages`;
      assert.deepEqual(await ada('GET', path), { status: 200, cache: 'miss', body: [] });
      for (const text of ['one', 'two', 'three']) {
        assert.equal((await ada('POST', path, { role: 'user', text })).status, 201);
        const { cache, body } = await ada('GET', path);
        assert.equal(cache, 'miss');
        assert.equal(body.at(-1).text, text);
        assert.equal((await ada('GET', path)).cache, 'hit');
      }
      const latest = await ada('GET', `${path}?limit=2`);
      assert.deepEqual(
        latest.body.map((/** @type {{ text: string }} */ { text }) => text),
        ['two', 'three'],
      );
    });

    it('finds messages by text and role, from the cache until one is added', async () => {
      const { body: session } = await ada('POST', '/sessions', { title: 'Search' });
      const path = `/sessions/${session.id}/messages`;
      await ada('POST', path, { role: 'user', text: 'Where is the needle?' });
      const find = (query = 'q=NEEDLE') => ada('GET', `/search?${query}`);
      assert.equal((await find()).body.length, 1);
      assert.equal((await find('q=%20needle%20')).body.length, 1);
      assert.deepEqual((await find('q=needle&role=assistant')).body, []);
      assert.equal((await find()).cache, 'hit');
      await ada('POST', path, { role: 'assistant', text: 'The needle is here.' });
      assert.equal((await find()).body.length, 2);
      assert.equal((await find('q=needle&role=assistant')).body.length, 1);
    });

    it('shows nobody what belongs to another, also if it is cached', async () => {
      const { body: session } = await ada('POST', '/sessions', { title: 'Secret' });
      const path = `/sessions/${session.id}`;
      await ada('POST', `${path}/messages`, { role: 'user', text: 'hidden' });
      assert.equal((await ada('GET', `${path}/messages`)).body.length, 1);
      assert.equal((await ada('GET', path)).status, 200);
      assert.equal((await bob('GET', path)).status, 404);
      assert.deepEqual((await bob('GET', `${path}/messages`)).body, []);
      assert.deepEqual((await bob('GET', '/search?q=hidden')).body, []);
      assert.equal((await bob('POST', `${path}/messages`, { role: 'user', text: 'x' })).status, 404);
      assert.equal((await bob('DELETE', path)).status, 404);
      assert.equal((await ada('GET', path)).status, 200);
    });

    it('shows nothing of a session that was deleted', async () => {
      const { body: session } = await ada('POST', '/sessions', { title: 'Short' });
      const listed = async () =>
        (await ada('GET', '/sessions')).body.some((/** @type {{ id: number }} */ { id }) => id === session.id);
      assert.equal(await listed(), true);
      await ada('GET', `/sessions/${session.id}`);
      assert.equal((await ada('DELETE', `/sessions/${session.id}`)).status, 204);
      assert.equal(await listed(), false);
      assert.equal((await ada('GET', `/sessions/${session.id}`)).status, 404);
    });

    it('says what is wrong with a request', async () => {
      assert.equal((await ask(service.url, '/sessions')).status, 401);
      assert.equal((await ada('POST', '/sessions', { title: 1 })).status, 400);
      assert.equal((await ada('GET', '/sessions?limit=0')).status, 400);
      assert.equal((await ada('GET', '/sessions/abc')).status, 404);
      assert.equal((await ada('GET', '/search?q=')).status, 400);
      assert.equal((await ada('PUT', '/sessions')).status, 404);
      const { body } = await ada('GET', '/stats');
      assert.equal(body.cache.lostEvents, 0);
    });
  });
}

it('a chat service that was ended has written its counts, and warms the next', async () => {
  const folder = await makeFolder({});
  const env = { DATABASE: join(folder, 'chat.sqlite') };
  const first = await startService([], env, MAIN);
  const ada = clientOf(first.url, 'ada');
  const { body: session } = await ada('POST', '/sessions', { title: 'Kept' });
  await ada('POST', `/sessions/${session.id}/messages`, { role: 'user', text: 'kept' });
  for (let reads = 1; reads <= 3; reads++)
    assert.equal((await ada('GET', `/sessions/${session.id}`)).body.reads, reads);
  assert.equal(await first.stop(), 0);
  assert.match(first.output.stdout, /^closed: [1-3] counts written$/m);

  const second = await startService([], env, MAIN);
  assert.match(second.output.stdout, /^warming latest-sessions: done$/m);
  const again = clientOf(second.url, 'ada');
  assert.equal((await again('GET', `/sessions/${session.id}/messages`)).cache, 'hit');
  assert.equal((await again('GET', `/sessions/${session.id}`)).body.reads, 4);
  assert.equal(await second.stop(), 0);

  const third = await startService([], { ...env, CACHE_WARMING_SKIP: '1' }, MAIN);
  assert.match(third.output.stdout, /^warming latest-sessions: skipped$/m);
  assert.equal((await clientOf(third.url, 'ada')('GET', `/sessions/${session.id}/messages`)).cache, 'miss');
  assert.equal(await third.stop(), 0);
  await rm(folder, { recursive: true });
});
