// @ts-check
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { MemoryCache } from 'tiercel';
import { CachedPages } from '../../examples/markdown-service/cached-pages.mjs';
import { Folder } from '../../examples/markdown-service/folder.mjs';
import { Pages } from '../../examples/markdown-service/pages.mjs';
import { makeFolder, until } from './support/service.mjs';

const DOCUMENT_MS = 1_800_000;

describe('the cached pages of the Markdown service', () => {
  /** @type {string} */
  let root;
  /** @type {Pages} */
  let pages;
  /** @type {CachedPages} */
  let cached;
  /** @type {MemoryCache<import('../../examples/markdown-service/pages.mjs').Page>} */
  let cache;
  let now = 0;

  beforeEach(async () => {
    // Files are older than their time stamps are coarse.
    const date = Date.now;
    mock.method(Date, 'now', () => date() + 60_000);
    root = await makeFolder({ 'a.md': '# One', 'docs/README.md': '# Docs' });
    now = 0;
    const clock = () => now;
    const folder = new Folder(root);
    pages = new Pages(folder);
    cache = MemoryCache.createSync({ now: clock });
    cached = new CachedPages(pages, folder, cache, clock);
    cached.watched();
  });

  afterEach(async () => {
    mock.restoreAll();
    cache.close();
    await rm(root, { recursive: true });
  });

  const show = async () => {
    const { page, status } = await cached.get('/a.md');
    now++;
    return { text: page.body.toString(), status };
  };

  it('serves a page past its ttl once more, and refreshes it behind that', async () => {
    assert.equal((await show()).status, 'fwd=uri-miss; stored');
    now = DOCUMENT_MS / 2;
    assert.equal((await show()).status, 'hit; ttl=900');
    now = DOCUMENT_MS + 3_000;
    assert.equal((await show()).status, 'hit; ttl=-3');
    await until(1_000, 'the refresh', () => pages.renders === 2 && cache.stats().loading === 0);
    now += 10;
    assert.equal((await show()).status, 'hit; ttl=1799');
    now += DOCUMENT_MS + 61_000;
    assert.equal((await show()).status, 'fwd=uri-miss; stored');
  });

  it('finds a change that no event told of within five seconds, and counts it', async () => {
    await show();
    await writeFile(join(root, 'a.md'), '# Two');
    now = 4_900;
    assert.match((await show()).text, /One/);
    now = 5_000;
    assert.match((await show()).text, /Two/);
    assert.equal(cached.missedChanges, 1);
    now = 20_000;
    assert.match((await show()).status, /^hit/);
    assert.equal(cached.missedChanges, 1);
  });

  it('trusts nothing that it had, and compares every time, once it is not told of changes', async () => {
    await show();
    await writeFile(join(root, 'a.md'), '# Two');
    cached.unwatched();
    assert.match((await show()).text, /Two/);
    assert.match((await show()).status, /^hit/);
    await writeFile(join(root, 'a.md'), '# Three');
    assert.match((await show()).text, /Three/);
    now = DOCUMENT_MS * 2;
    assert.equal((await show()).status, 'fwd=uri-miss; stored');
  });

  it('does not store a page that changed while it was made', async () => {
    const made = mock.method(pages, 'make', async () => {
      const page = await Pages.prototype.make.call(pages, '/a.md');
      cached.changed([{ path: '/a.md', renamed: false }]);
      return page;
    });
    assert.equal((await show()).status, 'fwd=uri-miss');
    made.mock.restore();
    assert.equal((await show()).status, 'fwd=uri-miss; stored');
  });

  it('invalidates exactly what a change touched', async () => {
    const all = ['/a.md', '/', '/docs/', '/docs/README.md'];
    /** @param {import('../../examples/markdown-service/watcher.mjs').Change} change */
    const gone = async (change) => {
      for (const path of all) await cached.get(path);
      cached.changed([change]);
      return all.filter((path) => !cache.has(path));
    };
    assert.deepEqual(await gone({ path: '/a.md', renamed: false }), ['/a.md', '/']);
    assert.deepEqual(await gone({ path: '/docs/README.md', renamed: false }), ['/docs/', '/docs/README.md']);
    assert.deepEqual(await gone({ path: '/docs/new.md', renamed: true }), ['/docs/']);
    assert.deepEqual(await gone({ path: '/docs', renamed: true }), ['/', '/docs/', '/docs/README.md']);
    assert.deepEqual(await gone({ path: '', renamed: true }), all);
  });
});
