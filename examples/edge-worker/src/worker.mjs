import { MemoryCache } from 'tiercel';
import { formatCacheStatus } from './cache-status.mjs';
import { judge, mayUseCache } from './cacheability.mjs';
import { invalidate } from './invalidation.mjs';
import { fetchShared, forward, KEYED_HEADERS, keyOf, OriginError, pathOf, readUpTo } from './origin.mjs';
import { fromStored, sizeOf, toStored } from './stored-response.mjs';

/**
 * @typedef {import('./cache-status.mjs').CacheStatus} CacheStatus
 * @typedef {import('./cacheability.mjs').Limits} Limits
 * @typedef {import('./stored-response.mjs').StoredResponse} StoredResponse
 * @typedef {import('tiercel').LoadContext<StoredResponse | undefined>} LoadContext
 *
 * @typedef {object} Env
 * @property {string | import('./origin.mjs').Service} ORIGIN A URL, of which scheme, host and port are used,
 *   or a service binding.
 * @property {string} [TTL_SECONDS] How long a response stays fresh if the origin does not say. Default 60.
 * @property {string} [STALE_SECONDS] Longest time a response is served past that. Default 300.
 * @property {string} [INVALIDATE_TOKEN] Bearer token of `POST /__invalidate`; without it that is off.
 *
 * @typedef {{ waitUntil(promise: Promise<unknown>): void }} Context
 */

/** A longer body is passed on as it comes and not kept. */
const MAX_BODY_BYTES = 2 * 1024 * 1024;

/** A longer key is not looked up. */
const MAX_KEY_BYTES = 8192;

// At module scope it lives as long as the isolate, and all its requests share it. Neither timers nor random
// numbers are to be had here; the cache wants neither before it is first used in a request.
/** @type {MemoryCache<StoredResponse | undefined>} */
const cache = MemoryCache.createSync({ maxBytes: '32mb', maxKeyBytes: MAX_KEY_BYTES, sizeOf });

export default {
  /**
   * @param {Request} request
   * @param {Env} env
   * @param {Context} ctx
   * @returns {Promise<Response>}
   */
  async fetch(request, env, ctx) {
    try {
      return await handle(request, env, ctx);
    } catch (error) {
      if (!(error instanceof OriginError)) throw error;
      console.error(error.message, error.cause);
      return pass(new Response('The origin did not answer.\n', { status: 502 }), { detail: 'ERROR' });
    }
  },
};

/**
 * @param {Request} request
 * @param {Env} env
 * @param {Context} ctx
 */
async function handle(request, env, ctx) {
  if (new URL(request.url).pathname === '/__invalidate') return invalidate(request, env.INVALIDATE_TOKEN, cache);
  if (request.method !== 'GET' && request.method !== 'HEAD') return change(request, env);
  if (!mayUseCache(request.headers) || keyOf(request).length > MAX_KEY_BYTES) {
    return pass(await forward(request, env.ORIGIN), { fwd: 'bypass', detail: 'BYPASS' });
  }
  return answer(request, env, ctx);
}

/**
 * A request that may change what the origin has. It voids what is kept of its URL (RFC 9111, section 4.4),
 * and what is being loaded.
 *
 * @param {Request} request
 * @param {Env} env
 */
async function change(request, env) {
  const response = await forward(request, env.ORIGIN);
  const path = pathOf(request);
  if (response.status < 400 && path.length <= MAX_KEY_BYTES) cache.invalidateTags(path);
  return pass(response, { fwd: 'method', detail: 'BYPASS' });
}

/**
 * Answers from the cache, or from the origin by way of it.
 *
 * @param {Request} request
 * @param {Env} env
 * @param {Context} ctx
 */
