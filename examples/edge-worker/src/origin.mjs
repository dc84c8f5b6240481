/**
 * The way to the origin.
 *
 * @typedef {{ fetch(request: Request): Promise<Response> }} Service A service binding.
 */

/**
 * Request header fields that the origin may base its answer on. Only these are sent with a request whose
 * answer is shared, and they are part of its key: what is not in the key cannot change what others get.
 */
export const KEYED_HEADERS = ['accept'];

/** The origin could not be reached, or broke off its answer. */
export class OriginError extends Error {}

/**
 * Requests with the same key may get the same answer. A line break can be part of neither a URL nor a field.
 *
 * @param {Request} request
 */
export function keyOf(request) {
  return [pathOf(request), ...KEYED_HEADERS.map((name) => request.headers.get(name) ?? '')].join('\n');
}

/** @param {Request} request */
export function pathOf(request) {
  const { pathname, search } = new URL(request.url);
  return pathname + search;
}

/**
 * Sends a request on as it came.
 *
 * @param {Request} request
 * @param {string | Service} origin
 */
export function forward(request, origin) {
  return send(new Request(targetOf(request, origin), request), origin);
}

/**
 * Asks for what all may see: a GET that carries nothing of its client but what is in the key.
 *
 * @param {Request} request
 * @param {string | Service} origin
 */
export function fetchShared(request, origin) {
  const headers = new Headers();
  for (const name of KEYED_HEADERS) {
    const value = request.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  return send(new Request(targetOf(request, origin), { headers, redirect: 'manual' }), origin);
}

/**
 * @param {Request} request
 * @param {string | Service} origin
 */
async function send(request, origin) {
  try {
    return await (typeof origin === 'string' ? fetch(request) : origin.fetch(request));
  } catch (cause) {
    throw new OriginError(`The origin did not answer ${request.method} ${request.url}`, { cause });
  }
}

/**
 * @param {Request} request
 * @param {string | Service} origin
 */
function targetOf(request, origin) {
  const url = new URL(request.url);
  if (typeof origin !== 'string') return url;
  // Part by part: as a reference to resolve, a path such as //example.com/ would name another host.
  const target = new URL(origin);
  target.pathname = url.pathname;
  target.search = url.search;
  return target;
}

/**
 * Reads a response to its end if it has at most `limit` bytes.
 *
 * @param {Response} response
 * @param {number} limit
 * @returns {Promise<Uint8Array<ArrayBuffer> | Response>} Its body, or else a response in place of the given
 *   one whose body is still to be read.
 */
export async function readUpTo(response, limit) {
  if (response.body === null) return new Uint8Array();
  if (Number(response.headers.get('content-length')) > limit) return response;
  const reader = response.body.getReader();
  /** @type {Uint8Array[]} */
  const chunks = [];
  let size = 0;
  while (size <= limit) {
    const { done, value } = await read(reader);
    if (done) return concatenate(chunks, size);
    chunks.push(value);
    size += value.byteLength;
  }
  const rest = new ReadableStream({
    async pull(controller) {
      const chunk = chunks.shift() ?? (await read(reader)).value;
      if (chunk === undefined) controller.close();
      else controller.enqueue(chunk);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return new Response(rest, response);
}

/** @param {ReadableStreamDefaultReader<Uint8Array>} reader */
async function read(reader) {
  try {
    return await reader.read();
  } catch (cause) {
    throw new OriginError('The origin broke off its answer', { cause });
  }
}

/**
 * @param {Uint8Array[]} chunks
 * @param {number} size
 */
function concatenate(chunks, size) {
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}
