import { createHash } from 'node:crypto';
import { Agent, get } from 'node:http';

const REQUEST_MS = 10_000;

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {string} cacheStatus
 * @property {Buffer} body
 * @property {string} hash Of the body.
 * @property {number} sent When the request was sent, as `performance.now()` has it.
 * @property {number} milliseconds From sending it to the last byte of the answer.
 */

/** A client that keeps its connections, as a proxy or a browser does. */
export class Client {
  #url;
  #agent;
  #signal;

  /**
   * @param {string} url
   * @param {number} connections
   * @param {AbortSignal} signal Ends all requests.
   */
  constructor(url, connections, signal) {
    this.#url = url;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
    this.#signal = signal;
  }

  /**
   * @param {string} path
   * @returns {Promise<Answer>}
   */
  get(path) {
    return new Promise((resolve, fail) => {
      this.#signal.throwIfAborted();
      const reject = (/** @type {Error} */ error) => fail(this.#signal.aborted ? this.#signal.reason : error);
      const sent = performance.now();
      const request = get(this.#url + path, { agent: this.#agent, timeout: REQUEST_MS }, (response) => {
        /** @type {Buffer[]} */
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const milliseconds = performance.now() - sent;
          const body = Buffer.concat(chunks);
          resolve({
            status: response.statusCode ?? 0,
            cacheStatus: String(response.headers['cache-status'] ?? ''),
            body,
            hash: createHash('sha256').update(body).digest('base64url'),
            sent,
            milliseconds,
          });
        });
      });
      request.on('timeout', () => request.destroy(new Error(`no answer for ${path} within ${REQUEST_MS} ms`)));
      request.on('error', reject);
    });
  }

  /** @returns {Promise<{ renders: number, cache: import('tiercel').CacheStats | null }>} */
  async stats() {
    return JSON.parse((await this.get('/stats')).body.toString());
  }

  close() {
    this.#agent.destroy();
  }
}
