// The life of the HTTP server: where it listens, and its end.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { CommandError, codeOf } from './errors.mjs';

/** @typedef {import('node:http').IncomingMessage} Request */
/** @typedef {import('node:http').ServerResponse} Response */

const REASONS = /** @type {Readonly<Record<string, string>>} */ ({
  EADDRINUSE: 'the port is in use; set PORT to another, or to 0 for any free one',
  EACCES: 'this user may not listen on that port; set PORT to another',
  EADDRNOTAVAIL: 'HOST is not an address of this machine',
  ENOTFOUND: 'HOST is not known',
  EAI_AGAIN: 'HOST is not known',
});

export class HttpServer {
  isClosing = false;
  #server;
  /** Those not answered yet. @type {Set<Response>} */
  #open = new Set();

  /** @param {(request: Request, response: Response) => Promise<void>} handle Never rejects. */
  constructor(handle) {
    this.#server = createServer({ headersTimeout: 10_000, requestTimeout: 30_000 }, (request, response) => {
      this.#open.add(response);
      response.once('close', () => this.#open.delete(response));
      if (this.isClosing) response.setHeader('Connection', 'close');
      void handle(request, response);
    });
  }

  /**
   * @param {{ host: string, port: number }} where
   * @returns {Promise<string>} The URL.
   * @throws {CommandError}
   */
  async listen({ host, port }) {
    try {
      this.#server.listen(port, host);
      await once(this.#server, 'listening');
    } catch (error) {
      const reason = REASONS[codeOf(error) ?? ''];
      if (reason === undefined) throw error;
      throw new CommandError(`cannot listen on ${host}, port ${port}: ${reason}`);
    }
    const address = /** @type {import('node:net').AddressInfo} */ (this.#server.address());
    return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
  }

  /**
   * Stops accepting and waits for the requests in flight, but not for longer than the timeout.
   *
   * @param {number} timeoutMs
   */
  async close(timeoutMs) {
    this.isClosing = true;
    const closed = once(this.#server, 'close');
    this.#server.close();
    // Or else their connections would be kept for a next request.
    for (const response of this.#open) {
      if (!response.headersSent) response.setHeader('Connection', 'close');
    }
    const timer = setTimeout(() => this.#server.closeAllConnections(), timeoutMs);
    await closed;
    clearTimeout(timer);
  }
}
