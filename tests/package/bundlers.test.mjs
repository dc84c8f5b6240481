// The package in a bundle: built for each kind of target, run far from where it was installed.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { build } from 'esbuild';
import { ESM, installedProject, temporaryFolder, VALUE } from './support/packed.mjs';

let project;
let entry;
let elsewhere;
before(() => {
  project = installedProject();
  entry = project.write('app.mjs', ESM);
  elsewhere = temporaryFolder();
});

/** @param {string} outfile @param {import('esbuild').BuildOptions} options */
async function bundle(outfile, options) {
  const { warnings, metafile } = await build({
    entryPoints: [entry],
    outfile: join(elsewhere, outfile),
    bundle: true,
    metafile: true,
    logLevel: 'silent',
    ...options,
  });
  assert.deepEqual(
    warnings.map(({ text }) => text),
    [],
  );
  const inputs = Object.keys(metafile?.inputs ?? {}).map((path) => path.replace(/^.*node_modules\/tiercel\//, ''));
  return { file: join(elsewhere, outfile), inputs };
}

describe('esbuild bundles it', () => {
  it('for Node as ESM, and the bundle runs elsewhere', async () => {
    const { file, inputs } = await bundle('node.mjs', { platform: 'node', format: 'esm' });
    assert.ok(inputs.includes('dist/index.node.js'));
    const { used, value } = project.run(file, { cwd: elsewhere });
    assert.deepEqual({ used, value }, { used: 'wasm', value: VALUE });
  });

  it('for Node as CommonJS, and the bundle runs elsewhere', async () => {
    const { file } = await bundle('node.cjs', {
      platform: 'node',
      format: 'cjs',
      logOverride: { 'empty-import-meta': 'silent' },
    });
    const { used, value } = project.run(file, { cwd: elsewhere });
    assert.deepEqual({ used, value }, { used: 'wasm', value: VALUE });
  });

  it('for no platform in particular, and the bundle runs in Node', async () => {
    const { file, inputs } = await bundle('neutral.mjs', { platform: 'neutral', format: 'esm' });
    assert.ok(inputs.includes('dist/index.inline.js'));
    const { used, value } = project.run(file, { cwd: elsewhere });
    assert.deepEqual({ used, value }, { used: 'wasm', value: VALUE });
  });

  it('for browsers, without anything of Node', async () => {
    const { file, inputs } = await bundle('browser.js', { platform: 'browser', format: 'esm' });
    assert.ok(inputs.includes('dist/index.inline.js'));
    assert.doesNotMatch(readFileSync(file, 'utf8'), /\bnode:|\brequire\(|\.node\b/);
  });

  it('for Workers, with the module as a file of its own', async () => {
    const { file, inputs } = await bundle('worker.js', {
      platform: 'browser',
      format: 'esm',
      conditions: ['workerd', 'worker', 'browser'],
      loader: { '.wasm': 'copy' },
      assetNames: '[name]',
    });
    assert.ok(inputs.includes('dist/index.workerd.js') && inputs.includes('dist/core.wasm'));
    const text = readFileSync(file, 'utf8');
    assert.match(text, /from "\.\/core\.wasm"/);
    assert.doesNotMatch(text, /\bnode:|\brequire\(|\.node\b/);
    assert.ok(WebAssembly.validate(readFileSync(join(elsewhere, 'core.wasm'))));
  });

  it('and leaves out what is not used', async () => {
    const unused = project.write(
      'unused.mjs',
      "import { MemoryCache } from 'tiercel';\nconsole.log(JSON.stringify({}));\n",
    );
    const { metafile } = await build({
      entryPoints: [unused],
      bundle: true,
      platform: 'neutral',
      format: 'esm',
      metafile: true,
      write: false,
      outfile: 'unused.js',
    });
    assert.ok(Object.values(metafile.outputs)[0].bytes < 1_000);
  });

  it('and of what is around a cache only what is used', async () => {
    const bundled = async (code) => {
      const file = project.write('used.mjs', code);
      const { outputFiles } = await build({
        entryPoints: [file],
        bundle: true,
        platform: 'neutral',
        format: 'esm',
        write: false,
        outfile: 'used.js',
      });
      return outputFiles[0].text;
    };
    // Of keys, decorators, ttl, invalidation and configuration a text each that is in no other.
    const marks = /sixes|addInitializer|computed_document|statistics\.fields|REDIS_URL|versioned/g;
    const all = await bundled("export * from 'tiercel';\n");
    assert.ok(new Set(all.match(marks)).size >= 6);
    const some = await bundled("import { MemoryCache } from 'tiercel';\nconsole.log(MemoryCache.createSync().size);\n");
    assert.deepEqual([...new Set(some.match(marks))], []);
    const key = await bundled("import { buildKey } from 'tiercel';\nconsole.log(buildKey('a'));\n");
    assert.deepEqual([...new Set(key.match(marks))], ['sixes']);
  });
});
