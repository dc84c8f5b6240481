import { createCache, MemoryCache, memoryRemote } from 'tiercel';

/**
 * A worker that takes no care of a load whose request ends: the load ends with it, unheard.
 * `GET /path` answers with what the origin says. `?wait=250` gives up another request's load after so long,
 * `?ttl=200` keeps the answer so long and, as stale, for a minute; `?refresh` sees a refresh to its end.
 * `?tiers` asks a cache with a second tier.
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
    const text = await cache.getOrSet(pathname, async () => (await fetch(env.ORIGIN + pathname)).text(), {
      stale: '1m',
      ...(ttl !== null && { ttl: Number(ttl) }),
      ...(wait !== null && { waitTimeout: Number(wait) }),
      ...(searchParams.has('refresh') && { waitUntil: (refresh) => ctx.waitUntil(refresh) }),
    });
    return new Response(text);
  },
};
