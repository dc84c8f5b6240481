// Runs a module of this folder in a process of its own: what it measures is then its own doing.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * @param {string} name of the module, which prints one JSON document
 * @param {...(string | number)} args
 * @returns {any} what it printed
 */
export function inProcess(name, ...args) {
  const script = fileURLToPath(new URL(`${name}.mjs`, import.meta.url));
  const { status, stdout } = spawnSync(
    process.execPath,
    ['--expose-gc', '--max-old-space-size=8192', script, ...args.map(String)],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  );
  if (status !== 0) throw new Error(`${name} ${args.join(' ')} failed`);
  return JSON.parse(stdout);
}