async function answer(request, env, ctx) {
  const key = keyOf(request);
  const headersOnly = request.method === 'HEAD';
  const limits = limitsOf(env);
  // Looked up by itself: what getOrSet resolves to does not tell a hit from a stale hit or a miss.
  const entry = cache.getEntry(key);
  const expired = entry?.stale && -entry.ttl > (entry.value?.stale ?? 0);

  /** @type {Loaded | undefined} What this request loaded by itself. */
  let own;
  const found = cache.getOrSet(
    key,
    async (context) => {
      own = await load(request, env.ORIGIN, limits);
      if (entry && !expired) await own.unshared?.body?.cancel(); // This request has its answer already.
      return keep(own, request, context);
    },
    { stale: limits.stale, forceRefresh: expired === true, waitUntil: (refresh) => ctx.waitUntil(refresh) },
  );
  // If this client leaves, the load still goes on, for those who have joined it.
  ctx.waitUntil(Promise.allSettled([found]));
  const stored = await found;

  if (stored === undefined) {
    // Not to be shared: those who joined the load ask for themselves.
    const response = own?.unshared ?? (await fetchShared(request, env.ORIGIN));
    return pass(response, { fwd: 'uri-miss', collapsed: own ? undefined : false, detail: 'BYPASS' }, headersOnly);
  }
  const response = fromStored(stored, headersOnly);
  if (entry && !expired) {
    return mark(response, { hit: true, ttl: entry.ttl, detail: entry.stale ? 'STALE' : 'HIT' });
  }
  return mark(response, {
    fwd: expired ? 'stale' : 'uri-miss',
    stored: own?.verdict.storable && cache.has(key),
    collapsed: own ? undefined : true,
    detail: expired ? 'EXPIRED' : 'MISS',
  });
}

/**
 * @typedef {object} Loaded
 * @property {import('./cacheability.mjs').Verdict} verdict
 * @property {number} status
 * @property {StoredResponse} [stored] Absent if the response is not to be shared.
 * @property {Response} [unshared] It, in that case.
 */

/**
 * @param {Request} request
 * @param {Env['ORIGIN']} origin
 * @param {Limits} limits
 * @returns {Promise<Loaded>}
 */
async function load(request, origin, limits) {
  const response = await fetchShared(request, origin);
  const { status } = response;
  const verdict = judge(response, { keyedHeaders: KEYED_HEADERS, limits });
  const body = verdict.shareable ? await readUpTo(response, MAX_BODY_BYTES) : response;
  if (body instanceof Response) return { verdict, status, unshared: body };
  return { verdict, status, stored: toStored(response, body, verdict.stale) };
}

/**
 * Says what the cache is to do with a load. The result goes to all who wait for it.
 *
 * @param {Loaded} loaded
 * @param {Request} request
 * @param {LoadContext} context
 */
function keep({ verdict, status, stored }, request, context) {
  if (stored && verdict.storable) {
    context.setTtl(verdict.ttl);
    context.setTags(pathOf(request), ...verdict.tags);
  } else {
    context.skip();
    // What the origin says now takes the place of what it said before, unless it is only in trouble.
    if (status < 500) cache.delete(keyOf(request));
  }
  return stored;
}

/**
 * Passes on a response that the cache has no part in.
 *
 * @param {Response} response
 * @param {CacheStatus} status
 * @param {boolean} [headersOnly]
 */
function pass(response, status, headersOnly = false) {
  return mark(new Response(headersOnly ? null : response.body, response), status);
}

/**
 * @param {Response} response
 * @param {CacheStatus} status
 */
function mark(response, status) {
  response.headers.append('cache-status', formatCacheStatus(status));
  return response;
}

/**
 * @param {Env} env
 * @returns {Limits}
 */
function limitsOf(env) {
  return { ttl: milliseconds(env, 'TTL_SECONDS', 60), stale: milliseconds(env, 'STALE_SECONDS', 300) };
}

/**
 * @param {Env} env
 * @param {'TTL_SECONDS' | 'STALE_SECONDS'} name
 * @param {number} otherwise
 */
function milliseconds(env, name, otherwise) {
  const seconds = Number(env[name] ?? otherwise);
  if (!(seconds >= 0 && seconds <= 2 ** 31))
    throw new TypeError(`${name} must be a number of seconds, not ${env[name]}`);
  return 1000 * seconds;
}
