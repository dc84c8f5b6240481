export type { Timers } from '../timers.js';
export { type CacheAside, type CacheAsideOptions, cacheAside } from './cache-aside.js';
export { type ReadThrough, type ReadThroughOptions, readThrough } from './read-through.js';
export type { Targets } from './targets.js';
export { type WriteThrough, type WriteThroughOptions, type WriteThroughStats, writeThrough } from './write-through.js';
