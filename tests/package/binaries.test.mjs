// The two binaries: what they ask of the system that loads them, and what they give to it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ADDON, root } from './support/packed.mjs';

const tool = (name, ...args) => execFileSync(name, args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });

const header = readFileSync(join(root, 'core/include/tiercel/abi.h'), 'utf8');

/** The names that abi.h exports. */
function boundary() {
  const names = [...header.matchAll(/^TIERCEL_EXPORT\((\w+)\)/gm)].map((match) => match[1]);
  assert.ok(names.includes('tiercel_abi_version') && names.length > 20, 'the exports of abi.h were not found');
  return names;
}

/** Compares versions like "2.28" and "3.4.21". */
function isNewer(version, than) {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number));
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return false;
}

describe('the addon', () => {
  const addon = join(root, ADDON);

  // What the official builds of Node ask for themselves, so that it loads wherever they run.
  const NEWEST = { GLIBC: '2.28', GLIBCXX: '3.4.21', CXXABI: '1.3.9', GCC: '4.9.0' };

  it('needs no newer system libraries than Node does', () => {
    const symbols = tool('objdump', '-T', addon);
    const needed = [...symbols.matchAll(/\b(GLIBC|GLIBCXX|CXXABI|GCC)_([\d.]+)\b/g)].map(([, family, version]) => [
      family,
      version,
    ]);
    assert.ok(
      needed.some(([family]) => family === 'GLIBC'),
      'no symbol version was found',
    );
    const tooNew = needed.filter(([family, version]) => isNewer(version, NEWEST[family]));
    assert.deepEqual(tooNew, []);
  });

  it('is judged by versions as numbers, not as text', () => {
    for (const [version, than] of [
      ['2.34', '2.28'],
      ['2.100', '2.28'],
      ['3.4.30', '3.4.21'],
      ['3.0', '2.28'],
      ['4.9.1', '4.9'],
    ]) {
      assert.equal(isNewer(version, than), true, version);
      assert.equal(isNewer(than, version), false, version);
    }
    assert.equal(isNewer('2.28', '2.28'), false);
  });

  it('binds its symbols when it is loaded, so that a missing one is an error and not a crash later', () => {
    assert.match(tool('readelf', '--dynamic', '--wide', addon), /BIND_NOW|\bNOW\b/);
  });

  it('shows nothing but the entry points of Node-API', () => {
    const defined = tool('objdump', '-T', addon)
      .split('\n')
      .filter((line) => /^[0-9a-f]{8,} g/.test(line) && !line.includes('*UND*'))
      .map((line) => line.trim().split(/\s+/).at(-1));
    assert.deepEqual(
      defined.filter(
        (name) => name && !/^napi_register_module_v\d+$|^node_api_module_get_api_version_v\d+$/.test(name),
      ),
      [],
    );
    assert.notEqual(defined.length, 0);
  });

  it('has no debugging symbols', (t) => {
    t.diagnostic(`addon: ${statSync(addon).size} bytes`);
    assert.doesNotMatch(tool('readelf', '--sections', '--wide', addon), /\.debug_|\.symtab/);
  });
});

describe('the wasm module', () => {
  const bytes = readFileSync(join(root, 'dist/core.wasm'));
  const module = new WebAssembly.Module(bytes);

  it('imports nothing', () => {
    assert.deepEqual(WebAssembly.Module.imports(module), []);
  });

  it('exports the boundary of the core, its memory and its start, and nothing else', () => {
    const exported = WebAssembly.Module.exports(module).map(({ name, kind }) => `${kind} ${name}`);
    const expected = ['memory memory', 'function _initialize', ...boundary().map((name) => `function ${name}`)];
    assert.deepEqual(exported.sort(), expected.sort());
  });

  it('runs by itself', () => {
    const exports = /** @type {Record<string, () => unknown>} */ (new WebAssembly.Instance(module).exports);
    exports._initialize();
    assert.equal(String(exports.tiercel_abi_version()), /#define TIERCEL_ABI_VERSION (\d+)/.exec(header)?.[1]);
  });

  it('is small', (t) => {
    const gzip = gzipSync(bytes, { level: 9 }).length;
    t.diagnostic(`wasm module: ${bytes.length} bytes, ${gzip} with gzip`);
    assert.ok(bytes.length < 256 * 1024, `${bytes.length} bytes`);
  });
});
