// What the command line and the environment ask for. Imports no package: `npm start` reads it before any is there.
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommandError } from './errors.mjs';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const REPOSITORY_DOCS = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'LICENSE', 'docs'];

const DEFAULT_REQUESTS = 20_000;
const MIN_REQUESTS = 1_000;
const MAX_REQUESTS = 1_000_000;

export const usage = `Serves a folder of Markdown files over HTTP, rendered through a Tiercel cache.

  npm start -- [FOLDER] [--no-cache] [--no-watch]
  npm start -- --load [N]

  FOLDER       the folder to serve; without it, the documentation of this repository
  --no-cache   render on every request
  --no-watch   compare modification times on every request instead of watching the folder
  --load [N]   drive the service with N requests (default ${DEFAULT_REQUESTS}), without and with the cache, and compare
  --help       this text

  HOST (127.0.0.1), PORT (8787; 0: any free one), SHUTDOWN_SECONDS (10) and TIERCEL_ENGINE (native or wasm)
  are read from the environment.`;

/**
 * @typedef {object} ServeOptions
 * @property {'serve'} command
 * @property {string} root Absolute.
 * @property {readonly string[] | undefined} only Names in the root that are served; undefined: all.
 * @property {boolean} cached
 * @property {boolean} watch
 * @property {string} host
 * @property {number} port
 * @property {number} shutdownSeconds
 */

/** @typedef {{ command: 'help' } | { command: 'load', requests: number } | ServeOptions} Options */

/**
 * @param {readonly string[]} args
 * @param {Readonly<Record<string, string | undefined>>} env
 * @param {string} cwd What a relative FOLDER is relative to.
 * @returns {Options}
 * @throws {CommandError} naming what is wrong and what is accepted.
 */
export function parseOptions(args, env, cwd) {
  /** @type {string | undefined} */
  let folder;
  /** @type {number | undefined} */
  let requests;
  const flags = new Set();

  for (let index = 0; index < args.length; index++) {
    const argument = /** @type {string} */ (args[index]);
    if (argument === '--help' || argument === '-h') return { command: 'help' };
    if (argument === '--no-cache' || argument === '--no-watch') flags.add(argument);
    else if (argument === '--load') {
      const next = args[index + 1];
      const hasValue = next !== undefined && !next.startsWith('-');
      requests = hasValue ? wholeNumber('--load', next, MIN_REQUESTS, MAX_REQUESTS) : DEFAULT_REQUESTS;
      if (hasValue) index++;
    } else if (argument.startsWith('-')) throw new CommandError(`unknown option ${argument}; try --help`);
    else if (argument === '') throw new CommandError('FOLDER must not be empty');
    else if (folder === undefined) folder = argument;
    else throw new CommandError(`one FOLDER is served, got ${folder} and ${argument}`);
  }

  if (requests !== undefined) {
    const other = folder ?? [...flags][0];
    if (other !== undefined) throw new CommandError(`--load writes its own folder and takes no ${other}`);
    return { command: 'load', requests };
  }
  return {
    command: 'serve',
    root: folder === undefined ? REPOSITORY : resolve(cwd, folder),
    only: folder === undefined ? REPOSITORY_DOCS : undefined,
    cached: !flags.has('--no-cache'),
    watch: !flags.has('--no-watch'),
    host: env.HOST || '127.0.0.1',
    port: wholeNumber('PORT', env.PORT || '8787', 0, 65_535),
    shutdownSeconds: wholeNumber('SHUTDOWN_SECONDS', env.SHUTDOWN_SECONDS || '10', 0, 3_600),
  };
}

/**
 * @param {string} name
 * @param {string} text
 * @param {number} min
 * @param {number} max
 */
function wholeNumber(name, text, min, max) {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new CommandError(`${name} must be a whole number from ${min} to ${max}, got "${text}"`);
}
