import { type Awaitable, asCache, type CacheLike, type LoadOptionsOf } from '../cache-like.js';
import { asFunction, asKey } from '../memory/arguments.js';
import { callback, handedOn, readRequiring } from '../memory/readers.js';
import type { Loader } from '../memory/types.js';
import { DEPENDENTS, LOADER, merged } from './options.js';
import { invalidateAll, type Targets } from './targets.js';
import { Writes } from './writes.js';

export interface CacheAsideOptions<V, C extends CacheLike<V> = CacheLike<V>> {
  /** Reads a value from the store. `undefined`: there is none, which is not cached. */
  load: Loader<V | undefined>;
  /** For each `getOrSet`: `ttl`, `stale`, `tags` and so on. */
  options?: LoadOptionsOf<C>;
  /** What else is out of date when a key was written. Default: nothing but what depends on it. */
  dependents?: (key: string) => Targets;
}

/**
 * Cache-aside: reads go through the cache, and writes to the store, each run by {@link write}, which then drops the key.
 * The plainest pattern, and the one to begin with.
 */
export interface CacheAside<V, C extends CacheLike<V> = CacheLike<V>> {
  /**
   * The cached value, or that of the store. Rejects with what `load` throws.
   * @param options in place of those of the pattern, one by one
   */
  get(key: string, options?: LoadOptionsOf<C>): Promise<V | undefined>;
  /**
   * Runs `action`, which changes what the store has under the key, and drops the key from the cache, whether or not the
   * action succeeded: one that failed may have changed something. What is loaded meanwhile is not cached.
   * @returns what the action returned; rejects with what it throws, or else with what the cache throws
   */
  write<T>(key: string, action: () => Awaitable<T>): Promise<T>;
  /** Drops the key and its dependents, for what was changed elsewhere. */
  invalidate(key: string): Promise<void>;
}

/** See {@link CacheAside}. @throws TiercelError naming a wrong option */
export function cacheAside<V, C extends CacheLike<V> = CacheLike<V>>(
  cache: C,
  options: CacheAsideOptions<V, C>,
): CacheAside<V, C> {
  asCache(cache);
  const { load, dependents, ...rest } = readRequiring<CacheAsideOptions<V, C>, 'load'>(
    options,
    { load: callback(LOADER), options: handedOn, dependents: callback(DEPENDENTS) },
    ['load'],
  );
  const writes = new Writes();

  async function invalidate(key: string): Promise<void> {
    await cache.delete(asKey(key));
    if (dependents !== undefined) await invalidateAll(cache, dependents(key), 'dependents');
  }

  return {
    get: async (key, own) =>
      cache.getOrSet(asKey(key), writes.guard([key], load as Loader<V>), merged<LoadOptionsOf<C>>(rest.options, own)),
    write: async (key, action) => {
      asFunction(action, 'action');
      return writes.runAndDrop([asKey(key)], action, () => invalidate(key));
    },
    invalidate,
  };
}
