import { createCache, MemoryCache, memoryRemote } from 'tiercel';

/**
 * A worker that takes no care of a load whose request ends: the load ends with it, unheard.
 * `GET /path` answers with what the origin says. `?wait=250` gives up another request's load after so long,
 * `?ttl=200` keeps the answer so long and, as stale, for a minute; `?refresh` sees a refresh to its end.
 * `?tiers` asks a cache with a second tier; `?batch` does, for several keys at once.
 */

/** @type {MemoryCache<string>} */
const memory = MemoryCache.createSync();
/** @type {import('tiercel').Cache<string>} */
const tiers = await createCache({ remote: memoryRemote() });

export default {
  /**
   * @param {Request} request
   * @param {{ ORIGIN: string }} env
   * @param {{ waitUntil(promise: Promise<unknown>): void }} ctx
   */
  async fetch(request, env, ctx) {
    const { pathname, searchParams } = new URL(request.url);
    const wait = searchParams.get('wait');
    const ttl = searchParams.get('ttl');
    const cache = searchParams.has('tiers') ? tiers : memory;
    const load = async (/** @type {string} */ path) => (await fetch(env.ORIGIN + path)).text();
    const options = {
      stale: '1m',
      ...(ttl !== null && { ttl: Number(ttl) }),
      ...(wait !== null && { waitTimeout: Number(wait) }),
      ...(searchParams.has('refresh') && {
        waitUntil: (/** @type {Promise<unknown>} */ refresh) => ctx.waitUntil(refresh),
      }),
    };
    if (!searchParams.has('batch')) return new Response(await cache.getOrSet(pathname, () => load(pathname), options));
    const loadAll = async (/** @type {string[]} */ keys) =>
      new Map(await Promise.all(keys.map(async (key) => /** @type {const} */ ([key, await load(key)]))));
    const found = await tiers.getOrSetMany([pathname, `${pathname}/more`], loadAll, options);
    return new Response(found.get(pathname));
  },
};
