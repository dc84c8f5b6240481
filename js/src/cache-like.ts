import type { Duration } from './duration.js';
import { invalidArgument } from './errors.js';
import type { CacheEvents, GetOrSetOptions, Loader, SetOptions } from './memory/types.js';

/** At once, or later: what a call gives that is synchronous in one kind of cache and not in the other. */
export type Awaitable<T> = T | PromiseLike<T>;

/**
 * What the building blocks need of a cache: a {@link MemoryCache}, a `Cache` and any namespace of either is one. The
 * methods mean what they mean there. A block awaits what they return, or hands it on as it is.
 */
export interface CacheLike<V = unknown> {
  get(key: string): Awaitable<V | undefined>;
  getMany(keys: Iterable<string>): Awaitable<Map<string, V>>;
  has(key: string): Awaitable<boolean>;
  set(key: string, value: V, options?: SetOptions): Awaitable<unknown>;
  setMany(entries: Iterable<readonly [string, V]>, options?: SetOptions): Awaitable<unknown>;
  getOrSet(key: string, loader: Loader<V>, options?: GetOrSetOptions): PromiseLike<V>;
  touch(key: string, ttl?: Duration): Awaitable<unknown>;
  expire(key: string): Awaitable<unknown>;
  delete(key: string): Awaitable<unknown>;
  deleteMany(keys: Iterable<string>): Awaitable<unknown>;
  invalidateTags(...tags: string[]): Awaitable<unknown>;
  invalidatePrefix(prefix: string): Awaitable<unknown>;
  invalidatePattern(pattern: string): Awaitable<unknown>;
  namespace(...parts: string[]): CacheLike<V>;
  clear(): Awaitable<unknown>;
  /** Of what is in this process. */
  on?(event: 'remove', listener: (removed: Removed<V>) => void, pattern?: string): () => void;
}

export type Removed<V> = CacheEvents<V>['remove'];

/** What `getOrSet` of a kind of cache takes beside key and loader. */
export type LoadOptionsOf<C extends CacheLike> = NonNullable<Parameters<C['getOrSet']>[2]>;

/** What `set` of a kind of cache takes beside key and value. */
export type SetOptionsOf<C extends CacheLike> = NonNullable<Parameters<C['set']>[2]>;

/** What a cache holds. */
export type ValueOf<C extends CacheLike> = C extends CacheLike<infer V> ? V : never;

/** Refuses what is no cache of any kind. */
export function asCache<C>(value: C, name = 'cache'): C {
  const { getOrSet, set, invalidateTags } = (value ?? {}) as unknown as Partial<CacheLike>;
  if (typeof getOrSet === 'function' && typeof set === 'function' && typeof invalidateTags === 'function') return value;
  throw invalidArgument(name, value, 'a MemoryCache, a Cache, or a namespace of one');
}

/** A promise, of any make. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}
