// @ts-check
import assert from 'node:assert/strict';
import { rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { RequestError } from '../../examples/markdown-service/errors.mjs';
import { Folder } from '../../examples/markdown-service/folder.mjs';
import { makeFolder } from './support/service.mjs';

describe('the folder of the Markdown service', () => {
  /** @type {string} */
  let root;
  /** @type {string} */
  let outside;
  /** @type {Folder} */
  let folder;

  beforeEach(async () => {
    outside = await makeFolder({ 'page.md': 'outside' });
    root = await makeFolder({ 'inner/page.md': 'inside' });
    folder = new Folder(root);
  });

  afterEach(async () => {
    await rm(root, { recursive: true });
    await rm(outside, { recursive: true });
  });

  /**
   * Reads again and again while something goes on; returns how often each text or status came.
   *
   * @param {string} path
   * @param {() => Promise<void>} change
   */
  async function readWhile(path, change) {
    /** @type {Map<string | number, number>} */
    const seen = new Map();
    let isOver = false;
    const reading = (async () => {
      while (!isOver) {
        const result = await folder.read(path).then(
          ({ bytes }) => bytes.toString(),
          (error) => (error instanceof RequestError ? error.status : Promise.reject(error)),
        );
        seen.set(result, (seen.get(result) ?? 0) + 1);
      }
    })();
    for (let times = 0; times < 500; times++) await change();
    isOver = true;
    await reading;
    return seen;
  }

  it('reads a file that is replaced all the time', async () => {
    const seen = await readWhile('/inner/page.md', async () => {
      await writeFile(join(root, '.draft'), 'inside');
      await rename(join(root, '.draft'), join(root, 'inner/page.md'));
    });
    assert.deepEqual([...seen.keys()], ['inside']);
  });

  it('reads nothing outside while a folder on the way is replaced by a link all the time', async () => {
    await symlink(outside, join(root, '.link'));
    const seen = await readWhile('/inner/page.md', async () => {
      await rename(join(root, 'inner'), join(root, '.inner'));
      await rename(join(root, '.link'), join(root, 'inner'));
      await rename(join(root, 'inner'), join(root, '.link'));
      await rename(join(root, '.inner'), join(root, 'inner'));
    });
    assert.ok((seen.get('inside') ?? 0) > 0, 'never read while it was there');
    assert.ok((seen.get(403) ?? 0) > 0, 'never read while it was a link');
    assert.equal(seen.get('outside'), undefined);
  });
});
