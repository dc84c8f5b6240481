// The caches side by side, each with its own best settings for values by reference and a bound on entries.
import { CacheableMemory } from 'cacheable';
import { createLRU } from 'lru.min';
import { LRUCache } from 'lru-cache';
import { LRUMap } from 'mnemonist';
import { lru } from 'tiny-lru';
import { newCache } from 'transitory';
import { engines } from './options.mjs';
import { untyped } from './untyped.mjs';

const { SieveCache } = await untyped('@neophi/sieve-cache');
const { default: QuickLRU } = await untyped('quick-lru');

/**
 * @typedef {object} Cache
 * @property {(key: string) => any} get What was set for the key; undefined or null if it is not there.
 * @property {(key: string, value: any, options?: any) => unknown} set Options are each cache's own, values the benchmark's.
 * @property {() => void} [close]
 */

/** @typedef {(maxEntries: number) => Cache} Make */

/** @type {Record<string, Make>} */
export const peers = {
  'lru-cache': (max) => new LRUCache({ max }),
  'lru.min': (max) => createLRU({ max }),
  'tiny-lru': (max) => lru(max),
  mnemonist: (max) => new LRUMap(max),
  'quick-lru': (maxSize) => new QuickLRU({ maxSize }),
  '@neophi/sieve-cache': (maxSize) => new SieveCache(maxSize),
  transitory: (maxSize) => {
    const cache = newCache().maxSize(maxSize).build();
    return { get: (key) => cache.getIfPresent(key), set: (key, value) => cache.set(key, value) };
  },
  cacheable: (lruSize) => new CacheableMemory({ lruSize, useClone: false }),
};

/** Those of them that evict what was not used for longest, so that all have the same hits. */
export const strictLru = ['lru-cache', 'lru.min', 'tiny-lru', 'mnemonist', 'cacheable'];

/** A copy of the library for each engine: code that has met both is slower, and a program has one. */
const copies = new Map();
for (const engine of engines) {
  /** @type {typeof import('tiercel')} */
  const copy = await import(`${import.meta.resolve('tiercel')}?${engine}`);
  copies.set(engine, copy.MemoryCache);
}

/**
 * Tiercel once for each engine, by name.
 * @param {import('tiercel').MemoryCacheOptions} [options]
 * @returns {Record<string, Make>}
 */
export function tiercel(options) {
  return Object.fromEntries(
    engines.map((engine) => [
      `tiercel ${engine}`,
      (maxEntries) => copies.get(engine).createSync({ maxEntries, engine, ...options }),
    ]),
  );
}
