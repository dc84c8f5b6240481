// What is in the package.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { bundles } from '../../scripts/lib/entries.mjs';
import { ADDON, packedFiles, root } from './support/packed.mjs';

const EXPECTED = [
  'CHANGELOG.md',
  'LICENSE',
  'README.md',
  'package.json',
  'dist/core.wasm',
  ...bundles().map(({ outfile }) => outfile),
];
const EXPECTED_KINDS = [
  /^dist\/types\/[\w./-]+\.d\.c?ts$/,
  /^prebuilds\/(linux|darwin|win32)-(x64|arm64)\/tiercel\.node$/,
];
const LARGEST_TARBALL = 1.5 * 1024 ** 2;

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
  t.diagnostic(`tarball ${packed.size} bytes, ${packed.unpackedSize} bytes unpacked, ${paths.length} files`);
  assert.ok(packed.size < LARGEST_TARBALL, `the tarball has ${packed.size} bytes`);
});

test('publint has nothing to say', async () => {
  const { messages, pkg } = await publint({ pkgDir: root, strict: true });
  assert.deepEqual(
    messages.map((message) => formatMessage(message, pkg, { color: false })),
    [],
  );
});
