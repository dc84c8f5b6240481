// What package.json promises is there, and every variant of the package is the same to its user.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { exportsField, importsField } from '../../scripts/lib/entries.mjs';
import { root } from '../../scripts/lib/run.mjs';
import { packageJson, rule, sources } from './rule.mjs';

/** All paths that a value of `exports` leads to. */
const leaves = (value) => (typeof value === 'string' ? [value] : Object.values(value).flatMap(leaves));

const promised = ({ main, module, types, exports, imports }) => [
  ...new Set([main, module, types, ...leaves(exports), ...leaves(imports)]),
];

rule('every file that package.json names is there', {
  find: (json) => promised(json).filter((path) => !existsSync(join(root, path))),
  here: packageJson,
  planted: [
    {
      main: './package.json',
      module: './package.json',
      types: './package.json',
      exports: { '.': './x.js' },
      imports: {},
    },
    {
      main: './package.json',
      module: './package.json',
      types: './package.json',
      exports: {},
      imports: { '#a': './x.js' },
    },
  ],
});

rule('`exports` and `imports` are what follows from the table of entry points', {
  find: ({ exports, imports }) => {
    const there = JSON.stringify({ exports, imports });
    return there === JSON.stringify({ exports: exportsField(), imports: importsField() }) ? [] : [there];
  },
  here: packageJson,
  planted: [
    { exports: {}, imports: importsField() },
    { exports: { ...exportsField(), './lost': './package.json' }, imports: importsField() },
    { exports: exportsField(), imports: {} },
  ],
});

/** The names that a module exports, whether or not it could run here. */
function namesOf(path) {
  if (path.endsWith('.cjs')) return Object.keys(createRequire(import.meta.url)(join(root, path))).sort();
  const { metafile } = buildSync({
    entryPoints: [join(root, path)],
    bundle: true,
    packages: 'external',
    external: ['*.wasm', '*?module'],
    format: 'esm',
    platform: 'node',
    metafile: true,
    write: false,
    outdir: 'unused',
  });
  return Object.values(metafile.outputs)[0].exports.sort();
}

/** For each entry point the scripts that it may be. */
const variants = () =>
  Object.entries(packageJson().exports)
    .map(([entry, targets]) => ({ entry, paths: new Set(leaves(targets).filter((path) => /\.c?js$/.test(path))) }))
    .filter(({ paths }) => paths.size > 0);

rule('every variant of an entry point exports the same names', {
  find: (entries) =>
    entries
      .filter(
        ({ names }) => new Set(Object.values(names).map(String)).size !== 1 || Object.values(names)[0].length === 0,
      )
      .map((entry) => JSON.stringify(entry)),
  here: () =>
    variants().map(({ entry, paths }) => ({
      entry,
      names: Object.fromEntries([...paths].map((path) => [path, namesOf(path)])),
    })),
  planted: [
    [{ entry: '.', names: { a: ['MemoryCache'], b: ['MemoryCache', 'TiercelError'] } }],
    [{ entry: '.', names: { a: [], b: [] } }],
  ],
});

rule('every exported name is in the documentation', {
  find: ({ names, text }) => names.filter((name) => !new RegExp(`\\b${name}\\b`).test(text)),
  here: () => ({
    names: variants().flatMap(({ paths }) => namesOf([...paths][0])),
    text: sources(/^(README\.md|docs\/.*\.md)$/)
      .map(({ text }) => text)
      .join('\n'),
  }),
  planted: [{ names: ['MemoryCache', 'lost'], text: 'MemoryCache and lostAndFound' }],
});

/** Comments become blank, so that lines keep their numbers. */
const withoutComments = (text) => text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, (comment) => comment.replace(/./g, ' '));

/** The declarations that the package ships. */
function declarations() {
  const folder = join(root, 'dist/types');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => /\.d\.c?ts$/.test(path));
  return files.map((path) => ({ path, text: readFileSync(join(folder, path), 'utf8') }));
}

rule('no declaration says `any`', {
  find: (files) =>
    files.flatMap(({ path, text }) =>
      withoutComments(text)
        .split('\n')
        .flatMap((line, i) => (/\bany\b/.test(line) ? [`dist/types/${path}:${i + 1}: ${line.trim()}`] : [])),
    ),
  here: declarations,
  planted: [
    [{ path: 'a.d.ts', text: '/** any\n */ export declare const x: any; // any\n' }],
    [{ path: 'b.d.ts', text: 'export declare function f<T = any>(x: T): void;\n' }],
    [{ path: 'c.d.cts', text: 'export declare const m: Map<string, any[]>;\n' }],
  ],
});

rule('declarations come for ESM and for CommonJS', {
  find: (paths) => paths.filter((path) => path.endsWith('.d.ts') && !paths.includes(path.replace(/ts$/, 'cts'))),
  here: () => declarations().map(({ path }) => path),
  planted: [['a.d.ts', 'a.d.cts', 'b.d.ts']],
});
