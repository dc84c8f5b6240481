import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run.mjs';

/**
 * The files of the repository: all that git does not ignore, committed yet or not. Where there is no git (a
 * source archive), all outside the folders that `.gitignore` names.
 *
 * @returns {string[]} Paths from the root, with `/`, sorted.
 */
export function repositoryFiles() {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const git = spawnSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 });
  const files = git.status === 0 ? git.stdout.split('\0').filter(Boolean) : walk('', ignoredFolders());
  return files.filter((file) => existsSync(join(root, file))).sort();
}

function ignoredFolders() {
  const lines = readFileSync(join(root, '.gitignore'), 'utf8').split('\n');
  const folders = lines.filter((line) => /^\/.*\/$/.test(line)).map((line) => line.slice(1, -1));
  return new Set(['.git', ...folders]);
}

function walk(folder, ignored) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (ignored.has(path)) return [];
    return entry.isDirectory() ? walk(path, ignored) : [path];
  });
}

/** @returns {string[]} The sources that clang-format rules. */
export function cSources() {
  return repositoryFiles().filter((file) => /^(core|node|wasm|tests)\/.*\.(c|h|cpp|cc|hpp)$/.test(file));
}

/** @param {string} folder @returns {string[]} The `*.test.mjs` files below it. */
export function testFiles(folder) {
  return repositoryFiles().filter((file) => file.startsWith(`${folder}/`) && file.endsWith('.test.mjs'));
}
