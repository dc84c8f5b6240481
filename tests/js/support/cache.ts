import { type CacheStats, MemoryCache, type MemoryCacheOptions } from 'tiercel';

const opened: MemoryCache<unknown>[] = [];

/** Whether the caches of this run are shared ones. */
export const isShared = process.env.TIERCEL_TEST_SHARED === '1';

/** Opens a cache that is checked and closed at the end of the test. */
export function openCache<V = unknown>(options: MemoryCacheOptions<V> = {}): MemoryCache<V> {
  const cache = MemoryCache.createSync<V>(isShared ? shared(options) : options);
  opened.push(cache as MemoryCache<unknown>);
  return cache;
}

/**
 * Of a name that no other has, and of several shards unless the test gives a bound, which shards would reach one by one.
 * What a shared cache refuses is opened as it is asked for.
 */
export function shared<V>(options: MemoryCacheOptions<V>): MemoryCacheOptions<V> {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) return options;
  const { maxEntries, maxBytes, values, sizeOf, engine } = options;
  if (values === 'reference' || sizeOf !== undefined || engine === 'wasm') return options;
  const shards = maxEntries === undefined && maxBytes === undefined ? 4 : 1;
  // All files run in one process, each with its own modules.
  return { shared: crypto.randomUUID(), shards, ...options };
}

export function removalsOf(stats: CacheStats): number {
  return Object.values(stats.removals).reduce((sum, count) => sum + count, 0);
}

/** What holds for any cache at any time between two calls. */
export function expectBalanced(cache: MemoryCache<unknown>): void {
  const stats = cache.stats();
  expect(stats.adds - removalsOf(stats)).toBe(stats.entries);
  if (stats.maxEntries > 0) expect(stats.entries).toBeLessThanOrEqual(stats.maxEntries);
  if (stats.maxBytes > 0) expect(stats.bytes).toBeLessThanOrEqual(stats.maxBytes);
  if (stats.entries === 0) expect(stats.bytes).toBe(0);
  expect(stats.loading).toBeGreaterThanOrEqual(0);
  expect(stats.lostEvents).toBe(0);
}

afterEach(() => {
  for (const cache of opened.splice(0)) {
    if (cache.closed) continue;
    expectBalanced(cache);
    cache.close();
  }
});
