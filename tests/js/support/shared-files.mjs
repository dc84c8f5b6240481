// Which files of tests there are to run with caches that threads share: those that open one by support/cache.ts, themselves
// or by what they import. All others do what they did on the native engine.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const IMPORT = /^import (?!type\b)[^;]*? from '(\.[^']*)';/gms;

/** Whether `file`, or what it imports, is or imports `wanted`. */
function leadsTo(file, wanted, seen = new Set()) {
  if (file === wanted) return true;
  if (seen.has(file) || !existsSync(file)) return false;
  seen.add(file);
  return [...readFileSync(file, 'utf8').matchAll(IMPORT)].some(([, name]) =>
    leadsTo(resolve(dirname(file), name.replace(/\.js$/, '.ts')), wanted, seen),
  );
}

/** @param {string} folder that of the tests */
export function sharedFiles(folder) {
  const opens = join(folder, 'support/cache.ts');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(folder, name))
    .filter((file) => leadsTo(file, opens));
}
