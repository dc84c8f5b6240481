// The entry points of the package, in one table: the build makes a bundle of each, and `exports` of package.json is
// what follows from it, which a lint test sees to.
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { root } from './run.mjs';

export const PACKAGE = 'tiercel';

/**
 * What there is of each runtime, a file of js/src/runtime, which the package knows as {@link RUNTIME}. Conditions stand in
 * the order of their precedence.
 */
const RUNTIMES = { workerd: 'workerd', 'edge-light': 'edge-light', node: 'node', browser: 'inline', default: 'inline' };
const RUNTIME = '#runtime';
/** For CommonJS, which is Node's alone. */
const RUNTIME_OF_COMMONJS = 'node';

/** What `tiercel/NAME` is: a file of js/src. What it shares with `tiercel` it takes from that. */
export const SUBPATHS = {
  edge: 'edge/index.ts',
  patterns: 'patterns/index.ts',
  redis: 'redis/index.ts',
  warming: 'warming/index.ts',
};

/** What several runtimes have in common, and is large: a file of js/src, and of dist. */
const PART = { source: 'runtime/inline-module.ts', name: 'inline-module' };

/** What Workers of the package run, by the subpath that starts them: files of js/src. What both need is in a file of its own. */
const THREADS = { redis: { 'bus-thread': 'redis/bus-thread.ts' } };

/**
 * @typedef {{ entries: Record<string, string>, common: string, format: 'esm' | 'cjs', platform: 'node' | 'neutral',
 *   files: string[], kind: 'main' | 'runtime' | 'subpath' }} Bundle `common` is the file that entries have in common
 */

/** Every bundle of the package. @returns {Bundle[]} */
export function bundles() {
  const runtimes = [...new Set(Object.values(RUNTIMES))];
  return [
    bundle('index', 'index.ts', 'esm', 'main'),
    bundle('index', 'index.ts', 'cjs', 'main'),
    ...runtimes.map((name) => bundle(`runtime.${name}`, `runtime/${name}.ts`, 'esm', 'runtime')),
    bundle(PART.name, PART.source, 'esm', 'runtime'),
    ...Object.entries(SUBPATHS).flatMap(([name, source]) => [
      bundle(name, source, 'esm', 'subpath', THREADS[/** @type {keyof typeof THREADS} */ (name)]),
      bundle(name, source, 'cjs', 'subpath'),
    ]),
  ];
}

/**
 * @param {string} name @param {string} source @param {Bundle['format']} format @param {Bundle['kind']} kind
 * @param {Record<string, string>} threads
 * @returns {Bundle}
 */
function bundle(name, source, format, kind, threads = {}) {
  const ofNode = format === 'cjs' || source === 'runtime/node.ts';
  const sources = Object.entries({ [name]: source, ...threads });
  const common = `${name}-common`;
  const names = sources.map(([entry]) => entry);
  return {
    entries: Object.fromEntries(sources.map(([entry, path]) => [entry, `js/src/${path}`])),
    common,
    format,
    platform: ofNode ? 'node' : 'neutral',
    files: [...names, ...(names.length > 1 ? [common] : [])].map((entry) => file(entry, format)),
    kind,
  };
}

/** `exports` of package.json. */
export function exportsField() {
  const subpaths = Object.entries(SUBPATHS).map(([name, source]) => [`./${name}`, conditions(name, source)]);
  return {
    '.': conditions('index', 'index.ts'),
    ...Object.fromEntries(subpaths),
    './core.wasm': './dist/core.wasm',
    './package.json': './package.json',
  };
}

/** `imports` of package.json. */
export function importsField() {
  const files = Object.entries(RUNTIMES).map(([condition, name]) => [condition, `./${file(`runtime.${name}`, 'esm')}`]);
  return { [RUNTIME]: Object.fromEntries(files) };
}

/** @param {string} name @param {string} source */
function conditions(name, source) {
  /** @param {'esm' | 'cjs'} format */
  const target = (format) => ({
    types: `./dist/types/${source.replace(/ts$/, format === 'esm' ? 'd.ts' : 'd.cts')}`,
    default: `./${file(name, format)}`,
  });
  return {
    node: {
      // Bun and Node give the ES module to `require` too, so that there is one of it, each by its own condition.
      bun: target('esm'),
      'module-sync': target('esm'),
      import: target('esm'),
      require: target('cjs'),
    },
    default: target('esm'),
  };
}

/** @param {string} name @param {'esm' | 'cjs'} format */
function file(name, format) {
  return `dist/${name}.${format === 'esm' ? 'js' : 'cjs'}`;
}

/**
 * What the plugins are asked of a module: a path below js/src, with the file that imports it.
 * @param {import('esbuild').PluginBuild} build
 * @param {(module: string, importer: string) => import('esbuild').OnResolveResult | undefined} resolve
 */
function onModule({ onResolve }, resolve) {
  onResolve({ filter: /^\./ }, ({ path, resolveDir, importer, kind }) => {
    if (kind === 'entry-point') return undefined;
    return resolve(relative(join(root, 'js/src'), join(resolveDir, path)).replace(/\.js$/, '.ts'), importer);
  });
}

/**
 * For `tiercel` itself: what there is of a runtime is chosen where the package is used, and for CommonJS here.
 * @param {Bundle['format']} format @returns {import('esbuild').Plugin}
 */
export function withRuntime(format) {
  const chosen = { path: join(root, `js/src/runtime/${RUNTIME_OF_COMMONJS}.ts`) };
  return {
    name: 'with-runtime',
    setup: (build) =>
      onModule(build, (module, importer) => {
        if (module !== 'runtime/inline.ts' || importer.includes('/runtime/')) return undefined;
        return format === 'cjs' ? chosen : { path: RUNTIME, external: true };
      }),
  };
}

/** For runtimes: what they have in common is imported. @returns {import('esbuild').Plugin} */
export function withPart() {
  return {
    name: 'with-part',
    setup: (build) =>
      onModule(build, (module) => (module === PART.source ? { path: `./${PART.name}.js`, external: true } : undefined)),
  };
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
 * For bundles of subpaths: a module of which `tiercel` exports everything is imported from it, so that a class is the
 * same object wherever it came from. Others are functions without state, and go into the bundle. What has state may not:
 * engines, and a class that `tiercel` exports beside something that it does not.
 * @returns {import('esbuild').Plugin}
 */
export function fromThePackage() {
  const exported = exportedNames();
  return {
    name: 'from-the-package',
    setup: (build) =>
      onModule(build, (module, importer) => {
        const names = exported.get(module) ?? [];
        const own = runtimeExports(readFileSync(join(root, 'js/src', module), 'utf8'));
        if (names.length > 0 && own.every(({ name }) => names.includes(name))) return { path: PACKAGE, external: true };
        if (dirname(module) === 'engine' || own.some(({ name, isClass }) => isClass && names.includes(name)))
          return { errors: [{ text: `${relative(root, importer)} would take a second ${module} into its bundle` }] };
        return undefined;
      }),
  };
}
