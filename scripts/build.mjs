// Builds all that the package ships: core.wasm, the addon of this machine, and the JavaScript on top.
//   npm run build            everything
//   npm run build:native     the addon, and the JavaScript that knows its checksum
//   npm run build:scripts    the JavaScript alone, for the core.wasm and the addons that are there
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generate } from './generate.mjs';
import { asCommand, CommandError } from './lib/command.mjs';
import { bundles as entryBundles, fromThePackage, PACKAGE, SUBPATHS, withPart, withRuntime } from './lib/entries.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');

/** Everything. Steps whose inputs did not change take no time. */
export async function build() {
  wasm();
  addon();
  await scripts();
}

function wasm() {
  cmake('wasm');
  mkdirSync(dist, { recursive: true });
  copyIfChanged(join(root, 'build/wasm/wasm/tiercel.wasm'), join(dist, 'core.wasm'));
}

function addon() {
  cmake('release');
  const prebuild = join(root, 'prebuilds', `${process.platform}-${process.arch}`);
  mkdirSync(prebuild, { recursive: true });
  copyIfChanged(join(root, 'build/release/node/tiercel.node'), join(prebuild, 'tiercel.node'));
}

async function scripts() {
  if (!existsSync(join(dist, 'core.wasm')))
    throw new CommandError('There is no dist/core.wasm: npm run build makes it.');
  generate(root);
  await Promise.all([types(), bundles()]);
}

/** Declarations do not depend on the addon; bundles are written only if they change. */
async function native() {
  addon();
  if (!existsSync(join(dist, 'core.wasm'))) return;
  generate(root);
  await bundles();
}

/** @param {string} preset */
function cmake(preset) {
  if (!existsSync(join(root, 'build', preset, 'build.ninja'))) run('cmake', ['--preset', preset]);
  run('cmake', ['--build', '--preset', preset, '--parallel', String(availableParallelism())]);
}

/** Declarations that entry points lead to, for ES modules and, under other names, for CommonJS. */
function types() {
  rmSync(join(dist, 'types'), { recursive: true, force: true });
  const all = join(root, 'build/types');
  rmSync(all, { recursive: true, force: true });
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'js/tsconfig.json')]);
  /** @param {string} path */
  const copy = (path) => {
    const to = join(dist, 'types', relative(all, path));
    if (existsSync(to)) return;
    const text = readFileSync(path, 'utf8');
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, text);
    writeFileSync(
      to.replace(/ts$/, 'cts'),
      text.replace(MODULE, (whole) => whole.replace(/\.js(?=.$)/, '.cjs')),
    );
    for (const [, , name] of text.matchAll(MODULE)) copy(join(dirname(path), name.replace(/js$/, 'd.ts')));
  };
  for (const source of ['index.ts', ...Object.values(SUBPATHS)]) copy(join(all, source.replace(/ts$/, 'd.ts')));
}

/** A module of ours that a declaration names: the quote, and what is in it. */
const MODULE = /(?<=from\s+|import\(?)(['"])(\.[^'"]*\.js)\1/g;

/** A file for each entry point, and for each runtime: little is left for a consumer's resolver to get wrong. */
async function bundles() {
  const { build: esbuild, transform, stop } = await import('esbuild');
  /** @param {string} code */
  const withoutSpace = async (code) => (await transform(code, { minifyWhitespace: true, charset: 'utf8' })).code;
  const inCommonJs = {
    // CommonJS has no import.meta; this is what it would be.
    define: { 'import.meta.url': 'importMetaUrl' },
    banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
  };
  await Promise.all(
    entryBundles().map(async ({ entries, common, format, platform, files, kind }) => {
      const { outputFiles } = await esbuild({
        write: false,
        absWorkingDir: root,
        entryPoints: entries,
        outdir: 'dist',
        outExtension: { '.js': format === 'esm' ? '.js' : '.cjs' },
        splitting: format === 'esm',
        chunkNames: common,
        format,
        platform,
        bundle: true,
        target: 'es2022',
        charset: 'utf8',
        legalComments: 'none',
        logLevel: 'warning',
        external: ['./core.wasm', './core.wasm?module', 'node:*', ...(kind === 'subpath' ? [PACKAGE] : [])],
        plugins: [{ main: () => withRuntime(format), runtime: withPart, subpath: fromThePackage }[kind]()],
        ...(platform === 'node' && format === 'cjs' ? inCommonJs : {}),
        // The same code once more, which is half of what there is to install.
        ...(format === 'cjs' ? { minifyWhitespace: true, minifySyntax: true, lineLimit: 120 } : {}),
      });
      const made = outputFiles.map(({ path }) => relative(root, path));
      if (made.sort().join() !== [...files].sort().join()) throw new CommandError(`made ${made}, not ${files}`);
      for (const { path, text } of outputFiles) {
        const code = format === 'esm' ? withoutComments(text) : text;
        if (code !== text && (await withoutSpace(code)) !== (await withoutSpace(text)))
          throw new CommandError(`${path} is another program without its comments`);
        if (!existsSync(path) || readFileSync(path, 'utf8') !== code) writeFileSync(path, code);
      }
    }),
  );
  await stop();
}

/**
 * Without comments that have lines of their own: an eighth of what there is to install.
 * What bundlers read, as that a call has no effects, is beside it. @param {string} code
 */
const withoutComments = (code) => code.replace(/^ *\/\/ .*\n|^ *\/\*\*[\s\S]*?\*\/\n/gm, '');

/** @param {string} from @param {string} to */
function copyIfChanged(from, to) {
  if (existsSync(to) && readFileSync(from).equals(readFileSync(to))) return;
  // Renamed into place: a process that has the old binary loaded goes on with the old one.
  copyFileSync(from, `${to}.new`);
  renameSync(`${to}.new`, to);
}

/** Shows what a command printed only if it failed. @param {string} command @param {string[]} args */
function run(command, args) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (error)
    throw new CommandError(
      `${command} could not be run: ${error.message}. Run npm start or npm test once: they install it.`,
    );
  if (status !== 0) throw new CommandError(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`);
}

const PARTS = { native, scripts };

await asCommand(import.meta, async (...names) => {
  const [name, ...others] = names;
  if (others.length > 0 || (name !== undefined && !Object.hasOwn(PARTS, name)))
    throw new CommandError(`${names.join(' ')} is not one of ${Object.keys(PARTS).join(', ')}.`);
  const started = Date.now();
  await (name === undefined ? build() : PARTS[name]());
  console.log(`built in ${((Date.now() - started) / 1000).toFixed(1)} s`);
});
