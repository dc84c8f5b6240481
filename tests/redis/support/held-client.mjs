// A client whose answers a test may hold back, after the server has given them, and that does something between two of its
// commands.
import { CLIENTS } from './clients.mjs';

/** @param {readonly (string | Uint8Array)[]} args */
const isRead = (args) => args[0] === 'GET' || args.includes('read') || args.includes('+read');

/** A promise that is resolved from outside. */
function deferred() {
  /** @type {() => void} */
  let resolve = () => undefined;
  /** @type {Promise<void>} */
  const promise = new Promise((resolved) => {
    resolve = resolved;
  });
  return { promise, resolve };
}

export class HeldClient {
  client;
  topology = /** @type {const} */ ('standalone');
  /** How often entries were asked for. */
  reads = 0;
  /** Names of commands. @type {string[]} */
  sent = [];
  /** @type {(() => Promise<void>) | undefined} */
  #hold;
  /** What is to be done before which commands. @type {{ command: string, skip: number, work: () => Promise<unknown> }[]} */
  #between = [];
  /** Once there is something to do in between: the end of what was sent before. @type {Promise<unknown> | undefined} */
  #last;
  #client;

  /** @param {any} client of ioredis @param {'ioredis' | 'rest'} kind what it says to be */
  constructor(client, kind) {
    this.#client = client;
    this.client = kind;
  }

  /** @param {number} port @param {'ioredis' | 'rest'} kind */
  static async connect(port, kind) {
    return new HeldClient(await CLIENTS.ioredis(port), kind);
  }

  isReady() {
    return true;
  }

  /** Holds the next answer to a read: `given` once the server has given it, until `release` is called. */
  holdNext() {
    const [given, released] = [deferred(), deferred()];
    this.#hold = () => {
      given.resolve();
      return released.promise;
    };
    return { given: given.promise, release: released.resolve };
  }

  /**
   * Does something before the next command of a name, once what was sent before it is answered.
   * @param {string} command @param {() => Promise<unknown>} work @param {number} skip how many of them come before
   */
  before(command, work, skip = 0) {
    this.#between.push({ command, skip, work });
    this.#last ??= Promise.resolve();
  }

  /** @param {readonly (string | Uint8Array)[]} args */
  async send(args) {
    const name = String(args[0]);
    this.sent.push(name);
    const hold = isRead(args) ? this.#hold : undefined;
    if (isRead(args)) {
      this.reads++;
      this.#hold = undefined;
    }
    const buffers = args.map((arg) =>
      typeof arg === 'string' ? arg : Buffer.from(arg.buffer, arg.byteOffset, arg.byteLength),
    );
    const call = () => this.#client.callBuffer(...buffers);
    const work = this.#workBefore(name);
    const answer = this.#last === undefined ? call() : this.#last.then(work).then(call);
    if (this.#last !== undefined) this.#last = answer.catch(() => undefined);
    const reply = await answer;
    await hold?.();
    return reply;
  }

  /** @param {string} name */
  #workBefore(name) {
    const due = this.#between.find((one) => one.command === name && one.skip-- === 0);
    this.#between = this.#between.filter((one) => one !== due);
    return due?.work;
  }

  [Symbol.dispose]() {
    this.#client[Symbol.dispose]();
  }
}
