// A redis-server of the tests' own, with the configuration and the users of examples/redis.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { configured, example } from './configured.mjs';
import { send } from './resp.mjs';
import { hasEnded, watchOver } from './watcher.mjs';

/** A port of the loopback that nobody had a moment ago. @returns {Promise<number>} */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/**
 * Waits until `holds` gives something true, which it is asked again and again. For longer than a sentinel does nothing at
 * all (30 s, "TILT") once it has found that the machine stood still. @template T
 */
export async function until(what, holds, { timeout = 120_000 } = {}) {
  const deadline = performance.now() + timeout;
  let failure;
  while (performance.now() < deadline) {
    try {
      const answer = await holds();
      if (answer) return answer;
    } catch (error) {
      failure = error;
    }
    await pause(20);
  }
  throw new Error(`after ${timeout} ms still not so: ${what}`, { cause: failure });
}

/**
 * One process of redis-server, as a server or a sentinel. It may be ended, stopped and started again any number of times,
 * on the same port; unless it is told to keep what is in its folder, it starts empty, as redis.conf wants it.
 */
export class RedisServer {
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #process;
  #output = '';

  /**
   * @param {number} port
   * @param {(folder: string) => string} configuration the text of its file
   * @param {{ sentinel?: boolean }} [options]
   */
  constructor(port, configuration, { sentinel = false } = {}) {
    this.port = port;
    this.sentinel = sentinel;
    this.folder = mkdtempSync(join(tmpdir(), 'tiercel-redis-'));
    this.configuration = configuration;
    this.#write();
  }

  get pid() {
    return this.#process?.pid;
  }

  /** What it has logged. */
  get output() {
    return this.#output;
  }

  #write() {
    mkdirSync(this.folder, { recursive: true });
    writeFileSync(join(this.folder, 'users.acl'), example('users.acl'));
    writeFileSync(join(this.folder, 'redis.conf'), this.configuration(this.folder));
  }

  /** Starts the process and waits until it answers. */
  async start() {
    if (this.#process !== undefined) throw new Error(`the server on port ${this.port} runs already`);
    const child = spawn('redis-server', [join(this.folder, 'redis.conf'), ...(this.sentinel ? ['--sentinel'] : [])], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    this.#output = '';
    watchOver(child, this.folder);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.#output += text;
      });
    }
    await until(`redis-server on port ${this.port} answers`, async () => {
      if (child.exitCode !== null || child.signalCode !== null) return true;
      return (await this.command('PING')) === 'PONG';
    });
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}:\n${this.#output}`);
  }

  /** Sends one command as `admin`. @param {...(string | number | Uint8Array)} parts @returns {Promise<any>} */
  async command(...parts) {
    const [reply] = await send(this.port, [parts], this.sentinel ? { user: [] } : {});
    return reply;
  }

  /** The process stands still: connections stay, and nothing is answered. */
  suspend() {
    this.#process?.kill('SIGSTOP');
  }

  resume() {
    this.#process?.kill('SIGCONT');
  }

  /** As a crash does. */
  async kill() {
    const child = this.#process;
    if (child === undefined) return;
    this.#process = undefined;
    const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
    child.kill('SIGKILL');
    await ended;
    hasEnded(child);
  }

  /** Ends it, and starts it with nothing of what it had. */
  async restart() {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
    this.#write();
    await this.start();
  }

  /** Ends it and removes its folder. */
  async stop() {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose]() {
    await this.stop();
  }
}

/** redis.conf of examples/redis for a server on the loopback. @param {number} port */
export const serverConfiguration =
  (port, values = {}) =>
  (folder) =>
    configured(example('redis.conf'), {
      bind: '127.0.0.1',
      port,
      dir: folder,
      aclfile: join(folder, 'users.acl'),
      maxmemory: '100mb',
      ...values,
    });

/**
 * Starts a standalone server.
 *
 * @param {Readonly<Record<string, string | number | undefined>>} [values] of other directives of redis.conf
 */
export async function startServer(values = {}) {
  const port = await freePort();
  const server = new RedisServer(port, serverConfiguration(port, values));
  try {
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}
