import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Where the addon for this platform is in the package. */
export const ADDON = `prebuilds/${process.platform}-${process.arch}/tiercel.node`;

function npm(args, cwd) {
  return execFileSync('npm', [...args, '--loglevel=error'], { cwd, encoding: 'utf8' });
}

/** What `npm pack` would put into the tarball: `{ files: [{ path, size }], size, unpackedSize }`. */
export function packedFiles() {
  return JSON.parse(npm(['pack', '--dry-run', '--json'], root))[0];
}

/** A folder outside the repository, removed when this process ends. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-package-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Packs the package. @param {string} folder @returns {string} The path of the tarball, in the folder. */
export function tarball(folder = temporaryFolder()) {
  const [{ filename }] = JSON.parse(npm(['pack', '--json', '--pack-destination', folder], root));
  return join(folder, filename);
}

/** An empty project with the package installed from its tarball, as a user gets it. */
export function installedProject() {
  const folder = temporaryFolder();
  const packed = tarball(folder);
  const project = join(folder, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "name": "project", "private": true }\n');
  npm(['install', '--ignore-scripts', '--offline', '--no-audit', '--no-fund', packed], project);
  return new Project(project);
}

class Project {
  constructor(folder) {
    this.folder = folder;
    this.package = join(folder, 'node_modules/tiercel');
  }

  /** Writes a file of the project and returns its path. */
  write(name, text) {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  /**
   * Runs a file with Node, or another runtime, and returns what it prints, as JSON.
   *
   * @param {string} path
   * @param {object} [options]
   * @param {string[]} [options.flags]
   * @param {Record<string, string>} [options.env]
   * @param {string} [options.cwd]
   * @param {import('./runtimes.mjs').Runtime} [options.runtime]
   */
  run(path, { flags = [], env = {}, cwd = this.folder, runtime = { command: process.execPath, args: [] } } = {}) {
    const { status, signal, stdout, stderr } = spawnSync(runtime.command, [...runtime.args, ...flags, path], {
      cwd,
      env: { ...process.env, TIERCEL_ENGINE: '', NODE_OPTIONS: '', ...env },
      encoding: 'utf8',
      timeout: 60_000,
    });
    assert.deepEqual({ status, signal }, { status: 0, signal: null }, stderr);
    return JSON.parse(stdout);
  }
}

/** For each entry point beside `tiercel`, imported as `sub`, something that throws a TiercelError of its own. */
export const REFUSALS = {
  edge: ({ sub }) => `${sub}.kvTier({ get() {}, put() {} }, { maxTtl: 'long' })`,
  patterns: ({ sub, MemoryCache }) => `${sub}.cacheAside(${MemoryCache}.createSync(), {})`,
  redis: ({ sub }) => `${sub}.redisBus({}, { heartbeat: 'soon' })`,
  warming: ({ sub }) => `new ${sub}.Warmer({ concurrency: 0 })`,
};
const SUBPATHS = Object.keys(REFUSALS);

/** Uses a cache, and every entry point, and tells which engine that was and why. */
const REPORT = `
const cache = MemoryCache.createSync({ values: 'bytes' });
cache.set('key', { text: 'gr\\u00fc\\u00df\\ud83d\\ude80' });
const refuses = (call) => { try { call(); } catch (error) { return error instanceof TiercelError; } };
const refused = [${SUBPATHS.map((sub) => `refuses(() => ${REFUSALS[sub]({ sub, MemoryCache: 'MemoryCache' })})`)}];
const report = { ...engineInfo(), used: cache.engine, value: cache.get('key').text, refused };
`;
const NAMES = '{ engineInfo, MemoryCache, TiercelError }';
const PRINTED = 'console.log(JSON.stringify(report));\n';
const IMPORTS = [
  `import ${NAMES} from 'tiercel';`,
  ...SUBPATHS.map((sub) => `import * as ${sub} from 'tiercel/${sub}';`),
].join('\n');
const REQUIRES = [
  `const ${NAMES} = require('tiercel');`,
  ...SUBPATHS.map((sub) => `const ${sub} = require('tiercel/${sub}');`),
].join('\n');

/** Programs that print the report. */
export const ESM = IMPORTS + REPORT + PRINTED;
export const CJS = REQUIRES + REPORT + PRINTED;
/** A Worker that answers with it. */
export const WORKER = `${IMPORTS + REPORT}export default { fetch: () => Response.json(report) };\n`;
/** Tests of Jest that expect of it what they are given. */
const test = (expected) =>
  `test('it is as expected', () => expect(report).toMatchObject(${JSON.stringify(expected)}));\n`;
export const jestEsm = (expected) => IMPORTS + REPORT + test(expected);
export const jestCjs = (expected) => REQUIRES + REPORT + test(expected);

export const VALUE = 'gr\u00fc\u00df\ud83d\ude80';
/** What `refused` is if every entry point throws the errors of `tiercel`. */
export const REFUSED = SUBPATHS.map(() => true);
