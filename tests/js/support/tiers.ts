import { type Cache, type CacheOptions, createCache, MemoryCache } from 'tiercel';
import { isShared, shared } from './cache.js';

const opened: Cache<unknown>[] = [];

/** Makes a cache that is checked and closed at the end of the test. */
export async function openTiers<V = unknown>(options: CacheOptions<V> = {}): Promise<Cache<V>> {
  const { memory = {} } = options;
  const isOwn = !(memory instanceof MemoryCache);
  const cache = await createCache<V>(isShared && isOwn ? { ...options, memory: shared(memory) } : options);
  opened.push(cache as unknown as Cache<unknown>);
  return cache;
}

afterEach(async () => {
  for (const cache of opened.splice(0)) {
    if (!cache.closed) await cache.close();
  }
});
