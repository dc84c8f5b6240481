// Redis over HTTP, as Upstash says it is: POST of a command or, to /pipeline, of several; a bearer token; replies in base64
// for those who ask. Behind it is a real server.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { ReplyError, send } from './resp.mjs';

/**
 * What goes wrong with a request: it is not answered before that resolves; it is answered so; the connection is broken
 * off, after it took effect or before.
 *
 * @typedef {{ before?: Promise<unknown>, status?: number, body?: string, headers?: Record<string, string>, cut?: 'before' | 'after',
 *   after?: Promise<unknown> }} Fault
 */

/** Strings in base64, all but one. */
function encoded(reply) {
  if (Array.isArray(reply)) return reply.map(encoded);
  if (typeof reply === 'string') return reply === 'OK' ? reply : Buffer.from(reply).toString('base64');
  return Buffer.isBuffer(reply) ? reply.toString('base64') : reply;
}

/** Strings as text: what is no UTF-8 is lost. */
function plain(reply) {
  if (Array.isArray(reply)) return reply.map(plain);
  return Buffer.isBuffer(reply) ? reply.toString('utf8') : reply;
}

const isCommand = (one) =>
  Array.isArray(one) && one.length > 0 && one.every((arg) => ['string', 'number'].includes(typeof arg));

export class RestProxy {
  token = 'secret-token-of-the-tests';
  /** The commands of each request. @type {string[][][]} */
  requests = [];
  /** @type {(request: { path: string, commands: string[][] }) => Fault | undefined} */
  fault = () => undefined;
  #port;
  #user;
  // A request that is broken off, or to a Redis that is gone, is left without an answer.
  #server = createServer((request, response) => {
    this.#answer(request, response).catch(() => response.destroy());
  });

  /** @param {number} port @param {{ username: string, password: string }} user */
  constructor(port, user) {
    this.#port = port;
    this.#user = [user.username, user.password];
  }

  /** @param {number} port of the redis-server @param {{ username: string, password: string }} user as whom it comes there */
  static async start(port, user) {
    const proxy = new RestProxy(port, user);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** With `/N` behind it: database N. */
  get url() {
    const { port } = /** @type {import('node:net').AddressInfo} */ (this.#server.address());
    return `http://127.0.0.1:${port}`;
  }

  stop() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response */
  async #answer(request, response) {
    const say = (status, body, headers = {}) => {
      response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    };
    const body = await text(request);
    if (request.headers.authorization !== `Bearer ${this.token}`)
      return say(401, { error: `WRONGPASS invalid or missing auth token: ${request.headers.authorization}` });
    const [, database = '0', path = '/'] = /^(?:\/(\d+))?(\/.*)?$/.exec(request.url ?? '') ?? [];
    let parsed;
    try {
      parsed = JSON.parse(body);
    } catch {
      return say(400, { error: 'ERR failed to parse the request' });
    }
    const commands = path === '/pipeline' ? parsed : [parsed];
    if (request.method !== 'POST' || !Array.isArray(commands) || !commands.every(isCommand))
      return say(400, { error: 'ERR syntax error' });
    this.requests.push(commands);
    const { before, after, cut, status, body: wrong, headers } = this.fault({ path, commands }) ?? {};
    await before;
    if (cut === 'before') return response.destroy();
    if (status !== undefined) return say(status, wrong ?? '', headers);
    const [, ...replies] = await send(this.#port, [['SELECT', database], ...commands], {
      user: this.#user,
      raw: true,
      keep: true,
    });
    await after;
    if (cut === 'after') return response.destroy();
    const form = request.headers['upstash-encoding'] === 'base64' ? encoded : plain;
    const answers = replies.map((reply) =>
      reply instanceof ReplyError ? { error: reply.message } : { result: form(reply) },
    );
    if (path === '/pipeline') return say(200, wrong ?? answers);
    return say(answers[0].error === undefined ? 200 : 400, wrong ?? answers[0]);
  }
}
