// The package in a bundle: built for each kind of target, run far from where it was installed.
import assert from 'node:assert/strict';
import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { nodeFileTrace } from '@vercel/nft';
import { build } from 'esbuild';
import * as vite from 'vite';
import webpack from 'webpack';
import { startWorkerd } from '../edge/support/workerd.mjs';
import { ADDON, ESM, installedProject, REFUSED, temporaryFolder, VALUE, WORKER } from './support/packed.mjs';

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

/** Runs a bundle where it has nothing but itself: the package that it was made of is gone. */
function assertRunsElsewhere(file) {
  const gone = `${project.package}.gone`;
  renameSync(project.package, gone);
  try {
    const { used, value, refused, native } = project.run(file, { cwd: elsewhere });
    assert.deepEqual({ used, value, refused }, { used: 'wasm', value: VALUE, refused: REFUSED });
    assert.match(native.reason, /\S/);
  } finally {
    renameSync(gone, project.package);
  }
}

const OF_NODE = /\bnode:|\brequire\(|\.node\b/;

describe('esbuild bundles it', () => {
  it('for Node as ESM, and the bundle runs elsewhere', async () => {
    const { file, inputs } = await bundle('node.mjs', { platform: 'node', format: 'esm' });
    assert.ok(inputs.includes('dist/runtime.node.js'));
    assertRunsElsewhere(file);
  });

  it('for Node as CommonJS, and the bundle runs elsewhere', async () => {
    const { file } = await bundle('node.cjs', {
      platform: 'node',
      format: 'cjs',
      logOverride: { 'empty-import-meta': 'silent' },
    });
    assertRunsElsewhere(file);
  });

  it('for no platform in particular, and the bundle runs in Node', async () => {
    const { file, inputs } = await bundle('neutral.mjs', { platform: 'neutral', format: 'esm' });
    assert.ok(inputs.includes('dist/runtime.inline.js'));
    assertRunsElsewhere(file);
  });

  it('for browsers, without anything of Node', async () => {
    const { file, inputs } = await bundle('browser.js', { platform: 'browser', format: 'esm' });
    assert.ok(inputs.includes('dist/runtime.inline.js'));
    assert.doesNotMatch(readFileSync(file, 'utf8'), OF_NODE);
  });

  it('for Workers, with the module as a file of its own, and workerd runs it', async () => {
    const { file, inputs } = await bundle('worker.js', {
      entryPoints: [project.write('worker.mjs', WORKER)],
      platform: 'browser',
      format: 'esm',
      conditions: ['workerd', 'worker', 'browser'],
      loader: { '.wasm': 'copy' },
      assetNames: '[name]',
    });
    assert.ok(inputs.includes('dist/runtime.workerd.js') && inputs.includes('dist/core.wasm'));
    const text = readFileSync(file, 'utf8');
    assert.match(text, /from "\.\/core\.wasm"/);
    assert.doesNotMatch(text, OF_NODE);
    const wasm = readFileSync(join(elsewhere, 'core.wasm'));
    const modules = [
      { name: 'worker.js', content: text },
      { name: 'core.wasm', content: wasm },
    ];
    const edge = await startWorkerd({ modules, compatibilityDate: '2026-11-01' });
    try {
      const { used, value, refused } = await (await fetch(edge.url)).json();
      assert.deepEqual({ used, value, refused }, { used: 'wasm', value: VALUE, refused: REFUSED });
    } finally {
      await edge.stop();
    }
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

/**
 * @param {string} name
 * @param {import('webpack').Configuration} options
 */
async function pack(name, options) {
  const compiler = webpack({
    mode: 'production',
    context: project.folder,
    entry,
    output: { path: elsewhere, filename: name, ...(name.endsWith('.mjs') ? { module: true } : {}) },
    experiments: { outputModule: name.endsWith('.mjs') },
    performance: false,
    ...options,
  });
  const stats = await promisify(compiler.run.bind(compiler))();
  await promisify(compiler.close.bind(compiler))();
  const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true });
  assert.deepEqual({ errors, warnings }, { errors: [], warnings: [] });
  return join(elsewhere, name);
}

describe('webpack bundles it', () => {
  it('for Node as ESM, and the bundle runs elsewhere', async () => {
    assertRunsElsewhere(await pack('webpack-node.mjs', { target: 'node20' }));
  });

  it('for Node as CommonJS, and the bundle runs elsewhere', async () => {
    assertRunsElsewhere(await pack('webpack-node.cjs', { target: 'node20' }));
  });

  it('for the web, without anything of Node, and the bundle runs in Node', async () => {
    const file = await pack('webpack-web.mjs', { target: ['web', 'es2022'] });
    assert.doesNotMatch(readFileSync(file, 'utf8'), OF_NODE);
    assertRunsElsewhere(file);
  });
});

/**
 * @param {string} name
 * @param {import('vite').BuildOptions} options
 */
async function buildWithVite(name, options) {
  const said = [];
  const customLogger = vite.createLogger('warn');
  for (const level of /** @type {const} */ (['warn', 'warnOnce', 'error']))
    customLogger[level] = (message) => said.push(message);
  await vite.build({
    configFile: false,
    root: project.folder,
    customLogger,
    ssr: { noExternal: true },
    build: {
      outDir: elsewhere,
      emptyOutDir: false,
      target: 'es2022',
      rolldownOptions: { input: entry, output: { entryFileNames: name } },
      ...options,
    },
  });
  assert.deepEqual(said, []);
  return join(elsewhere, name);
}

describe('Vite bundles it', () => {
  it('for the server, and the bundle runs elsewhere', async () => {
    assertRunsElsewhere(await buildWithVite('vite-server.mjs', { ssr: true }));
  });

  it('for browsers, without anything of Node, and the bundle runs in Node', async () => {
    const file = await buildWithVite('vite-browser.mjs', { modulePreload: false });
    assert.doesNotMatch(readFileSync(file, 'utf8'), OF_NODE);
    assertRunsElsewhere(file);
  });
});

it('a tracer of files, as what deploys Next.js is, takes the binary along', async () => {
  const { fileList } = await nodeFileTrace([entry], { base: project.folder });
  assert.deepEqual(
    [...fileList].filter((path) => path.endsWith('.node')),
    [`node_modules/tiercel/${ADDON}`],
  );
});
