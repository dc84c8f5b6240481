import { type Awaitable, asCache, type CacheLike, type LoadOptionsOf, type SetOptionsOf } from '../cache-like.js';
import { asKey, refuseUndefined } from '../memory/arguments.js';
import { callback, handedOn, readRequiring } from '../memory/readers.js';
import type { Count, Loader } from '../memory/types.js';
import { TiercelError } from '../tiercel-error.js';
import { DEPENDENTS, LOADER, merged } from './options.js';
import { invalidateAll, type Targets } from './targets.js';
import { Writes } from './writes.js';

export interface WriteThroughOptions<V, C extends CacheLike<V> = CacheLike<V>> {
  /** Writes a value to the store. */
  write: (key: string, value: V) => Awaitable<unknown>;
  /** What is cached after a write, from what `write` returned and the value. Default: the value. */
  stored?: (result: unknown, value: V) => V;
  /** Removes a key from the store. Without it there is no `delete`. */
  remove?: (key: string) => Awaitable<unknown>;
  /** Reads a value from the store. Without it `get` gives what is cached. `undefined`: there is none. */
  load?: Loader<V | undefined>;
  /** For each value that is cached: `ttl`, `stale`, `tags` and so on. */
  options?: SetOptionsOf<C> & LoadOptionsOf<C>;
  /** What else is out of date when a key was written. Default: nothing but what depends on it. */
  dependents?: (key: string, value: V | undefined) => Targets;
  /**
   * Told what the cache throws around a write. The write itself goes on: the store has the value, and the cache nothing.
   * Default: such errors are only counted.
   */
  onCacheError?: (error: unknown, key: string) => void;
}

export interface WriteThroughStats {
  /** Writes and removals that the store has done. */
  written: Count;
  /** Those that it has refused. */
  failed: Count;
  /** Errors of the cache. */
  cacheErrors: Count;
  /** Writes in flight, those that wait for another of their key included. */
  writing: Count;
}

/**
 * Write-through: a value goes to the store first and then into the cache. Writes of one key are done one after the other,
 * in the order in which they were asked for. While a key is written the cache has nothing under it, and what is loaded
 * by {@link get} meanwhile is not cached. After a write that failed the cache has nothing either: nobody knows what the
 * store has.
 */
export interface WriteThrough<V, C extends CacheLike<V> = CacheLike<V>> {
  /** The cached value, or with `load` that of the store. Rejects with what `load` throws. */
  get(key: string, options?: LoadOptionsOf<C>): Promise<V | undefined>;
  /** Writes a value. Resolves to what is cached when store and cache have it; rejects with what `write` throws. */
  set(key: string, value: V, options?: SetOptionsOf<C>): Promise<V>;
  /** Removes a key from the store and the cache. Rejects with what `remove` throws. */
  delete(key: string): Promise<void>;
  stats(): WriteThroughStats;
}

/** See {@link WriteThrough}. @throws TiercelError naming a wrong option */
export function writeThrough<V, C extends CacheLike<V> = CacheLike<V>>(
  cache: C,
  options: WriteThroughOptions<V, C>,
): WriteThrough<V, C> {
  asCache(cache);
  const { write, stored, remove, load, dependents, onCacheError, ...rest } = readRequiring<
    WriteThroughOptions<V, C>,
    'write'
  >(
    options,
    {
      write: callback('a function of key and value that writes to the store'),
      stored: callback('a function of what write returned and the value'),
      remove: callback('a function of the key that removes it from the store'),
      load: callback(LOADER),
      options: handedOn,
      dependents: callback(DEPENDENTS),
      onCacheError: callback('a function of an error and a key'),
    },
    ['write'],
  );
  const writes = new Writes();
  const stats: WriteThroughStats = { written: 0, failed: 0, cacheErrors: 0, writing: 0 };

  /** What the cache throws must not look as if the store had failed. Returns whether all went well. */
  async function inCache(key: string, action: () => Awaitable<unknown>): Promise<boolean> {
    try {
      await action();
      return true;
    } catch (error) {
      stats.cacheErrors++;
      try {
        onCacheError?.(error, key);
      } catch {
        // One who listens badly must not undo a write either.
      }
      return false;
    }
  }

  async function drop(key: string, value: V | undefined): Promise<void> {
    await inCache(key, () => cache.delete(key));
    if (dependents !== undefined) await inCache(key, () => invalidateAll(cache, dependents(key, value), 'dependents'));
  }

  /** One write of a key: nothing is cached before the store has it. @returns what `action` does */
  function store<T>(key: string, value: V | undefined, action: () => Awaitable<T>): Promise<T> {
    stats.writing++;
    return writes
      .runInOrder(key, async () => {
        await inCache(key, () => cache.delete(key));
        try {
          const result = await action();
          stats.written++;
          return result;
        } catch (error) {
          stats.failed++;
          await drop(key, value);
          throw error;
        }
      })
      .finally(() => {
        stats.writing--;
      });
  }

  return {
    get: async (key, own) =>
      load === undefined
        ? cache.get(asKey(key))
        : cache.getOrSet(
            asKey(key),
            writes.guard([key], load as Loader<V>),
            merged<LoadOptionsOf<C>>(rest.options, own),
          ),
    set: async (key, value, own) => {
      refuseUndefined(value);
      return store(asKey(key), value, async () => {
        const result = await write(key, value);
        const cached = stored === undefined ? value : stored(result, value);
        const terms = merged<SetOptionsOf<C>>(rest.options, own);
        // After the dependents, which may have a tag of its own among them.
        if (dependents !== undefined)
          await inCache(key, () => invalidateAll(cache, dependents(key, cached), 'dependents'));
        const isCached = await inCache(key, () => cache.set(key, cached, terms));
        if (!isCached) await inCache(key, () => cache.delete(key));
        return cached;
      });
    },
    delete: async (key) => {
      asKey(key);
      if (remove === undefined)
        throw new TiercelError('ERR_TIERCEL_INVALID_OPTION', 'remove: got undefined; accepted: needed for delete');
      await store(key, undefined, async () => {
        await remove(key);
        await drop(key, undefined);
      });
    },
    stats: () => ({ ...stats }),
  };
}
