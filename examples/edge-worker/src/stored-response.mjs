/**
 * A response as the cache keeps it: bytes and no stream, so that any request may answer with it.
 *
 * @typedef {object} StoredResponse
 * @property {number} status
 * @property {[name: string, value: string][]} headers
 * @property {Uint8Array<ArrayBuffer>} body Decoded.
 * @property {number} sent Time of day, in milliseconds, at which its age was 0.
 * @property {number} stale Milliseconds it may be served past its ttl.
 */

/** Fields about one connection, one coding of the body, or this cache. All others are kept. */
const NOT_KEPT = new Set([
  'age',
  'cache-tag',
  'connection',
  'content-encoding',
  'content-length',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * @param {Response} response
 * @param {Uint8Array<ArrayBuffer>} body Of that response.
 * @param {number} stale Milliseconds it may be served past its ttl.
 * @returns {StoredResponse}
 */
export function toStored({ status, headers }, body, stale) {
  const kept = [...headers].filter(([name]) => !NOT_KEPT.has(name));
  return { status, headers: kept, body, sent: Date.now() - 1000 * Number(headers.get('age')), stale };
}

/**
 * @param {StoredResponse} stored
 * @param {boolean} headersOnly As the answer to a HEAD.
 */
export function fromStored({ status, headers, body, sent }, headersOnly) {
  const empty = headersOnly || body.byteLength === 0;
  const response = new Response(empty ? null : body, { status, headers });
  response.headers.set('age', String(Math.max(0, Math.floor((Date.now() - sent) / 1000))));
  if (headersOnly) response.headers.set('content-length', String(body.byteLength));
  return response;
}

/**
 * About how many bytes it takes.
 *
 * @param {StoredResponse} stored
 */
export function sizeOf({ headers, body }) {
  return headers.reduce((size, [name, value]) => size + name.length + value.length + 64, body.byteLength + 256);
}
