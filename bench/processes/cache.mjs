// One cache of those that are compared in processes of their own, where no other is loaded.

/**
 * @param {string} name `tiercel native`, `tiercel wasm` or `lru-cache`
 * @param {number} maxEntries
 * @param {import('tiercel').MemoryCacheOptions} options for Tiercel
 * @returns {Promise<import('../caches.mjs').Cache>}
 */
export async function open(name, maxEntries, options) {
  if (name === 'lru-cache') {
    const { LRUCache } = await import('lru-cache');
    return new LRUCache({ max: maxEntries });
  }
  const { MemoryCache } = await import('tiercel');
  const engine = /** @type {'native' | 'wasm'} */ (name.slice('tiercel '.length));
  return MemoryCache.createSync({ maxEntries, engine, ...options });
}
