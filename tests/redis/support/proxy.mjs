// A TCP proxy on the loopback that does to connections what networks do.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { parse, request } from './resp.mjs';

/**
 * How bytes go on, in one direction of all connections:
 * - `delay` milliseconds later, in order
 * - `split`: in pieces of at most so many bytes, each in a packet of its own
 * - `coalesce`: what comes within so many milliseconds, at once
 * @typedef {{ delay?: number, split?: number, coalesce?: number }} Flow
 */

/** Waits until a socket takes more, or is gone. @param {import('node:net').Socket} socket @returns {Promise<void>} */
const writable = (socket) =>
  new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });

/**
 * Ends a connection with a reset; with a FIN if one is just being sent: a socket of Node 20 that is reset meanwhile is never
 * closed, and its process never ends. @param {import('node:net').Socket} socket
 */
function reset(socket) {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy();
  else socket.resetAndDestroy();
}

/** Finds the commands in what a client sends, so that some of them can be replaced. */
class Requests {
  /** The beginning of a command whose end has not come, and how much of it has gone on. */
  #rest = Buffer.alloc(0);
  #gone = 0;

  /** What goes on of these bytes and those before. @param {Buffer} bytes @param {((parts: Buffer[]) => Buffer | undefined) | undefined} replace */
  take(bytes, replace) {
    const all = Buffer.concat([this.#rest, bytes]);
    const out = [];
    let at = 0;
    for (let found = parse(all); found !== undefined && at < all.length; found = parse(all, at)) {
      const [parts, end] = found;
      const whole = all.subarray(at, end);
      // One that has gone on in part goes on.
      out.push(this.#gone > 0 ? whole.subarray(this.#gone) : (replace?.(parts) ?? whole));
      this.#gone = 0;
      at = end;
      if (at === all.length) break;
    }
    this.#rest = all.subarray(at);
    if (replace === undefined) {
      out.push(this.#rest.subarray(this.#gone));
      this.#gone = this.#rest.length;
    }
    return Buffer.concat(out);
  }
}

/** One direction of a connection. */
class Pipe {
  /** What came and has not gone on, and when it came. @type {{ bytes: Buffer, at: number }[]} */
  #waiting = [];
  #ended = false;
  #busy = false;
  #held = false;
  #broken = false;

  /**
   * @param {import('node:net').Socket} from @param {import('node:net').Socket} to @param {() => Flow} flow
   * @param {(bytes: Buffer) => Buffer} [change] what becomes of what comes
   */
  constructor(from, to, flow, change = (bytes) => bytes) {
    this.from = from;
    this.to = to;
    this.flow = flow;
    from.on('data', (data) => {
      const bytes = change(data);
      this.#waiting.push({ bytes, at: performance.now() });
      // One that cannot be written is not read either, as in a network.
      if (this.#waiting.length > 64) from.pause();
      void this.#pump();
    });
    from.on('end', () => {
      this.#ended = true;
      void this.#pump();
    });
    // A reset stays one.
    from.on('error', () => {
      this.#broken = true;
      void this.#pump();
    });
  }

  async #pump() {
    if (this.#busy || this.#held) return;
    this.#busy = true;
    while (this.#waiting.length > 0 && !this.#held && !this.#broken && !this.to.destroyed) {
      const { delay = 0, split = Number.POSITIVE_INFINITY, coalesce = 0 } = this.flow();
      const wait = this.#waiting[0].at + delay + coalesce - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      if (this.#held) break;
      const taken = this.#waiting.splice(0, coalesce > 0 ? this.#waiting.length : 1);
      const bytes = Buffer.concat(taken.map((chunk) => chunk.bytes));
      for (let at = 0; at < bytes.length && !this.to.destroyed; at += split) {
        this.to.write(bytes.subarray(at, at + split));
        // A turn of the loop, so that each piece is sent by itself.
        if (split < bytes.length) await new Promise((resolve) => setImmediate(resolve));
      }
      if (this.to.writableNeedDrain) await writable(this.to);
      if (!this.#held) this.from.resume();
    }
    this.#busy = false;
    if (this.#held || this.to.destroyed) return;
    if (this.#broken) reset(this.to);
    else if (this.#ended && this.#waiting.length === 0) this.to.end();
  }

  /** Lets nothing through, not even that the other side is gone, and loses nothing: a network sends again what was lost. */
  hold() {
    this.#held = true;
    this.from.pause();
  }

  release() {
    if (!this.#held) return;
    this.#held = false;
    this.from.resume();
    void this.#pump();
  }
}

/** @typedef {{ client: import('node:net').Socket, server: import('node:net').Socket, up: Pipe, down: Pipe }} Connection */

/** Stands between clients and one server. `up` is the direction to the server, `down` the one to the clients. */
export class TcpProxy {
  /** @type {Set<Connection>} */
  #connections = new Set();
  #listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
  #holes = { up: false, down: false };
  /** @type {{ up: Flow, down: Flow }} */
  #flow = { up: {}, down: {} };
  /** Connections that were ever made through it. */
  accepted = 0;
  /** How often a command {@link dropAt} came. */
  dropped = 0;
  port = 0;

  /** @type {((parts: Buffer[]) => Buffer | undefined) | undefined} */
  #replace;
  #readsCommands;

  /**
   * @param {number} target the port that connections go to; it may be changed for those to come
   * @param {{ readsCommands?: boolean }} [options] readsCommands: so that it can {@link answer}
   */
  constructor(target, { readsCommands = false } = {}) {
    this.target = target;
    this.#readsCommands = readsCommands;
  }

  #reader() {
    if (!this.#readsCommands) return undefined;
    const requests = new Requests();
    return (bytes) => requests.take(bytes, this.#replace);
  }

  async listen(port = 0) {
    this.#listener.listen(port, '127.0.0.1');
    await once(this.#listener, 'listening');
    const address = this.#listener.address();
    if (typeof address === 'object' && address !== null) this.port = address.port;
  }

  /** Connections that are open. */
  get connections() {
    return this.#connections.size;
  }

  /** @param {import('node:net').Socket} client */
  #accept(client) {
    this.accepted++;
    const server = connect({ port: this.target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const connection = {
      client,
      server,
      up: new Pipe(client, server, () => this.#flow.up, this.#reader()),
      down: new Pipe(server, client, () => this.#flow.down),
    };
    this.#connections.add(connection);
    for (const socket of [client, server]) {
      socket.on('close', () => {
        if (client.destroyed && server.destroyed) this.#connections.delete(connection);
      });
    }
    for (const direction of ['up', 'down']) if (this.#holes[direction]) connection[direction].hold();
  }

  /** Everything goes through again, as it comes; what a {@link blackhole} held back comes now. */
  async pass() {
    this.#flow = { up: {}, down: {} };
    this.#replace = undefined;
    this.#holes = { up: false, down: false };
    for (const { up, down } of this.#connections) for (const pipe of [up, down]) pipe.release();
    if (!this.#listener.listening) await this.listen(this.port);
  }

  /** Ends what there is with a reset, and refuses what comes, until {@link pass}. */
  async refuse() {
    this.drop();
    if (!this.#listener.listening) return;
    this.#listener.close();
    await once(this.#listener, 'close');
  }

  /** Nothing arrives any more, and nobody is told: no byte, no FIN, no reset. New connections are made, and are as silent. */
  blackhole({ up = true, down = true } = {}) {
    this.#holes = { up, down };
    for (const connection of this.#connections) {
      if (up) connection.up.hold();
      if (down) connection.down.hold();
    }
  }

  /** @param {number} delay milliseconds */
  delay(delay, { up = true, down = true } = {}) {
    this.#change({ delay }, up, down);
  }

  /** @param {number} split bytes */
  split(split, { up = true, down = true } = {}) {
    this.#change({ split }, up, down);
  }

  /** @param {number} coalesce milliseconds */
  coalesce(coalesce, { up = true, down = true } = {}) {
    this.#change({ coalesce }, up, down);
  }

  /** @param {Flow} flow */
  #change(flow, up, down) {
    if (up) this.#flow.up = { ...this.#flow.up, ...flow };
    if (down) this.#flow.down = { ...this.#flow.down, ...flow };
  }

  /**
   * These commands are answered with an error, each in its turn: the server is asked for that in their place.
   * @param {string} error @param {readonly string[]} commands
   */
  answer(error, commands) {
    const saysSo = request(['EVAL', `return redis.error_reply('${error}')`, '0']);
    this.#replace = ([name]) => (commands.includes(String(name).toUpperCase()) ? saysSo : undefined);
  }

  /** When one of these commands comes next, all connections end with a reset, and it goes no further. @param {readonly string[]} commands */
  dropAt(commands) {
    this.#replace = ([name]) => {
      if (!commands.includes(String(name).toUpperCase())) return undefined;
      this.#replace = undefined;
      this.dropped++;
      this.drop();
      return Buffer.alloc(0);
    };
  }

  /** Ends all connections with a reset; new ones are welcome. */
  drop() {
    for (const { client, server } of this.#connections) {
      reset(client);
      reset(server);
    }
    this.#connections.clear();
  }

  /** Ends one direction of all connections with a FIN; the other goes on. @param {'up' | 'down'} direction */
  halfClose(direction) {
    for (const connection of this.#connections) connection[direction].to.end();
  }

  async close() {
    await this.refuse();
  }

  async [Symbol.asyncDispose]() {
    await this.close();
  }
}

/** @param {number} target the port of the server @param {ConstructorParameters<typeof TcpProxy>[1]} [options] */
export async function startProxy(target, options) {
  const proxy = new TcpProxy(target, options);
  await proxy.listen();
  return proxy;
}
