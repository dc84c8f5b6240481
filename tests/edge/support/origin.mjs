import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * What the origin says at a path. `body` may depend on how often the path was asked for, 1 the first time.
 *
 * @typedef {object} Page
 * @property {number} [status] Default 200. 0: the connection is broken off.
 * @property {number} [delay] Milliseconds before the answer. Default 0.
 * @property {Record<string, string | string[]>} [headers]
 * @property {string | Uint8Array | ((count: number, request: import('node:http').IncomingMessage) => string)} [body]
 *   Default: the path and the count.
 */

/** An HTTP server that notes what it is asked, and keeps its callers waiting when told to. */
export class Origin {
  /** @type {import('node:http').IncomingMessage[]} */
  requests = [];
  /** @type {Map<string, Page>} */
  #pages = new Map();
  /** @type {Map<string, Promise<unknown>>} */
  #held = new Map();
  /** @type {{ path: string, count: number, resolve: () => void }[]} */
  #awaited = [];
  #server = createServer((request, response) => void this.#answer(request, response));

  static async start() {
    const origin = new Origin();
    origin.#server.listen(0, '127.0.0.1');
    await once(origin.#server, 'listening');
    return origin;
  }

  get address() {
    const address = /** @type {import('node:net').AddressInfo} */ (this.#server.address());
    return `127.0.0.1:${address.port}`;
  }

  get url() {
    return `http://${this.address}`;
  }

  /**
   * @param {string} path Without the query.
   * @param {Page} page
   */
  serve(path, page) {
    this.#pages.set(path, page);
  }

  /** @param {string} path */
  count(path) {
    return this.requests.filter((request) => pathOf(request) === path).length;
  }

  /** @param {string} path */
  last(path) {
    return this.requests.findLast((request) => pathOf(request) === path);
  }

  /**
   * Leaves requests for the path unanswered.
   *
   * @param {string} path
   * @returns {() => void} Answers them, and all later ones.
   */
  hold(path) {
    const gate = new EventEmitter();
    this.#held.set(path, once(gate, 'open'));
    return () => {
      this.#held.delete(path);
      gate.emit('open');
    };
  }

  /**
   * Resolves when the path was asked for so many times, and rejects if that takes longer than five seconds.
   *
   * @param {string} path
   * @param {number} count
   * @returns {Promise<void>}
   */
  asked(path, count) {
    if (this.count(path) >= count) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${path} was asked for ${this.count(path)} times`)), 5_000);
      this.#awaited.push({ path, count, resolve: () => resolve(clearTimeout(timer)) });
    });
  }

  async stop() {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   */
  async #answer(request, response) {
    const path = pathOf(request);
    this.requests.push(request);
    const count = this.count(path);
    for (const awaited of this.#awaited) if (awaited.path === path && awaited.count === count) awaited.resolve();
    await this.#held.get(path);
    const { status = 200, delay = 0, headers = {}, body = `${path} ${count}` } = this.#pages.get(path) ?? {};
    await sleep(delay);
    if (status === 0) {
      response.destroy();
      return;
    }
    response.writeHead(status, headers);
    response.end(typeof body === 'function' ? body(count, request) : body);
  }
}

/** @param {import('node:http').IncomingMessage} request */
function pathOf(request) {
  return request.url?.split('?')[0] ?? '';
}
