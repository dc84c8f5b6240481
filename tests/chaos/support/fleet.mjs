// Some processes with a cache each, one server, and a proxy between for each process and role; and the source that the
// caches are in front of, whose versions only grow.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startProxy } from '../../redis/support/proxy.mjs';
import { startServer } from '../../redis/support/server.mjs';

const PROGRAM = fileURLToPath(new URL('./cache-process.mjs', import.meta.url));

/** Engine and client of each process. */
const KINDS = [
  { engine: 'native', library: 'ioredis' },
  { engine: 'native', library: 'node-redis' },
  { engine: 'wasm', library: 'ioredis' },
  { engine: 'wasm', library: 'node-redis' },
];
const KEYS = Array.from({ length: 8 }, (_, i) => `key ${i}`);
/** A bus that is silent for longer than these two together is in doubt: in production 2 s and 1 s. */
const HEARTBEAT = 200;
const PATIENCE = 200;

export const now = () => Number(process.hrtime.bigint()) / 1e6;

export class Fleet {
  /**
   * `facts`: what the process said at its end, in messages that have no type.
   * @typedef {Awaited<ReturnType<typeof startProxy>>} Proxy
   * @type {{ name: string, child: import('node:child_process').ChildProcess, data: Proxy, bus: Proxy, errors: string, facts?: any }[]}
   */
  members = [];
  /** What all processes did. @type {any[]} */
  log = [];
  changes = 0;
  /** Changes that were acknowledged. */
  acknowledged = 0;
  /** @type {Map<string, number>} */
  #source = new Map(KEYS.map((key) => [key, 1]));
  #pending = new Map();
  #unheard = [];
  #nextChange = 0;
  #slowest = 0;

  /**
   * @param {{ breaks?: string, slowest?: number }} [options] breaks: a protection that is off, see broken.mjs; slowest:
   *   longest that the source takes, in milliseconds
   */
  static async open({ breaks, slowest = 30 } = {}) {
    const fleet = new Fleet();
    fleet.#slowest = slowest;
    fleet.server = await startServer();
    try {
      await Promise.all(KINDS.map((kind, i) => fleet.#start(`process ${i}`, kind, breaks)));
    } catch (error) {
      await fleet.close().catch(() => undefined);
      throw error;
    }
    return fleet;
  }

  async #start(name, { engine, library }, breaks) {
    const [data, bus] = [await startProxy(this.server.port), await startProxy(this.server.port)];
    const options = { name, keys: KEYS, library, breaks, heartbeat: HEARTBEAT, patience: PATIENCE };
    const argument = JSON.stringify({ ...options, dataPort: data.port, busPort: bus.port });
    const child = fork(PROGRAM, [argument], {
      env: { ...process.env, TIERCEL_ENGINE: engine },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const member = { name, child, data, bus, errors: '', facts: undefined };
    this.members.push(member);
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      member.errors += text;
    });
    child.on('exit', (code, signal) => {
      if (member.facts === undefined) this.#unheard.push(`${name} ended with ${code ?? signal}:\n${member.errors}`);
    });
    const ready = Promise.race([
      new Promise((resolve) => {
        child.on('message', (message) => this.#hear(member, message, resolve));
      }),
      once(child, 'exit').then(() => Promise.reject(new Error(`${name} did not start:\n${member.errors}`))),
    ]);
    await ready;
  }

  #hear(member, message, ready) {
    if (message.ready) ready();
    else if (message.load !== undefined) {
      // What it was when it was asked for, however long the answer takes.
      const version = this.#source.get(message.key);
      const answer = () => member.child.connected && member.child.send({ loaded: message.load, version });
      setTimeout(answer, Math.random() * this.#slowest);
    } else if (message.log !== undefined) for (const record of message.log) this.log.push(record);
    else if (message.changed !== undefined) {
      this.#pending.get(message.changed)?.(message);
      this.#pending.delete(message.changed);
    } else if (message.stopped !== undefined) member.facts = message.stopped;
  }

  /** Changes the source, and has one process say so. Resolves when that has answered. */
  async change() {
    const key = KEYS[Math.floor(Math.random() * KEYS.length)];
    const member = this.members[Math.floor(Math.random() * this.members.length)];
    const version = (this.#source.get(key) ?? 0) + 1;
    this.#source.set(key, version);
    this.changes++;
    const begin = now();
    const id = ++this.#nextChange;
    const answer = new Promise((resolve) => this.#pending.set(id, resolve));
    if (!member.child.connected) return;
    member.child.send({ change: { id, key, how: id % 2 === 0 ? 'tag' : 'key' } });
    const { isDurable, end } = await answer;
    if (!isDurable) return;
    this.acknowledged++;
    this.log.push({ type: 'change', process: member.name, key, version, begin, end });
  }

  /** Ends all of it; rejects if a process ended before, or badly. */
  async close() {
    await Promise.all(
      this.members.map(async ({ child }) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const exit = once(child, 'exit');
        if (child.connected) child.send({ stop: true });
        const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
        await exit;
        clearTimeout(timer);
      }),
    );
    await Promise.all(this.members.flatMap(({ data, bus }) => [data.close(), bus.close()]));
    await this.server?.stop();
    if (this.#unheard.length > 0) throw new Error(this.#unheard.join('\n'));
  }

  /** @type {import('../../redis/support/server.mjs').RedisServer | undefined} */
  server;
}
