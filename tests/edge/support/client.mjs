import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';

/** Milliseconds after which an answer is not waited for any more. */
const PATIENCE = 10_000;

/**
 * @typedef {object} Answer
 * @property {number | undefined} status
 * @property {import('node:http').IncomingHttpHeaders} headers
 * @property {Buffer} bytes
 * @property {string} text
 * @property {string} detail The last word of Cache-Status: `HIT`, `MISS` ...
 * @property {CacheStatus} cache
 * @property {number} milliseconds From sending to the end of the body.
 *
 * @typedef {Record<string, string | number | boolean>} CacheStatus
 */

/**
 * @param {string} base Scheme, host and port. The path is sent as it is given, not normalised.
 * @param {string} path
 * @param {{ method?: string, headers?: Record<string, string>, body?: string, patience?: number }} [options]
 * @returns {Promise<Answer>}
 */
export async function ask(base, path, { method = 'GET', headers = {}, body, patience = PATIENCE } = {}) {
  const began = performance.now();
  const request = http.request(base, { path, method, headers, agent: false, signal: AbortSignal.timeout(patience) });
  request.end(body);
  const [response] = /** @type {[import('node:http').IncomingMessage]} */ (await once(request, 'response'));
  const chunks = [];
  for await (const chunk of response) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const cache = parseCacheStatus(response.headers['cache-status']);
  return {
    status: response.statusCode,
    headers: response.headers,
    bytes,
    text: bytes.toString(),
    detail: String(cache.detail),
    cache,
    milliseconds: performance.now() - began,
  };
}

/**
 * Sends a request, waits for `sent`, and breaks the connection off: with a reset, as a closed browser tab
 * does on HTTP/2. (A plain end of stream may be a client that still reads, so workerd goes on.)
 *
 * @param {string} base
 * @param {string} path
 * @param {() => Promise<void>} sent
 */
export async function leave(base, path, sent) {
  const request = http.get(base, { path, agent: false });
  const failed = once(request, 'error');
  await sent();
  request.socket?.resetAndDestroy();
  await failed;
}

/**
 * The member of a Cache-Status field (RFC 9211) that is the cache's own, checked against the rules.
 *
 * @param {string | string[] | undefined} field
 * @returns {CacheStatus}
 */
export function parseCacheStatus(field) {
  /** @type {CacheStatus} */
  const status = Object.create(null);
  if (field === undefined) return status;
  const [name, ...parameters] = String(field).split(', ').at(-1)?.split('; ') ?? [];
  assert.equal(name, 'tiercel');
  for (const parameter of parameters) {
    const match = /^([a-z-]+)(?:=(?:(\?0)|(-?\d{1,15})|([A-Za-z*][\w!#$%&'*+.^`|~:/-]*)))?$/.exec(parameter);
    assert.ok(match?.[1], `${parameter} is not a parameter`);
    assert.ok(!(match[1] in status), `${match[1]} is there twice`);
    status[match[1]] = match[2] ? false : match[3] ? Number(match[3]) : (match[4] ?? true);
  }
  assert.ok(!('hit' in status && 'fwd' in status), `hit and fwd exclude each other: ${field}`);
  if ('stored' in status || 'collapsed' in status)
    assert.ok('fwd' in status, `only a forwarded request has these: ${field}`);
  return status;
}
