// Building the addon from source, by itself.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { ADDON, root } from './support/packed.mjs';

const npm = (...args) => spawnSync('npm', args, { cwd: root, encoding: 'utf8' });

describe('npm run build:native', () => {
  let built;
  before(() => {
    built = npm('run', 'build:native');
  });

  it('builds', () => {
    assert.equal(built.status, 0, built.stdout + built.stderr);
  });

  it('makes an addon for the ABI of the core', () => {
    const header = readFileSync(join(root, 'core/include/tiercel/abi.h'), 'utf8');
    const { abiVersion } = createRequire(import.meta.url)(join(root, ADDON));
    assert.equal(String(abiVersion), /#define TIERCEL_ABI_VERSION (\d+)/.exec(header)?.[1]);
  });

  it('leaves the JavaScript knowing its checksum', () => {
    const sha256 = createHash('sha256')
      .update(readFileSync(join(root, ADDON)))
      .digest('hex');
    for (const name of ['runtime.node.js', 'index.cjs'])
      assert.ok(readFileSync(join(root, 'dist', name), 'utf8').includes(sha256), name);
  });
});

it('a part of the build that there is not is refused, with those that there are', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/build.mjs', 'nativ'], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.equal(status, 1);
  assert.match(stderr, /nativ is not one of native, scripts/);
});
