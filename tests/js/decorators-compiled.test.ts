import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type ParserConfig, transformSync as swc, type TransformConfig } from '@swc/core';
import { transformSync as esbuild } from 'esbuild';

const root = dirname(dirname(__dirname));
const source = join(root, 'tests/js/fixtures/decorated.ts');
// Within the package, so that its name leads to it.
const folder = join(root, 'build/decorators', process.env.TIERCEL_ENGINE as string);
const run = promisify(execFile);

const EXPECTED = {
  once: [1, 1, 2, 1],
  draft: [3, 4],
  key: ['a:user:x%2A', 'Users.search:x:#'],
  byTag: [1, 5],
  failed: ['RangeError: not saved', 1],
  saved: ['saved 1', 6],
  removed: ['removed 2', 7, 6],
  wild: [6, 7],
  invalidated: [8, 7],
  search: [9, 9, 10, 11, 12],
  shared: [13, 13, 13],
  twice: [8, 8, 'static:4', 8],
  inherited: ['admin-1', 102, 102, ['Admins.search:x', 'Users.search:x', 'c:user:admin-1']],
  names: ['byId', 1, 'remove'],
};

function compileWithSwc(transform: TransformConfig): string {
  const parser: ParserConfig = { syntax: 'typescript', decorators: true };
  const jsc = { parser, target: 'es2022' as const, transform };
  return swc(readFileSync(source, 'utf8'), { jsc, module: { type: 'es6' }, configFile: false, swcrc: false }).code;
}

function compileWithEsbuild(experimentalDecorators: boolean): string {
  const tsconfigRaw = { compilerOptions: { experimentalDecorators } };
  return esbuild(readFileSync(source, 'utf8'), { loader: 'ts', target: 'es2022', format: 'esm', tsconfigRaw }).code;
}

/** Checks the types as well: each kind of decorators has its own. */
async function compileWithTsc(outDir: string, ...options: string[]): Promise<string> {
  const fixed =
    '--ignoreConfig --strict --exactOptionalPropertyTypes --target es2022 --lib es2023,dom,esnext.disposable';
  const place = ['--module', 'nodenext', '--types', 'node', '--rootDir', dirname(source), '--outDir', outDir];
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const compiled = run(process.execPath, [tsc, ...fixed.split(' '), ...place, ...options, source], { cwd: root });
  await compiled.catch((e: { stdout: string }) => {
    throw new Error(e.stdout);
  });
  return readFileSync(join(outDir, 'decorated.js'), 'utf8');
}

const COMPILERS: [string, (outDir: string) => string | Promise<string>][] = [
  ['tsc, standard', (outDir) => compileWithTsc(outDir)],
  ['tsc, experimentalDecorators', (outDir) => compileWithTsc(outDir, '--experimentalDecorators')],
  ['esbuild, standard', () => compileWithEsbuild(false)],
  ['esbuild, experimentalDecorators', () => compileWithEsbuild(true)],
  ['swc, 2022-03', () => compileWithSwc({ decoratorVersion: '2022-03' })],
  ['swc, 2023-11', () => compileWithSwc({ decoratorVersion: '2023-11' as never })],
  ['swc, legacy', () => compileWithSwc({ legacyDecorator: true })],
];

test.each(COMPILERS)('decorated methods do the same: %s', async (name, compile) => {
  const outDir = join(folder, name.replace(/\W+/g, '-'));
  mkdirSync(outDir, { recursive: true });
  const code = await compile(outDir);
  // What is run was compiled: no runtime takes decorators as they are.
  expect(code).not.toMatch(/^\s*@Cached/m);
  const file = join(outDir, 'decorated.mjs');
  writeFileSync(file, code);
  const { stdout } = await run(process.execPath, [file], { env: { ...process.env, NODE_OPTIONS: '' } });
  expect(JSON.parse(stdout)).toEqual(EXPECTED);
});
