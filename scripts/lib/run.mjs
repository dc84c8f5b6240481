import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The repository's own folder: what commands run in unless told otherwise. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

// What is still running. Each child leads a process group, so that its own children end with it; being out of
// ours, it would also outlive a Ctrl-C, so that is passed on while there is a child.
const running = new Set();
let ending = false;

function add(child) {
  if (running.size === 0) {
    for (const signal of Object.keys(SIGNALS)) process.on(signal, onSignal);
    process.on('exit', onExit);
  }
  running.add(child);
}

function remove(child) {
  if (!running.delete(child) || running.size > 0 || ending) return;
  for (const signal of Object.keys(SIGNALS)) process.off(signal, onSignal);
  process.off('exit', onExit);
}

function endGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group is gone already.
  }
}

function onSignal(signal) {
  if (ending) return;
  ending = true;
  for (const child of running) endGroup(child, 'SIGTERM');
  // Time for children that have started groups of their own, as a browser does, to end those.
  setTimeout(() => process.exit(128 + SIGNALS[signal]), 1_000);
}

function onExit() {
  for (const child of running) endGroup(child, 'SIGKILL');
}

/**
 * Runs a program in a process group of its own and collects what it prints. Never rejects.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {object} [options]
 * @param {string} [options.cwd] Default: the repository.
 * @param {Record<string, string | undefined>} [options.env] Added to the environment; undefined: taken from it.
 * @param {number} [options.deadline] Time of day, in milliseconds, at which the group is ended. Default: never.
 * @param {number} [options.grace] Milliseconds that are left to the group, between SIGTERM and SIGKILL and after
 *   its leader's end. Default: 5000.
 * @returns {Promise<{ ok: boolean, code: number | null, output: string }>} `code` is null if the program could not
 *   be started or was ended by a signal; `output` says so.
 */
export function run(command, args, { cwd = root, env, deadline = Number.POSITIVE_INFINITY, grace = 5_000 } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const chunks = [];
    let note = '';
    let late = false;
    let timer;
    const endIn = (ms, signal, then) => {
      timer = setTimeout(() => {
        endGroup(child, signal);
        then?.();
      }, ms);
    };
    const finish = (code) => {
      clearTimeout(timer);
      remove(child);
      // Nothing is to begin after what was ended by a signal to us.
      if (ending) return;
      resolve({ ok: code === 0 && !late, code, output: Buffer.concat(chunks).toString() + note });
    };

    child.on('error', (error) => {
      note += `${command}: ${error.message}\n`;
      if (child.pid === undefined) finish(null);
    });
    if (child.pid === undefined) return;
    add(child);
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => chunks.push(chunk));
    child.on('close', finish);
    child.on('exit', (_code, signal) => {
      if (signal !== null) note += `\n${command} was ended by ${signal}\n`;
      // What it left behind would keep the pipes, and so this promise, open.
      clearTimeout(timer);
      endIn(grace, 'SIGKILL');
    });
    if (deadline < Number.POSITIVE_INFINITY) {
      endIn(Math.max(0, deadline - Date.now()), 'SIGTERM', () => {
        late = true;
        note += `\n${command} ran into its time limit and was ended\n`;
        endIn(grace, 'SIGKILL');
      });
    }
  });
}

/**
 * Calls `work` for each item, `width` at a time.
 *
 * @template T, R
 * @param {readonly T[]} items
 * @param {number} width
 * @param {(item: T) => Promise<R>} work
 * @returns {Promise<R[]>} In the order of `items`.
 */
export async function inParallel(items, width, work) {
  const results = new Array(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index]);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  return results;
}
