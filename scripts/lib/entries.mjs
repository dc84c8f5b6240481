// The entry points of the package, in one table: the build makes a bundle of each, and `exports` of package.json is
// what follows from it, which a lint test sees to.
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { root } from './run.mjs';

export const PACKAGE = 'tiercel';

/** What `tiercel` itself is on each runtime: a file of js/src/entry. Conditions stand in the order of their precedence. */
const MAIN = { workerd: 'workerd', 'edge-light': 'edge-light', node: 'node', browser: 'inline', default: 'inline' };

/** What `tiercel/NAME` is, on every runtime: a file of js/src. Whatever depends on the runtime it takes from `tiercel`. */
export const SUBPATHS = {
  patterns: 'patterns/index.ts',
  redis: 'redis/index.ts',
  warming: 'warming/index.ts',
};

/** What several ES modules of MAIN have in common, and is large: a file of js/src, and of dist. It must have no state. */
const PARTS = { inline: 'engine/inline.ts' };

/**
 * @typedef {{ entry: string, format: 'esm' | 'cjs', platform: 'node' | 'neutral', outfile: string, kind: 'main' | 'part' |
 *   'subpath' }} Bundle
 */

/** Every bundle of the package. @returns {Bundle[]} */
export function bundles() {
  const parts = Object.entries(PARTS).map(([name, source]) => ({
    entry: `js/src/${source}`,
    format: /** @type {const} */ ('esm'),
    platform: /** @type {const} */ ('neutral'),
    outfile: file(name, 'esm'),
    kind: /** @type {const} */ ('part'),
  }));
  const main = [...new Set(Object.values(MAIN))].flatMap((name) =>
    (name === 'node' ? /** @type {const} */ (['esm', 'cjs']) : /** @type {const} */ (['esm'])).map((format) => ({
      entry: `js/src/entry/${name}.ts`,
      format,
      platform: name === 'node' ? /** @type {const} */ ('node') : /** @type {const} */ ('neutral'),
      outfile: file(`index.${name}`, format),
      kind: /** @type {const} */ ('main'),
    })),
  );
  const others = Object.entries(SUBPATHS).flatMap(([name, source]) =>
    /** @type {const} */ (['esm', 'cjs']).map((format) => ({
      entry: `js/src/${source}`,
      format,
      platform: /** @type {const} */ ('neutral'),
      outfile: file(name, format),
      kind: /** @type {const} */ ('subpath'),
    })),
  );
  return [...main, ...parts, ...others];
}

/** `exports` of package.json. */
export function exportsField() {
  const main = conditions('index.ts', (condition) => `index.${MAIN[condition]}`);
  const others = Object.entries(SUBPATHS).map(([name, source]) => [`./${name}`, conditions(source, () => name)]);
  return {
    '.': main,
    ...Object.fromEntries(others),
    './core.wasm': './dist/core.wasm',
    './package.json': './package.json',
  };
}

/** @param {string} source @param {(condition: string) => string} bundleFor */
function conditions(source, bundleFor) {
  /** @param {string} condition @param {'esm' | 'cjs'} format */
  const target = (condition, format) => ({
    types: `./dist/types/${source.replace(/ts$/, format === 'esm' ? 'd.ts' : 'd.cts')}`,
    default: `./${file(bundleFor(condition), format)}`,
  });
  return Object.fromEntries(
    Object.keys(MAIN).map((condition) => [
      condition,
      condition === 'node'
        ? {
            // Bun and Node give the ES module to `require` too, so that there is one of it, each by its own condition.
            bun: target(condition, 'esm'),
            'module-sync': target(condition, 'esm'),
            import: target(condition, 'esm'),
            require: target(condition, 'cjs'),
          }
        : target(condition, 'esm'),
    ]),
  );
}

/** @param {string} name @param {'esm' | 'cjs'} format */
function file(name, format) {
  return `dist/${name}.${format === 'esm' ? 'js' : 'cjs'}`;
}

/** For each module of js/src that `tiercel` exports from, the names of what it exports. @returns {Map<string, string[]>} */
function exportedNames() {
  const index = readFileSync(join(root, 'js/src/index.ts'), 'utf8');
  return new Map(
    [...index.matchAll(/^export \{([^}]*)\} from '\.\/([^']+)\.js'/gms)].map(([, list, module]) => [
      `${module}.ts`,
      list
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== '' && !name.startsWith('type ')),
    ]),
  );
}

/** What a module exports that is there when it runs. @param {string} text @returns {{ name: string, isClass: boolean }[]} */
function runtimeExports(text) {
  const declared = text.matchAll(/^export (?:async |abstract )*(class|function\*?|const|let) (\w+)/gm);
  return [...declared].map(([, kind, name]) => ({ name, isClass: kind === 'class' }));
}

/**
 * For ES modules of `tiercel`: its parts are imported, and not in each of them.
 * @returns {import('esbuild').Plugin}
 */
export function withParts() {
  const parts = new Map(Object.entries(PARTS).map(([name, source]) => [source, `./${name}.js`]));
  return {
    name: 'with-parts',
    setup({ onResolve }) {
      onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
        const module = relative(join(root, 'js/src'), join(resolveDir, path)).replace(/\.js$/, '.ts');
        const part = parts.get(module);
        return part === undefined ? undefined : { path: part, external: true };
      });
    },
  };
}

/**
 * For bundles of subpaths: a module of which `tiercel` exports everything is imported from it, so that a class is the
 * same object wherever it came from. Others are functions without state, and go into the bundle. What has state may not:
 * engines, and a class that `tiercel` exports beside something that it does not.
 * @returns {import('esbuild').Plugin}
 */
export function fromThePackage() {
  const exported = exportedNames();
  return {
    name: 'from-the-package',
    setup({ onResolve }) {
      onResolve({ filter: /^\./ }, ({ path, resolveDir, importer }) => {
        const module = relative(join(root, 'js/src'), join(resolveDir, path)).replace(/\.js$/, '.ts');
        const names = exported.get(module) ?? [];
        const own = runtimeExports(readFileSync(join(root, 'js/src', module), 'utf8'));
        if (names.length > 0 && own.every(({ name }) => names.includes(name))) return { path: PACKAGE, external: true };
        if (dirname(module) === 'engine' || own.some(({ name, isClass }) => isClass && names.includes(name)))
          return { errors: [{ text: `${relative(root, importer)} would take a second ${module} into its bundle` }] };
        return undefined;
      });
    },
  };
}
