import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { repositoryFiles } from '../../scripts/lib/files.mjs';
import { root } from '../../scripts/lib/run.mjs';

/**
 * A rule of the repository, as two tests: that it holds, and that it would notice if it did not.
 *
 * @template T
 * @param {string} name
 * @param {object} options
 * @param {(input: T) => string[]} options.find What is wrong with the input, a line each.
 * @param {() => T | Promise<T>} options.here The repository, as such an input.
 * @param {T[]} options.planted Inputs with a violation each.
 */
export function rule(name, { find, here, planted }) {
  test(name, async () => assert.deepEqual(find(await here()), []));
  test(`${name}: a violation is noticed`, () => {
    for (const input of planted) {
      assert.equal(find(input).length, 1, `one complaint was expected about ${JSON.stringify(input)}`);
    }
  });
}

/** A file of the repository: its path from the root, and its text. */
export const source = (path) => ({ path, text: readFileSync(join(root, path), 'utf8') });

/** All files of the repository whose path matches. */
export function sources(pattern) {
  const files = repositoryFiles().filter((path) => pattern.test(path));
  assert.notEqual(files.length, 0, `no file matches ${pattern}`);
  return files.map(source);
}

/** The package's own description. */
export const packageJson = () => JSON.parse(source('package.json').text);
