import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type ParserConfig, transformSync as swc, type TransformConfig } from '@swc/core';
import { transformSync as esbuild } from 'esbuild';

const root = dirname(dirname(dirname(__dirname)));
// Within the package, so that its name leads to it.
const folder = join(root, 'build/decorators', process.env.TIERCEL_ENGINE as string);
const run = promisify(execFile);

export const fixture = (name: string): string => join(root, 'tests/js/fixtures', name);

/** What a compiler makes of a file. */
export interface Compiled {
  readonly code: string;
  readonly format: 'mjs' | 'cjs';
}

/** @param outDir for compilers that write files */
export type Compiler = (source: string, outDir: string) => Compiled | Promise<Compiled>;

export function withSwc(transform: TransformConfig, format: Compiled['format'] = 'mjs'): Compiler {
  const parser: ParserConfig = { syntax: 'typescript', decorators: true };
  const jsc = { parser, target: 'es2022' as const, transform };
  const type = format === 'mjs' ? 'es6' : 'commonjs';
  return (source) => {
    const { code } = swc(readFileSync(source, 'utf8'), { jsc, module: { type }, configFile: false, swcrc: false });
    return { code, format };
  };
}

export function withEsbuild(experimentalDecorators: boolean): Compiler {
  const tsconfigRaw = { compilerOptions: { experimentalDecorators } };
  return (source) => {
    const { code } = esbuild(readFileSync(source, 'utf8'), {
      loader: 'ts',
      target: 'es2022',
      format: 'esm',
      tsconfigRaw,
    });
    return { code, format: 'mjs' };
  };
}

/** Checks the types as well: each kind of decorators has its own. */
export function withTsc(...options: string[]): Compiler {
  const fixed =
    '--ignoreConfig --strict --exactOptionalPropertyTypes --skipLibCheck --target es2022 --lib es2023,dom,esnext.disposable';
  return async (source, outDir) => {
    const place = ['--module', 'nodenext', '--types', 'node', '--rootDir', dirname(source), '--outDir', outDir];
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const compiled = run(process.execPath, [tsc, ...fixed.split(' '), ...place, ...options, source], { cwd: root });
    await compiled.catch((e: { stdout: string }) => {
      throw new Error(e.stdout);
    });
    const file = source.slice(dirname(source).length + 1).replace(/ts$/, 'js');
    return { code: readFileSync(join(outDir, file), 'utf8'), format: 'mjs' };
  };
}

/** Compiles a file and runs it in a process; returns what it prints, as JSON. */
export async function runCompiled(source: string, name: string, compile: Compiler): Promise<unknown> {
  const outDir = join(folder, name.replace(/\W+/g, '-'));
  mkdirSync(outDir, { recursive: true });
  const { code, format } = await compile(source, outDir);
  // What is run was compiled: no runtime takes decorators as they are.
  expect(code).not.toMatch(/^\s*@Cached/m);
  const file = join(outDir, `decorated.${format}`);
  writeFileSync(file, code);
  const { stdout } = await run(process.execPath, [file], { env: { ...process.env, NODE_OPTIONS: '' } });
  return JSON.parse(stdout);
}
