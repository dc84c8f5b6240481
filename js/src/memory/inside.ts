import type { Namespace } from '../engine/engine.js';
import type { MemoryCache } from './memory-cache.js';
import type { Shared } from './shared.js';

/** What a view of a cache is made of. */
export interface Inside<V> {
  readonly shared: Shared<V>;
  readonly ns: Namespace;
}

let read: <V>(cache: MemoryCache<V>) => Inside<V>;

/** What is inside of a view of a cache, for what is built upon it. */
export function insideOf<V>(cache: MemoryCache<V>): Inside<V> {
  return read(cache);
}

/** Called by the class, which alone can see it. */
export function setInside(reader: typeof read): void {
  read = reader;
}
