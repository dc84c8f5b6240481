import type { Awaitable, CacheLike, LoadOptionsOf, SetOptionsOf } from './cache-like.js';
import type { Duration } from './duration.js';
import type { Loader } from './memory/types.js';

/** A cache that does what another does, for those who change some of it. */
export abstract class CacheView<C extends CacheLike> implements CacheLike {
  protected readonly cache: C;

  constructor(cache: C) {
    this.cache = cache;
  }

  /** A view of the same kind of a namespace of the cache. */
  abstract namespace(...parts: string[]): CacheLike;

  get(key: string): Awaitable<unknown> {
    return this.cache.get(key);
  }
  getMany(keys: Iterable<string>): Awaitable<Map<string, unknown>> {
    return this.cache.getMany(keys);
  }
  has(key: string): Awaitable<boolean> {
    return this.cache.has(key);
  }
  set(key: string, value: unknown, options?: SetOptionsOf<C>): Awaitable<unknown> {
    return this.cache.set(key, value, options);
  }
  setMany(entries: Iterable<readonly [string, unknown]>, options?: SetOptionsOf<C>): Awaitable<unknown> {
    return this.cache.setMany(entries, options);
  }
  getOrSet(key: string, loader: Loader<unknown>, options?: LoadOptionsOf<C>): PromiseLike<unknown> {
    return this.cache.getOrSet(key, loader, options);
  }
  touch(key: string, ttl?: Duration): Awaitable<unknown> {
    return this.cache.touch(key, ttl);
  }
  expire(key: string): Awaitable<unknown> {
    return this.cache.expire(key);
  }
  delete(key: string): Awaitable<unknown> {
    return this.cache.delete(key);
  }
  deleteMany(keys: Iterable<string>): Awaitable<unknown> {
    return this.cache.deleteMany(keys);
  }
  invalidateTags(...tags: string[]): Awaitable<unknown> {
    return this.cache.invalidateTags(...tags);
  }
  invalidatePrefix(prefix: string): Awaitable<unknown> {
    return this.cache.invalidatePrefix(prefix);
  }
  invalidatePattern(pattern: string): Awaitable<unknown> {
    return this.cache.invalidatePattern(pattern);
  }
  clear(): Awaitable<unknown> {
    return this.cache.clear();
  }
}

/** A view as its users see it: with the results that the cache itself has. */
export interface ViewOf<C extends CacheLike> extends Omit<Pick<C, keyof CacheLike>, 'namespace'> {
  namespace(...parts: string[]): ViewOf<C>;
}
