// @ts-check
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { version } from 'tiercel';
import { ask, endAll, makeFolder, startService, until } from './support/service.mjs';

const FRESH_MS = 1_000;

after(endAll);

for (const engine of ['native', 'wasm']) {
  describe(`the Markdown service on the ${engine} engine`, () => {
    /** @type {string} */
    let folder;
    /** @type {string} */
    let outside;
    /** @type {import('./support/service.mjs').Service} */
    let service;

    before(async () => {
      outside = await makeFolder({ 'secret.md': '# Secret' });
      folder = await makeFolder({
        'README.md': '# Welcome\n\nSee [the guide](docs/guide.md#install).',
        'page.md': '# A page\n\n<script>alert(1)</script>\n\n| a | b |\n| - | -: |\n| 1 | 2 |',
        'report.html': '<script>alert(1)</script>',
        'picture.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
        '.env': 'PASSWORD=1',
        'docs/guide.md': '# Guide\n\n## Install',
        'docs/a b+ü.md': '# Odd name',
        'docs/deep/inner.md': '# Inner',
        'own/page.md': '# Own',
        'large.md': 'x'.repeat(4 * 1024 * 1024 + 1),
      });
      await symlink(join(outside, 'secret.md'), join(folder, 'leak.md'));
      await symlink(outside, join(folder, 'leaks'));
      await symlink('.env', join(folder, 'hidden.md'));
      await symlink('docs/guide.md', join(folder, 'alias.md'));
      service = await startService([folder], { TIERCEL_ENGINE: engine });
    });

    after(async () => {
      assert.equal(await service.stop(), 0);
      await rm(folder, { recursive: true });
      await rm(outside, { recursive: true });
    });

    /** @param {string} path @param {import('./support/service.mjs').AskOptions} [options] */
    const get = (path, options) => ask(service.url, path, options);
    const stats = async () => JSON.parse((await get('/stats')).body);
    /** @param {string} tag */
    const invalidate = async (tag) =>
      JSON.parse((await get(`/invalidate?tag=${encodeURIComponent(tag)}`, { method: 'POST' })).body);

    /** @param {string} path @param {string | RegExp} expected */
    const untilShown = (path, expected) =>
      until(FRESH_MS, `${path} to show ${expected}`, async () => {
        const { body } = await get(path);
        return typeof expected === 'string' ? body.includes(expected) : expected.test(body);
      });

    it('renders a page once and then serves it from the cache', async () => {
      const first = await get('/docs/guide.md');
      assert.equal(first.status, 200);
      assert.equal(first.headers['content-type'], 'text/html; charset=utf-8');
      assert.equal(first.headers['cache-status'], 'tiercel; fwd=uri-miss; stored');
      assert.match(first.body, /<title>Guide<\/title>/);
      assert.match(first.body, /<h2 id="install">Install<\/h2>/);
      const { renders } = await stats();

      const second = await get('/docs/guide.md');
      assert.match(second.headers['cache-status'] ?? '', /^tiercel; hit; ttl=1(?:799|800)$/);
      assert.equal(second.body, first.body);
      assert.equal((await stats()).renders, renders);
    });

    it('renders a cold page once for requests that come together', async () => {
      await invalidate('folder:/');
      const { renders } = await stats();
      const answers = await Promise.all(Array.from({ length: 20 }, () => get('/page.md')));
      assert.equal(new Set(answers.map((answer) => answer.body)).size, 1);
      assert.equal((await stats()).renders, renders + 1);
      assert.equal(
        answers.filter((answer) => answer.headers['cache-status'] === 'tiercel; fwd=uri-miss; stored').length,
        1,
      );
    });

    it('has a ttl for each type of content', async () => {
      for (const [path, seconds] of /** @type {const} */ ([
        ['/docs/', 60],
        ['/docs/guide.md', 1_800],
        ['/picture.svg', 3_600],
      ])) {
        await get(path);
        const status = (await get(path)).headers['cache-status'] ?? '';
        const ttl = Number(/^tiercel; hit; ttl=(\d+)$/.exec(status)?.[1]);
        assert.ok(ttl > seconds - 30 && ttl <= seconds, `${path}: ${status}`);
      }
    });

    it('answers 304 to a client that has the page', async () => {
      const { etag = '' } = (await get('/page.md')).headers;
      assert.match(etag, /^"[\w-]{20,}"$/);
      for (const header of [etag, `W/${etag}`, `"other", ${etag}`, `W/"a,b",W/${etag}`, '*', ' * ']) {
        const answer = await get('/page.md', { headers: { 'If-None-Match': header } });
        assert.equal(answer.status, 304, header);
        assert.equal(answer.body, '');
        assert.equal(answer.headers.etag, etag);
      }
      for (const header of ['"other"', etag.slice(1, -1), '', 'W/', '"']) {
        assert.equal((await get('/page.md', { headers: { 'If-None-Match': header } })).status, 200, header);
      }
      assert.equal((await get('/nothing.md', { headers: { 'If-None-Match': '*' } })).status, 404);
    });

    it('answers HEAD as GET, without the body', async () => {
      const [got, head] = [await get('/page.md'), await get('/page.md', { method: 'HEAD' })];
      assert.equal(head.status, 200);
      assert.equal(head.body, '');
      for (const name of ['etag', 'content-type', 'content-length'])
        assert.equal(head.headers[name], got.headers[name]);
      assert.equal(Number(head.headers['content-length']), Buffer.byteLength(got.body));
    });

    it('shows HTML of a file as text and allows no script and no foreign style', async () => {
      const page = await get('/page.md');
      assert.ok(!page.body.includes('<script>'));
      assert.match(page.body, /&lt;script&gt;/);
      assert.match(page.body, /<td class="right">2<\/td>/);
      const policy = page.headers['content-security-policy'] ?? '';
      assert.match(policy, /default-src 'none'; style-src 'sha256-[^']+'/);
      assert.ok(!policy.includes('unsafe'));
      assert.equal(page.headers['x-content-type-options'], 'nosniff');
      assert.equal((await get('/report.html')).headers['content-type'], 'text/plain; charset=utf-8');
      const picture = await get('/picture.svg');
      assert.equal(picture.headers['content-type'], 'image/svg+xml');
      assert.match(picture.headers['content-security-policy'] ?? '', /default-src 'none'/);
    });

    it('shows a folder with links that lead to what is in it, and its README', async () => {
      const { body } = await get('/');
      assert.match(body, /<h1 id="welcome">Welcome<\/h1>/);
      assert.match(body, /href="docs\/guide.md#install"/);
      assert.ok(!body.includes('.env') && !body.includes('leak'));

      const inner = (await get('/docs/')).body;
      const links = [...inner.matchAll(/<td[^>]*><a href="([^"]+)"/g)].map((match) => String(match[1]));
      assert.deepEqual(links.map(decodeURIComponent), ['./deep/', './a b+ü.md', './guide.md']);
      for (const link of links) assert.equal((await get(`/docs/${link.slice(2)}`)).status, 200, link);
    });

    it('leads from the name of a folder to the folder', async () => {
      const answer = await get('/docs?x');
      assert.equal(answer.status, 308);
      assert.equal(answer.headers.location, '/docs/');
    });

    it('shows a change of a file within a second, whichever way it was saved', async () => {
      await writeFile(join(folder, 'edited.md'), '# First');
      await untilShown('/edited.md', 'First');
      await writeFile(join(folder, 'edited.md'), '# Second');
      await untilShown('/edited.md', 'Second');
      await appendFile(join(folder, 'edited.md'), '\n\nThird');
      await untilShown('/edited.md', 'Third');
      await writeFile(join(folder, 'edited.md.new'), '# Fourth');
      await rename(join(folder, 'edited.md.new'), join(folder, 'edited.md'));
      await untilShown('/edited.md', 'Fourth');
      assert.ok(!(await get('/')).body.includes('edited.md.new'));
    });

    it('shows a change of the README in the folder too', async () => {
      await get('/');
      await writeFile(join(folder, 'README.md'), '# Welcome back');
      await untilShown('/', 'Welcome back');
    });

    it('shows a change of a file through a link to it, and a change of the link', async () => {
      await get('/alias.md');
      await appendFile(join(folder, 'docs/guide.md'), '\n\nThrough the alias');
      await untilShown('/alias.md', 'Through the alias');
      await unlink(join(folder, 'alias.md'));
      await symlink('docs/deep/inner.md', join(folder, 'alias.md'));
      await untilShown('/alias.md', 'Inner');
    });

    it('lists a new file, and answers 404 for one that was deleted', async () => {
      await get('/docs/');
      await writeFile(join(folder, 'docs/new.md'), '# New');
      await untilShown('/docs/', 'new.md');
      assert.equal((await get('/docs/new.md')).status, 200);
      await unlink(join(folder, 'docs/new.md'));
      await until(FRESH_MS, '404', async () => (await get('/docs/new.md')).status === 404);
      await untilShown('/docs/', /^(?!.*new\.md)/s);
    });

    it('follows folders that are made, renamed and removed', async () => {
      await mkdir(join(folder, 'docs/made/inner'), { recursive: true });
      await writeFile(join(folder, 'docs/made/inner/page.md'), '# One');
      await untilShown('/docs/made/inner/page.md', 'One');
      await writeFile(join(folder, 'docs/made/inner/page.md'), '# Two');
      await untilShown('/docs/made/inner/page.md', 'Two');

      await rename(join(folder, 'docs/made'), join(folder, 'docs/renamed'));
      await until(FRESH_MS, '404', async () => (await get('/docs/made/inner/page.md')).status === 404);
      await untilShown('/docs/renamed/inner/page.md', 'Two');
      await writeFile(join(folder, 'docs/renamed/inner/page.md'), '# Three');
      await untilShown('/docs/renamed/inner/page.md', 'Three');

      await rm(join(folder, 'docs/renamed'), { recursive: true });
      await until(FRESH_MS, '404', async () => (await get('/docs/renamed/inner/page.md')).status === 404);
      await until(FRESH_MS, '404', async () => (await get('/docs/renamed/')).status === 404);
      assert.equal((await stats()).watcher.mode, 'events');
    });

    it('invalidates a file and a folder by tag', async () => {
      const cold = async (/** @type {string} */ path) =>
        ((await get(path)).headers['cache-status'] ?? '').startsWith('tiercel; fwd=uri-miss');
      const all = ['/page.md', '/docs/', '/docs/guide.md', '/own/', '/own/page.md'];
      for (const path of all) await get(path);

      assert.deepEqual(await invalidate('file:/page.md'), { removed: 1 });
      assert.deepEqual(await invalidate('file:/page.md'), { removed: 0 });
      for (const path of all) assert.equal(await cold(path), path === '/page.md', path);

      assert.deepEqual(await invalidate('folder:/own/'), { removed: 2 });
      for (const path of all) assert.equal(await cold(path), path.startsWith('/own/'), path);

      assert.ok((await invalidate('folder:/')).removed >= all.length);
      for (const path of all) assert.equal(await cold(path), true, path);
    });

    it('lets only this machine and its own pages invalidate', async () => {
      const path = '/invalidate?tag=file:/page.md';
      const { host } = new URL(service.url);
      /** @type {[number, Record<string, string>][]} */
      const cases = [
        [200, {}],
        [200, { Origin: service.url, 'Sec-Fetch-Site': 'same-origin' }],
        [200, { Host: host.replace('127.0.0.1', 'localhost') }],
        [403, { Origin: 'https://example.com' }],
        [403, { Origin: 'null' }],
        [403, { Origin: `https://${host}` }],
        [403, { 'Sec-Fetch-Site': 'cross-site' }],
        [403, { 'Sec-Fetch-Site': 'same-site' }],
        [403, { Host: 'rebound.example.com', Origin: 'http://rebound.example.com' }],
      ];
      for (const [status, headers] of cases) {
        assert.equal((await get(path, { method: 'POST', headers })).status, status, JSON.stringify(headers));
      }
    });

    it('refuses what is wrong with an invalidation', async () => {
      assert.equal((await get('/invalidate', { method: 'POST' })).status, 400);
      assert.equal((await get(`/invalidate?tag=${'x'.repeat(9_000)}`, { method: 'POST' })).status, 400);
      assert.equal((await get('/invalidate?tag=a', { method: 'POST', body: 'x'.repeat(100_000) })).status, 413);
      const wrongMethod = await get('/invalidate?tag=a');
      assert.equal(wrongMethod.status, 405);
      assert.equal(wrongMethod.headers.allow, 'POST');
      assert.match(JSON.parse(wrongMethod.body).error, /POST/);
    });

    it('tells its state', async () => {
      const before = await stats();
      assert.equal(before.engine.engine, engine);
      assert.equal(before.engine.version, version);
      assert.equal(before.watcher.mode, 'events');
      assert.ok(before.watcher.folders >= 3);
      assert.ok(before.uptimeSeconds >= 0);
      await get('/page.md');
      await get('/page.md');
      const after = await stats();
      assert.ok(after.cache.hits > before.cache.hits);
      const health = await get('/healthz');
      assert.equal(health.status, 200);
      assert.deepEqual(JSON.parse(health.body), { status: 'ok' });
    });

    it('serves nothing outside of the folder, and nothing hidden in it', async () => {
      /** @type {[number, string][]} */
      const cases = [
        [400, '/../secret.md'],
        [400, '/docs/../../secret.md'],
        [400, '/%2e%2e/secret.md'],
        [400, '/docs/%2E%2e/page.md'],
        [400, '/..%2fsecret.md'],
        [400, '/..%5csecret.md'],
        [400, '/page.md%00.svg'],
        [400, '/%'],
        [400, '/%ff.md'],
        [403, '/leak.md'],
        [403, '/leaks/secret.md'],
        [403, '/leaks/'],
        [404, '/hidden.md'],
        [404, '/.env'],
        [404, '/docs/.env'],
        [404, '//example.com/'],
        [404, '/docs//guide.md'],
        [404, '/nothing.md'],
        [404, '/page.md/'],
        [404, '/page.md/x'],
        [404, `/${'a'.repeat(300)}.md`],
        [404, '/a'.repeat(20)],
        [413, '/large.md'],
        [414, `/${'a'.repeat(3_000)}`],
      ];
      for (const [status, path] of cases) {
        const answer = await get(path);
        assert.equal(answer.status, status, path);
        assert.match(answer.body, new RegExp(`<p class="status">Status ${status}</p>`), path);
        assert.equal(answer.headers['content-type'], 'text/html; charset=utf-8');
        assert.ok(!answer.body.includes('Secret') && !answer.body.includes('PASSWORD'), path);
      }
      assert.equal((await get('/page.md', { method: 'DELETE' })).status, 405);
      assert.equal((await get(`${service.url}/page.md`)).status, 200);
    });

    it('does not wait for a pipe in the folder', {
      skip: process.platform === 'win32' && 'no pipes in folders',
    }, async () => {
      execFileSync('mkfifo', [join(folder, 'pipe.md')]);
      assert.equal((await get('/pipe.md')).status, 404);
      await unlink(join(folder, 'pipe.md'));
    });
  });
}
