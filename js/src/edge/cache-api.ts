import { invalidArgument, invalidOption, TiercelError } from '../errors.js';
import { type Reader, type Readers, read } from '../memory/readers.js';
import { asKvNamespace, type KvNamespaceLike, kvStore, kvTokens } from './kv.js';
import { hasMethods, type Store } from './store.js';
import { EDGE_READERS, EdgeTier, type EdgeTierOptions, edgeDefaults, MARGIN } from './tier.js';
import { Tokens } from './tokens.js';

/** What is used of a cache of the Cache API, such as `caches.default` or `await caches.open('tiercel')`. */
export interface CacheApiLike {
  match(url: string): Promise<Response | undefined>;
  put(url: string, response: Response): Promise<void>;
}

export interface CacheApiTierOptions extends EdgeTierOptions {
  /** What the URLs of entries begin with: that of no page, as whoever can ask for those has them. Default `'https://tiercel.invalid'`. */
  origin?: string;
  /**
   * A namespace of Workers KV for what invalidations leave behind: then they are seen in all data centres, once they have
   * spread. Default: in the cache itself, and then in no other data centre.
   */
  tokens?: KvNamespaceLike;
}

const origin: Reader<string> = (value, name) => {
  if (typeof value === 'string' && URL.canParse(value) && new URL(value).origin === value) return value;
  throw invalidOption(name, value, 'an origin, as https://example.com');
};

const tokens: Reader<KvNamespaceLike> = (value, name) => {
  try {
    return asKvNamespace(value, name);
  } catch (error) {
    throw new TiercelError('ERR_TIERCEL_INVALID_OPTION', (error as Error).message);
  }
};

const READERS: Readers<CacheApiTierOptions> = { ...EDGE_READERS, origin, tokens };

function cacheStore(cache: CacheApiLike, base: string): Store {
  const urlOf = (name: string) => `${base}/${encodeURIComponent(name)}`;
  return {
    async get(name) {
      const response = await cache.match(urlOf(name));
      return response?.ok ? new Uint8Array(await response.arrayBuffer()) : undefined;
    },
    async put(name, bytes, life) {
      const headers = {
        'Cache-Control': `max-age=${Math.max(1, Math.ceil(life / 1000))}`,
        'Content-Type': 'application/octet-stream',
      };
      await cache.put(urlOf(name), new Response(bytes as Uint8Array<ArrayBuffer>, { headers }));
    },
  };
}

/**
 * A second tier in the Cache API, of one data centre: what is invalidated there is gone at once, **and stays in all others
 * until its ttl is over**, unless `tokens` is given. What the cache drops, as it may at any time, costs a miss. An entry
 * is read along with its key, its prefixes, each of its tags and each part of its namespace, two at a time.
 *
 * What is not stored, and how far changes of prefixes and patterns go, is as of `kvTier`.
 * @throws ERR_TIERCEL_INVALID_ARGUMENT for what is no such cache
 */
export function cacheApiTier(cache: CacheApiLike, options?: CacheApiTierOptions): EdgeTier {
  if (!hasMethods(cache, 'match', 'put'))
    throw invalidArgument('cache', cache, 'a cache of the Cache API: an object with match and put');
  const { origin: base = 'https://tiercel.invalid', tokens: kv, ...rest } = read(options, READERS, 'options');
  const { prefix, maxTtl, payload } = edgeDefaults(rest);
  const entries = cacheStore(cache, `${base}/${encodeURIComponent(prefix)}`);
  return new EdgeTier({
    name: 'cache-api',
    consistency: kv === undefined ? 'data-centre' : 'eventual',
    entries,
    tokens:
      kv === undefined
        ? new Tokens(entries, { life: maxTtl + MARGIN, isLossless: false, lag: 0 })
        : kvTokens(kvStore(kv, prefix), maxTtl),
    maxTtl,
    payload,
  });
}
