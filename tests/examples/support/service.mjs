// @ts-check
// Runs an example service, the Markdown service unless told otherwise, as a process of its own, and talks to it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
process.once('exit', endAll);

const MAIN = fileURLToPath(new URL('../../../examples/markdown-service/main.mjs', import.meta.url));

/**
 * A new folder in the system's folder for temporary files.
 *
 * @param {Record<string, string>} files Their content by path.
 */
export async function makeFolder(files) {
  const folder = await mkdtemp(join(tmpdir(), 'tiercel-example-'));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}

/**
 * The program, whether it serves or fails.
 *
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 * @param {string} [program]
 */
export function run(args, env = {}, program = MAIN) {
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, HOST: '127.0.0.1', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk;
  });
  /** @type {Promise<{ code: number | null, signal: NodeJS.Signals | null }>} */
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  running.add(child);
  void ended.then(() => running.delete(child));
  return { child, output, ended };
}

/** Ends what a failed test has left running. */
export function endAll() {
  for (const child of running) child.kill('SIGKILL');
}

/** @typedef {Awaited<ReturnType<typeof startService>>} Service */

/**
 * The program, once it serves.
 *
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 * @param {string} [program]
 */
export async function startService(args, env, program) {
  const { child, output, ended } = run(args, env, program);
  let hasEnded = false;
  void ended.then(() => {
    hasEnded = true;
  });
  await until(30_000, 'the service to listen', () => hasEnded || output.stdout.includes('listening on '));
  const url = /^listening on (\S+)$/m.exec(output.stdout)?.[1];
  if (url === undefined) throw new Error(`the service did not start:\n${output.stdout}${output.stderr}`);
  return {
    url,
    child,
    output,
    ended,
    /** Its exit code after a SIGTERM. */
    async stop() {
      child.kill('SIGTERM');
      return (await ended).code;
    },
  };
}

/**
 * @typedef {object} AskOptions
 * @property {string} [method]
 * @property {Record<string, string>} [headers]
 * @property {string} [body]
 */

/**
 * One request on a connection of its own. The path is sent as it is, as no client that resolves it would.
 *
 * @param {string} url
 * @param {string} path
 * @param {AskOptions} [options]
 * @returns {Promise<{ status: number | undefined, headers: Record<string, string | undefined>, body: string }>}
 */
export function ask(url, path, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const sent = request({ hostname, port, path, method, headers, agent: false, timeout: 10_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        const headers = /** @type {Record<string, string | undefined>} */ (response.headers);
        resolve({ status: response.statusCode, headers, body: text });
      });
    });
    sent.on('timeout', () => sent.destroy(new Error(`no answer to ${method} ${path}`)));
    sent.on('error', reject);
    sent.end(body);
  });
}

/**
 * Waits for a condition; rejects if it has not come about in time.
 *
 * @param {number} milliseconds
 * @param {string} what
 * @param {() => boolean | Promise<boolean>} condition
 */
export async function until(milliseconds, what, condition) {
  const deadline = performance.now() + milliseconds;
  while (true) {
    if (await condition()) return;
    if (performance.now() > deadline) throw new Error(`waited ${milliseconds} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
