// A client whose answers a test may hold back, after the server has given them.
import { CLIENTS } from './clients.mjs';

/** @param {readonly (string | Uint8Array)[]} args */
const isRead = (args) => args.includes('read') || args.includes('+read');

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
  client = /** @type {const} */ ('rest');
  topology = /** @type {const} */ ('standalone');
  /** How often entries were asked for. */
  reads = 0;
  /** @type {(() => Promise<void>) | undefined} */
  #hold;
  #client;

  /** @param {any} client of ioredis */
  constructor(client) {
    this.#client = client;
  }

  /** @param {number} port */
  static async connect(port) {
    return new HeldClient(await CLIENTS.ioredis(port));
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

  /** @param {readonly (string | Uint8Array)[]} args */
  async send(args) {
    const hold = isRead(args) ? this.#hold : undefined;
    if (isRead(args)) {
      this.reads++;
      this.#hold = undefined;
    }
    const buffers = args.map((arg) =>
      typeof arg === 'string' ? arg : Buffer.from(arg.buffer, arg.byteOffset, arg.byteLength),
    );
    const reply = await this.#client.callBuffer(...buffers);
    await hold?.();
    return reply;
  }

  [Symbol.dispose]() {
    this.#client[Symbol.dispose]();
  }
}
