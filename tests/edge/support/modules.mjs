import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { build } from 'esbuild';

/** @typedef {import('./workerd.mjs').Module} Module */

/**
 * A worker as wrangler uploads it: one script, and the wasm file beside it.
 *
 * @param {string} entry
 * @param {import('esbuild').BuildOptions} [more]
 * @returns {Promise<Module[]>}
 */
export async function bundled(entry, more) {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    outdir: dirname(entry),
    format: 'esm',
    target: 'es2022',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['node:*'],
    loader: { '.wasm': 'copy' },
    logLevel: 'silent',
    ...more,
  });
  const modules = outputFiles.map(({ path, contents }) => ({ name: basename(path), content: contents }));
  return modules.sort((a, b) => Number(a.name.endsWith('.wasm')) - Number(b.name.endsWith('.wasm')));
}

/**
 * The same without a bundler: each file a module of its own, the package's as it is published.
 *
 * @param {string} entry
 * @returns {Promise<Module[]>}
 */
export async function unbundled(entry) {
  const require = createRequire(import.meta.url);
  const root = dirname(require.resolve('tiercel/package.json'));
  const { exports, imports } = require('tiercel/package.json');
  /** @type {Module[]} */
  const modules = [];
  /**
   * @param {string} name
   * @param {string} file
   */
  const add = async (name, file) => {
    if (modules.some((module) => module.name === name)) return;
    const content = await readFile(file);
    modules.push({ name, content });
    if (name.endsWith('.wasm')) return;
    for (const [, specifier] of content.toString().matchAll(/^(?:import|export)[^'"]*['"]([^'"]+)['"]/gm)) {
      if (specifier === 'tiercel') await add('tiercel', join(root, exports['.'].default.default));
      else if (specifier === '#runtime') await add('#runtime', join(root, imports['#runtime'].workerd));
      else if (specifier?.startsWith('./')) await add(basename(specifier), join(dirname(file), specifier));
    }
  };
  await add(basename(entry), entry);
  return modules;
}
