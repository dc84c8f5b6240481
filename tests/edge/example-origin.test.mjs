// The worker of examples/edge-worker and its origin: slow, in trouble, left alone, and what it is shown.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask as askAt, leave } from './support/client.mjs';
import { ask, edge, eventually, origin, startExample } from './support/example.mjs';

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
    const other = await startExample({ services: { ORIGIN: origin.address } });
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
