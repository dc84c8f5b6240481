// The installed package in the tests of its users, which Jest runs in a context of its own.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { installedProject, jestCjs, jestEsm, REFUSED, root, VALUE } from './support/packed.mjs';

let project;
before(() => {
  project = installedProject();
});

/** @param {string} file @param {{ flags?: string[], engine?: string }} [options] */
function jest(file, { flags = [], engine = '' } = {}) {
  const report = join(project.folder, 'report.json');
  const config = { rootDir: project.folder, testMatch: [`<rootDir>/${file}`], transform: {} };
  const args = [...flags, join(root, 'node_modules/jest/bin/jest.js'), '--config', JSON.stringify(config)];
  const { stderr } = spawnSync(process.execPath, [...args, '--ci', '--no-cache', '--json', '--outputFile', report], {
    cwd: project.folder,
    env: { ...process.env, NODE_OPTIONS: '', TIERCEL_ENGINE: engine },
    encoding: 'utf8',
  });
  const { success, numPassedTests } = JSON.parse(readFileSync(report, 'utf8'));
  assert.deepEqual({ success, numPassedTests }, { success: true, numPassedTests: 1 }, stderr);
}

for (const engine of ['native', 'wasm']) {
  const expected = { engine, used: engine, value: VALUE, refused: REFUSED };
  describe(`Jest runs tests of a user of the ${engine} engine`, () => {
    it('that are CommonJS', () => {
      project.write(`${engine}.test.cjs`, jestCjs(expected));
      jest(`${engine}.test.cjs`, { engine });
    });

    it('that are ES modules', () => {
      project.write(`${engine}.test.mjs`, jestEsm(expected));
      jest(`${engine}.test.mjs`, { engine, flags: ['--experimental-vm-modules', '--no-warnings'] });
    });
  });
}
