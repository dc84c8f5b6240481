// What is in the package.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { bundles, SUBPATHS } from '../../scripts/lib/entries.mjs';
import { ADDON, packedFiles, root, tarball } from './support/packed.mjs';

const EXPECTED = ['LICENSE', 'README.md', 'package.json', 'dist/core.wasm', ...bundles().flatMap(({ files }) => files)];
const EXPECTED_KINDS = [
  /^dist\/types\/[\w./-]+\.d\.c?ts$/,
  /^prebuilds\/(linux|darwin|win32)-(x64|arm64)\/tiercel\.node$/,
];
const LARGEST_TARBALL = 1_500_000;
/** For which release.yml has binaries. */
const PLATFORMS = 5;

let packed;
let paths;
before(() => {
  packed = packedFiles();
  paths = packed.files.map(({ path }) => path);
});

test('it has every file it needs', () => {
  const needed = [...EXPECTED, ADDON, 'dist/types/index.d.ts', 'dist/types/index.d.cts'];
  assert.deepEqual(
    needed.filter((path) => !paths.includes(path)),
    [],
  );
});

test('it has no file besides', () => {
  const others = paths.filter((path) => !EXPECTED.includes(path) && !EXPECTED_KINDS.some((kind) => kind.test(path)));
  assert.deepEqual(others, []);
});

test('it is small', (t) => {
  const addons = paths.filter((path) => path.endsWith('.node'));
  const { length } = gzipSync(readFileSync(join(root, ADDON)), { level: 9 });
  // About as large as this one: here is but that of this machine.
  const whole = packed.size + (PLATFORMS - addons.length) * length;
  t.diagnostic(
    `tarball ${packed.size} bytes, ${packed.unpackedSize} bytes unpacked, ${paths.length} files; about ${whole} bytes with ${PLATFORMS} binaries`,
  );
  assert.ok(whole <= LARGEST_TARBALL, `with all binaries the tarball has about ${whole} bytes`);
});

test('publint has nothing to say', async () => {
  const { messages, pkg } = await publint({ pkgDir: root, strict: true });
  assert.deepEqual(
    messages.map((message) => formatMessage(message, pkg, { color: false })),
    [],
  );
});

test('Are The Types Wrong has nothing to say', async () => {
  const packed = createPackageFromTarballData(new Uint8Array(readFileSync(tarball())));
  // A file without declarations: whoever imports it tells a bundler what it is.
  const result = await checkPackage(packed, { excludeEntrypoints: ['./core.wasm'] });
  assert.ok('problems' in result, 'it has no types');
  const { problems, entrypoints } = result;
  assert.deepEqual(Object.keys(entrypoints), [
    '.',
    ...Object.keys(SUBPATHS).map((name) => `./${name}`),
    './package.json',
  ]);
  // `node10` knows no subpaths of `exports`. It is the way of Node before 12, and not in TypeScript 7.
  /** @param {import('@arethetypeswrong/core').Problem} problem */
  const isOutOfReach = (problem) =>
    problem.kind === 'NoResolution' && problem.resolutionKind === 'node10' && problem.entrypoint !== '.';
  assert.deepEqual(
    problems.filter((problem) => !isOutOfReach(problem)),
    [],
  );
});
