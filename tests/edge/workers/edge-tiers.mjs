import { createCache } from 'tiercel';
import { cacheApiTier, kvTier } from 'tiercel/edge';
import { redisTier, restRedis } from 'tiercel/redis';

/**
 * A worker that has each second tier of the edge, for as long as it lives, and a memory of its own for each request: what
 * is in it can only have come from the second tier. `?tier=` says which, the path what is to be done.
 */

/** @typedef {{ KV: import('tiercel/edge').KvNamespaceLike, REST_URL: string, REST_TOKEN: string }} Env */

/** @type {Record<string, (env: Env) => Promise<import('tiercel').RemoteTier>>} */
const TIERS = {
  kv: async ({ KV }) => kvTier(KV),
  cache: async () => cacheApiTier(await caches.open('tiercel')),
  'cache-kv': async ({ KV }) => cacheApiTier(await caches.open('tiercel'), { tokens: KV, prefix: 'with-tokens' }),
  rest: async ({ REST_URL, REST_TOKEN }) =>
    redisTier(restRedis({ url: REST_URL, token: REST_TOKEN, timeout: '1s' }), { timeout: '1s' }),
};

/** @type {Map<string, import('tiercel').RemoteTier>} */
const tiers = new Map();

/** @param {string} name @param {Env} env @param {string} [timeout] */
async function open(name, env, timeout = '5s') {
  const remote = tiers.get(name) ?? (await TIERS[name]?.(env));
  if (remote === undefined) throw new Error(`no tier ${name}`);
  tiers.set(name, remote);
  // Each has breakers of its own as well.
  return createCache({
    remote,
    remoteTimeout: /** @type {import('tiercel').Duration} */ (timeout),
    defaults: { ttl: '10m' },
  });
}

/** @typedef {{ cache: import('tiercel').Cache, another: () => Promise<import('tiercel').Cache>, query: URLSearchParams, context: { waitUntil(promise: Promise<unknown>): void } }} Given */

/** @type {Record<string, (given: Given) => Promise<unknown>>} */
const ACTIONS = {
  async '/set'({ cache, query }) {
    await cache.set(query.get('key') ?? '', query.get('value'), { tags: query.getAll('tag') });
    return cache.acknowledged();
  },
  '/get': async ({ cache, query }) => (await cache.get(query.get('key') ?? '')) ?? null,
  '/load': ({ cache, query, context }) =>
    cache.getOrSet(query.get('key') ?? '', () => query.get('value'), {
      tags: query.getAll('tag'),
      waitUntil: (promise) => context.waitUntil(promise),
    }),
  '/invalidate': ({ cache, query }) => cache.invalidateTags(...query.getAll('tag')),
  '/delete': ({ cache, query }) => cache.invalidateKeys(query.get('key') ?? ''),
  '/health': async ({ cache }) => cache.health().remote?.details,

  /** Bytes of all kinds, and text. */
  async '/values'({ cache, another }) {
    const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => (i < 256 ? i : i * 7));
    const values = {
      bytes,
      text: 'grüß 🚀 \ud800 \0\u0080',
      object: { a: [1, null, { b: 'c' }] },
      none: new Uint8Array(),
    };
    for (const [key, value] of Object.entries(values)) await cache.set(key, value);
    const found = await (await another()).getMany(Object.keys(values));
    return Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, JSON.stringify(found.get(key)) === JSON.stringify(value)]),
    );
  },

  /** A load that begins, an invalidation, the end of the load. */
  async '/race'({ cache, another, query }) {
    const key = query.get('key') ?? '';
    const results = [];
    for (const change of ['tag', 'delete', 'set', 'prefix', 'clear']) {
      /** @type {(value: string) => void} */
      let release = () => undefined;
      /** @type {Promise<string>} */
      const gate = new Promise((resolve) => {
        release = resolve;
      });
      /** @type {() => void} */
      let begun = () => undefined;
      /** @type {Promise<void>} */
      const began = new Promise((resolve) => {
        begun = resolve;
      });
      const one = await another();
      /** @type {Promise<unknown>[]} */
      const written = [];
      const loading = one.getOrSet(
        key,
        () => {
          begun();
          return gate;
        },
        { tags: ['t'], waitUntil: (promise) => void written.push(promise) },
      );
      await began;
      const other = await another();
      if (change === 'tag') await other.invalidateTags('t');
      else if (change === 'delete') await other.delete(key);
      else if (change === 'set') await other.set(key, 'set');
      else if (change === 'prefix') await other.invalidatePrefix(key);
      else await other.clear();
      release('old');
      await loading;
      await Promise.all(written);
      await one.acknowledged();
      results.push([change, (await (await another()).get(key)) ?? null]);
      await cache.delete(key);
    }
    return results;
  },
};

export default {
  /** @param {Request} request @param {Env} env @param {any} context */
  async fetch(request, env, context) {
    const { pathname, searchParams: query } = new URL(request.url);
    const action = ACTIONS[pathname];
    if (action === undefined) return new Response('', { status: 404 });
    const another = () => open(query.get('tier') ?? '', env, query.get('timeout') ?? undefined);
    try {
      return Response.json((await action({ cache: await another(), another, query, context })) ?? null);
    } catch (error) {
      return new Response(String(/** @type {Error} */ (error).stack), { status: 500 });
    }
  },
};
