import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError } from './command.mjs';
import { root } from './run.mjs';

const LOCK = join(root, 'package-lock.json');
// npm removes it with the rest of node_modules, so it never outlives what it speaks of.
const STAMP = join(root, 'node_modules', '.tiercel-stamp');

/** Changes with the lock file and with the platform, as some packages are binaries. */
function stamp() {
  const hash = createHash('sha256').update(readFileSync(LOCK)).digest('hex');
  return `${process.platform}-${process.arch} ${hash}\n`;
}

function installedStamp() {
  try {
    return readFileSync(STAMP, 'utf8');
  } catch {
    return undefined;
  }
}

/** Runs `npm ci` unless it already ran for this lock file on this platform. */
export function installNodeModules() {
  if (installedStamp() === stamp()) return;
  console.log('Installing the development dependencies with npm ci');
  const { status, error } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) throw new CommandError(`npm ci failed: ${error?.message ?? `exit code ${status}`}`);
  writeFileSync(STAMP, stamp());
}

/** @param {string} name @returns {string} The program of that name that a package in node_modules brings. */
export function bin(name) {
  return join(root, 'node_modules/.bin', name);
}
