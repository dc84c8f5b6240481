import { LRUCache } from 'lru-cache';

/** Bytes of an entry beside its key and value: those that Tiercel accounts for as well. */
const ENTRY = 80;

/** An lru-cache of strings with a bound on bytes. @param {number} maxBytes @returns {LRUCache<string, string>} */
export const lruOf = (maxBytes) =>
  new LRUCache({ maxSize: maxBytes, sizeCalculation: (text, key) => text.length + key.length + ENTRY });
