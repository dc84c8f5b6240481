// @ts-check
import assert from 'node:assert/strict';
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Folder } from '../../examples/markdown-service/folder.mjs';
import { Watcher } from '../../examples/markdown-service/watcher.mjs';
import { makeFolder, until } from './support/service.mjs';

describe('the watcher of the Markdown service', () => {
  /** @type {string} */
  let root;
  /** @type {Watcher} */
  let watcher;
  /** Paths told of. @type {Set<string>} */
  let changed;
  /** @type {string[]} */
  let lost;

  /** @param {{ maxFolders?: number, only?: string[] }} [options] */
  async function start({ maxFolders, only } = {}) {
    const events = {
      onChange: (/** @type {readonly import('../../examples/markdown-service/watcher.mjs').Change[]} */ changes) => {
        for (const { path } of changes) changed.add(path);
      },
      onLost: (/** @type {string} */ reason) => {
        lost.push(reason);
      },
    };
    watcher = new Watcher(new Folder(root, only), events, maxFolders);
    await watcher.start();
  }

  /** @param {string} path */
  const told = (path) => until(1_000, `an event for ${path}`, () => changed.has(path));

  beforeEach(async () => {
    root = await makeFolder({
      'a/one.md': '1',
      'a/b/two.md': '2',
      'c/three.md': '3',
      '.git/index': '',
      'node_modules/x/y.md': '',
    });
    changed = new Set();
    lost = [];
  });

  afterEach(async () => {
    watcher.close();
    await rm(root, { recursive: true, force: true });
  });

  it('watches the folders that are served, and no others', async () => {
    await start();
    assert.equal(watcher.folders, 4);
    await writeFile(join(root, '.git/index'), 'x');
    await writeFile(join(root, 'a/.hidden'), 'x');
    await writeFile(join(root, 'a/b/two.md'), 'x');
    await told('/a/b/two.md');
    assert.deepEqual([...changed], ['/a/b/two.md']);
    watcher.close();

    await start({ only: ['c'] });
    assert.equal(watcher.folders, 2);
  });

  it('follows a folder that is replaced by another of its name', async () => {
    await start();
    await cp(join(root, 'a'), join(root, '.copy'), { recursive: true });
    await rm(join(root, 'a'), { recursive: true });
    await rename(join(root, '.copy'), join(root, 'a'));
    await told('/a');
    let probes = 0;
    await until(1_000, 'the new folder to be watched', async () => {
      const told = changed.has(`/a/b/probe-${probes}.md`);
      probes++;
      await writeFile(join(root, `a/b/probe-${probes}.md`), '');
      return told;
    });
    assert.equal(watcher.folders, 4);
  });

  it('follows folders that swap their names', async () => {
    await start();
    await rename(join(root, 'a'), join(root, '.a'));
    await rename(join(root, 'c'), join(root, 'a'));
    await rename(join(root, '.a'), join(root, 'c'));
    await until(1_000, 'both to be watched', async () => {
      await writeFile(join(root, 'c/b/two.md'), String(Math.random()));
      await writeFile(join(root, 'a/three.md'), String(Math.random()));
      return changed.has('/c/b/two.md') && changed.has('/a/three.md');
    });
    assert.equal(watcher.folders, 4);
    assert.deepEqual(lost, []);
  });

  it('misses no folder of many that are made at once', async () => {
    await start();
    const folders = Array.from({ length: 60 }, (_, index) => `made/${index % 6}/${index}`);
    await Promise.all(folders.map((folder) => mkdir(join(root, folder), { recursive: true })));
    await until(2_000, 'all to be watched', () => watcher.folders === 4 + 1 + 6 + 60);
    await Promise.all(folders.map((folder) => writeFile(join(root, folder, 'x.md'), 'x')));
    await until(1_000, 'all to be told', () => folders.every((folder) => changed.has(`/${folder}/x.md`)));
  });

  it('gives up, once and with a reason, on more folders than it may watch', async () => {
    await start({ maxFolders: 3 });
    assert.deepEqual(lost, ['more than 3 folders']);
    assert.equal(watcher.lostReason, 'more than 3 folders');
    assert.equal(watcher.folders, 0);
  });

  it('gives up if a new folder is one too many', async () => {
    await start({ maxFolders: 4 });
    assert.deepEqual(lost, []);
    await mkdir(join(root, 'more'));
    await until(1_000, 'the loss', () => lost.length === 1);
  });

  it('gives up if the root is moved away', async () => {
    await start();
    await rename(root, `${root}-moved`);
    await until(1_000, 'the loss', () => lost.length === 1);
    assert.deepEqual(lost, ['the folder was moved or removed']);
    await rename(`${root}-moved`, root);
  });
});
