import { once } from 'node:events';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';

/**
 * @typedef {{ method: string, name: string, query: URLSearchParams }} Asked
 * @typedef {(asked: Asked) => Promise<unknown> | undefined} Delay
 */

/** A server with a port of its own, which keeps callers waiting when told to. */
class Service {
  /** @type {Asked[]} */
  asked = [];
  /** What a request waits for. @type {Delay} */
  delay = () => undefined;
  #server = createServer((request, response) => {
    this.#take(request, response).catch((error) => {
      response.writeHead(500);
      response.end(String(error));
    });
  });

  /** @template {Service} T @this {new () => T} @returns {Promise<T>} */
  static async start() {
    const service = new this();
    service.#server.listen(0, '127.0.0.1');
    await once(service.#server, 'listening');
    return service;
  }

  get address() {
    const { port } = /** @type {import('node:net').AddressInfo} */ (this.#server.address());
    return `127.0.0.1:${port}`;
  }

  async stop() {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response */
  async #take(request, response) {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://localhost');
    const asked = { method: request.method ?? '', name: decodeURIComponent(pathname.slice(1)), query };
    const body = await buffer(request);
    this.asked.push(asked);
    await this.delay(asked);
    await this.answer(asked, body, request, response);
  }

  /**
   * @param {Asked} _asked @param {Buffer} _body
   * @param {import('node:http').IncomingMessage} _request @param {import('node:http').ServerResponse} response
   */
  async answer(_asked, _body, _request, response) {
    response.end();
  }
}

/** What a `kvNamespace` of workerd talks to: values by name, for as long as they were to be kept. */
export class KvService extends Service {
  /** @type {Map<string, { bytes: Buffer, expires: number }>} */
  values = new Map();

  /** @override @type {Service['answer']} */
  async answer({ method, name, query }, body, _request, response) {
    if (method === 'GET') {
      const value = this.values.get(name);
      const isThere = value !== undefined && value.expires > Date.now();
      response.writeHead(isThere ? 200 : 404);
      response.end(isThere ? value.bytes : 'Not Found');
    } else if (method === 'PUT') {
      const seconds = Number(query.get('expiration_ttl'));
      if (!(seconds >= 60)) {
        response.writeHead(400);
        response.end(`Invalid expiration_ttl of ${seconds}. Expiration TTL must be at least 60.`);
        return;
      }
      this.values.set(name, { bytes: body, expires: Date.now() + seconds * 1000 });
      response.end();
    } else {
      response.writeHead(405);
      response.end();
    }
  }
}

/** What the Cache API of workerd talks to: responses by URL, for as long as they say. */
export class CacheService extends Service {
  /** @type {Map<string, { bytes: Buffer, expires: number }>} */
  values = new Map();

  /** @override @type {Service['answer']} */
  async answer({ method }, body, request, response) {
    const url = `${request.headers.host}${request.url} ${request.headers['cf-cache-namespace'] ?? ''}`;
    if (method === 'GET') {
      const value = this.values.get(url);
      const isThere = value !== undefined && value.expires > Date.now();
      response.writeHead(isThere ? 200 : 504, { 'CF-Cache-Status': isThere ? 'HIT' : 'MISS' });
      response.end(isThere ? value.bytes : undefined);
    } else if (method === 'PUT') {
      // The body is a response of HTTP, as it is written.
      const end = body.indexOf('\r\n\r\n');
      const age = /^cache-control:.*\bmax-age=(\d+)/im.exec(body.toString('latin1', 0, end))?.[1];
      if (age === undefined) {
        response.writeHead(413);
        response.end();
        return;
      }
      this.values.set(url, { bytes: body.subarray(end + 4), expires: Date.now() + Number(age) * 1000 });
      response.writeHead(204);
      response.end();
    } else {
      response.writeHead(405);
      response.end();
    }
  }
}
