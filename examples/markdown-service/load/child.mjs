import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../main.mjs', import.meta.url));
const START_MS = 30_000;

/**
 * The service as a process of its own, on a free port.
 *
 * @typedef {object} Child
 * @property {string} url
 * @property {string} engine
 * @property {AbortSignal} ended Aborted when the process ended by itself.
 * @property {() => Promise<void>} stop Rejects if it does not end well.
 * @property {() => void} kill
 */

/**
 * @param {string} folder
 * @param {{ cached: boolean }} options
 * @returns {Promise<Child>}
 */
export async function startChild(folder, { cached }) {
  const args = [MAIN, folder, ...(cached ? [] : ['--no-cache'])];
  const env = { ...process.env, HOST: '127.0.0.1', PORT: '0' };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit').then(([code]) => /** @type {number | null} */ (code));
  const ended = new AbortController();
  void exited.then((code) => ended.abort(new Error(`the service ended with exit code ${code}`)));

  const timer = setTimeout(() => child.kill('SIGKILL'), START_MS);
  let engine = '';
  let url = '';
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('engine ')) engine = line.slice('engine '.length);
    if (line.startsWith('listening on ')) url = line.slice('listening on '.length);
    if (url !== '') break;
  }
  clearTimeout(timer);
  if (url === '') throw new Error(`the service did not start: exit code ${await exited}`);
  child.stdout.resume();

  return {
    url,
    engine,
    ended: ended.signal,
    kill: () => child.kill('SIGKILL'),
    stop: async () => {
      child.kill('SIGTERM');
      const code = await exited;
      if (code !== 0) throw new Error(`the service ended with exit code ${code}`);
    },
  };
}
