// Runtimes beside the one that runs the tests. They are too large to come with every `npm ci`, so their versions and
// checksums are in a lock file of their own, which is installed when they are first asked for.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './packed.mjs';

/** @typedef {{ command: string, args: string[] }} Runtime A program, and what goes before flags and file. */

const LOCKED = join(root, 'tests/package/runtimes');
const CACHE = join(root, 'node_modules/.cache/tiercel-runtimes');

const platform = `${process.platform}-${process.arch}`;
const oven = platform.replace('arm64', 'aarch64');

/** What the lock file has for Linux on x64 and arm64. */
const PROGRAMS = {
  'Node 22': [`node-22-${platform}/bin/node`],
  'Node 24': [`node-24-${platform}/bin/node`],
  'Node 26': [`node-26-${platform}/bin/node`],
  Bun: [`@oven/bun-${oven}/bin/bun`, 'run'],
  Deno: [`@deno/${platform}-glibc/deno`, 'run', '--no-prompt'],
};

export const RUNTIMES = Object.keys(PROGRAMS);

/** Why there are none, or false. Bun and Deno are built for glibc. */
export const unavailable =
  ['linux-x64', 'linux-arm64'].includes(platform) && isGlibc() ? false : `no runtimes are locked for ${platform}`;

/** Node's own report names the C library only if it is glibc. */
function isGlibc() {
  const { header } = /** @type {{ header: Record<string, unknown> }} */ (process.report.getReport());
  return header.glibcVersionRuntime !== undefined;
}

/** Installs them, the first time, and resolves each name to its program. @returns {Record<string, Runtime>} */
export function installRuntimes() {
  const modules = join(installed(), 'node_modules');
  return Object.fromEntries(
    Object.entries(PROGRAMS).map(([name, [path, ...args]]) => [name, { command: join(modules, path), args }]),
  );
}

function installed() {
  const hash = createHash('sha256')
    .update(readFileSync(join(LOCKED, 'package-lock.json')))
    .digest('hex');
  const folder = join(CACHE, hash.slice(0, 16));
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE, { recursive: true });
  const draft = mkdtempSync(join(CACHE, 'draft-'));
  try {
    for (const name of ['package.json', 'package-lock.json']) copyFileSync(join(LOCKED, name), join(draft, name));
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: draft });
    renameSync(draft, folder);
  } catch (error) {
    // Another process may have been faster.
    if (!existsSync(folder)) throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return folder;
}
