import { type Cache, type CacheOptions, createCache } from 'tiercel';

const opened: Cache<unknown>[] = [];

/** Makes a cache that is checked and closed at the end of the test. */
export async function openTiers<V = unknown>(options: CacheOptions<V> = {}): Promise<Cache<V>> {
  const cache = await createCache<V>(options);
  opened.push(cache as unknown as Cache<unknown>);
  return cache;
}

afterEach(async () => {
  for (const cache of opened.splice(0)) {
    if (!cache.closed) await cache.close();
  }
});
