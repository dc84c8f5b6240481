// Setting up a machine, with programs that only pretend.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { root } from '../../scripts/lib/run.mjs';

const PROGRAMS = ['c++', 'cmake', 'ninja', 'em++', 'clang-format', 'clang-tidy', 'chromium', 'redis-server'];

let folder;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tiercel-setup-'));
  mkdirSync(join(folder, 'bin'));
  mkdirSync(join(folder, 'scripts'));
  symlinkSync(process.execPath, join(folder, 'bin/node'));
  cpSync(join(root, 'scripts/lib'), join(folder, 'scripts/lib'), { recursive: true });
  cpSync(join(root, 'scripts/setup.mjs'), join(folder, 'scripts/setup.mjs'));
  writeFileSync(join(folder, 'package-lock.json'), '{}\n');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A program that is a shell script; it finds its folder in $BIN and logs its arguments. */
function program(name, script = '') {
  const lines = ['#!/bin/sh', `echo "${name} $*" >> "$BIN/../log"`, script, ''];
  writeFileSync(join(folder, 'bin', name), lines.join('\n'), { mode: 0o755 });
}

function machineWith(names) {
  for (const name of names) program(name);
  program('npm', `PATH=/usr/bin:/bin mkdir -p "$BIN/../node_modules"`);
}

function setUp(...args) {
  const bin = join(folder, 'bin');
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'scripts/setup.mjs'), ...args], {
    env: { PATH: bin, BIN: bin },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

const log = () => readFileSync(join(folder, 'log'), 'utf8');
const calls = (name) =>
  log()
    .split('\n')
    .filter((line) => line.startsWith(`${name} `));

describe('setting up', () => {
  it('installs node_modules once for each state of the lock file', () => {
    machineWith(PROGRAMS);
    for (const expected of [1, 1]) {
      assert.deepEqual({ ...setUp('--tests'), stdout: '' }, { status: 0, stdout: '', stderr: '' });
      assert.equal(calls('npm').length, expected);
    }
    writeFileSync(join(folder, 'package-lock.json'), '{"changed": true}\n');
    setUp('--tests');
    assert.equal(calls('npm').length, 2);
    rmSync(join(folder, 'node_modules'), { recursive: true });
    setUp('--tests');
    assert.equal(calls('npm').length, 3);
    assert.match(calls('npm')[0], /^npm ci /);
  });

  it('says nothing and installs nothing if all is there', () => {
    machineWith(PROGRAMS);
    setUp('--tests');
    assert.deepEqual(setUp('--tests'), { status: 0, stdout: '', stderr: '' });
  });

  it('does not ask for the programs of the tests unless told to', () => {
    machineWith(PROGRAMS.slice(0, 4));
    assert.equal(setUp().status, 0);
    assert.equal(setUp('--tests').status, 1);
  });

  it('lists what is missing and fails where there is no apt-get', () => {
    machineWith(['c++', 'ninja', 'em++', 'clang-format', 'chromium', 'redis-server']);
    const { status, stderr } = setUp('--tests');
    assert.equal(status, 1);
    assert.match(stderr, /^ {2}cmake +configures the builds$/m);
    assert.match(stderr, /^ {2}clang-tidy +/m);
    assert.doesNotMatch(stderr, /ninja|chromium|node:internal/);
    assert.equal(calls('npm').length, 0);
  });

  it('says which packages are missing and why, and installs them and no others', () => {
    machineWith(['c++', 'cmake', 'em++', 'clang-format', 'clang-tidy', 'redis-server']);
    program('env', 'while [ "$1" != apt-get ]; do shift; done; exec "$@"');
    program('sudo', 'shift; exec "$@"');
    program(
      'apt-get',
      'case "$*" in *" install "*) for name in ninja chromium; do ln -s c++ "$BIN/$name"; done;; esac',
    );
    symlinkSync('/bin/ln', join(folder, 'bin/ln'));
    symlinkSync('/bin/true', join(folder, 'bin/true'));
    const { status, stdout, stderr } = setUp('--tests');
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
    assert.match(stdout, /^ {2}ninja-build +runs the builds\n {2}chromium +tests in a browser$/m);
    const [update, install] = calls('apt-get');
    assert.match(update, / update$/);
    assert.match(install, / install --yes --no-install-recommends ninja-build chromium$/);
  });

  it('fails if apt-get fails, or if what was installed is not what was missing', () => {
    machineWith(PROGRAMS.filter((name) => name !== 'cmake'));
    program('env', 'while [ "$1" != apt-get ]; do shift; done; exec "$@"');
    program('sudo', 'shift; exec "$@"');
    symlinkSync('/bin/true', join(folder, 'bin/true'));
    program('apt-get', 'exit 100');
    assert.match(setUp('--tests').stderr, /^apt-get update failed: exit code 100$/m);
    program('apt-get');
    const { status, stderr } = setUp('--tests');
    assert.equal(status, 1);
    assert.match(stderr, /cmake.* was not found afterwards/);
  });
});
