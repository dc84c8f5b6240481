import { asCache, type CacheLike, type LoadOptionsOf } from '../cache-like.js';
import { describe } from '../errors.js';
import { asFunction, asKey, listOf } from '../memory/arguments.js';
import { handedOn, read } from '../memory/readers.js';
import type { Loader } from '../memory/types.js';
import { TiercelError } from '../tiercel-error.js';
import { keyPattern } from './key-pattern.js';
import { merged } from './options.js';

export interface ReadThroughOptions<V, C extends CacheLike<V> = CacheLike<V>> {
  /** For each `getOrSet` of a key whose loader was registered without options of its own. */
  options?: LoadOptionsOf<C>;
}

/** Read-through: who reads names a key and nothing else; how it is loaded was said once, by a pattern of keys. */
export interface ReadThrough<V, C extends CacheLike<V> = CacheLike<V>> {
  /**
   * Has keys that match a glob, as of `invalidatePattern`, loaded by `loader`. Of several patterns that match, that
   * which was registered first counts.
   * @param options in place of those of the pattern, one by one
   * @returns takes the loader away again
   * @throws TiercelError `ERR_TIERCEL_INVALID_ARGUMENT` for a pattern of more than 256 characters or 8 `*`
   */
  register(pattern: string, loader: Loader<V>, options?: LoadOptionsOf<C>): () => void;
  /**
   * The cached value, or what the key's loader gives. O(patterns).
   * @param options in place of those of the loader, one by one
   * @returns rejects with what the loader throws, or with `ERR_TIERCEL_NO_LOADER`
   */
  get(key: string, options?: LoadOptionsOf<C>): Promise<V>;
  /** {@link get} for each key, side by side; rejects if one does. */
  getMany(keys: Iterable<string>, options?: LoadOptionsOf<C>): Promise<Map<string, V>>;
}

/** See {@link ReadThrough}. @throws TiercelError naming a wrong option */
export function readThrough<V, C extends CacheLike<V> = CacheLike<V>>(
  cache: C,
  options?: ReadThroughOptions<V, C>,
): ReadThrough<V, C> {
  asCache(cache);
  const { options: terms } = read<ReadThroughOptions<V, C>>(options, { options: handedOn }, 'options');
  interface Registration {
    readonly matches: (key: string) => boolean;
    readonly loader: Loader<V>;
    readonly options: LoadOptionsOf<C> | undefined;
  }
  const registrations = new Set<Registration>();

  function registrationOf(key: string): Registration {
    for (const registration of registrations) if (registration.matches(key)) return registration;
    throw new TiercelError(
      'ERR_TIERCEL_NO_LOADER',
      `key: got ${describe(key)}, which matches the pattern of no loader; register one, or one for "*"`,
    );
  }

  async function get(key: string, own?: LoadOptionsOf<C>): Promise<V> {
    const registration = registrationOf(asKey(key));
    return cache.getOrSet(key, registration.loader, merged(registration.options, own));
  }

  return {
    register(pattern, loader, own) {
      const registration = {
        matches: keyPattern(pattern),
        loader: asFunction<Loader<V>>(loader, 'loader'),
        options: merged(terms, own),
      };
      registrations.add(registration);
      return () => void registrations.delete(registration);
    },
    get,
    getMany: async (keys, own) => {
      const list = listOf(keys, 'keys').map(asKey);
      const values = await Promise.all(list.map((key) => get(key, own)));
      return new Map(list.map((key, i) => [key, values[i] as V]));
    },
  };
}
