export type { Timers } from '../timers.js';
export { type CacheAside, type CacheAsideOptions, cacheAside } from './cache-aside.js';
export { type ReadThrough, type ReadThroughOptions, readThrough } from './read-through.js';
export type { Targets } from './targets.js';
export { type WriteBehind, type WriteBehindOptions, type WriteBehindStats, writeBehind } from './write-behind.js';
export type { WriteContext, WriteOperation, WriteQueueStats } from './write-queue.js';
export { type WriteThrough, type WriteThroughOptions, type WriteThroughStats, writeThrough } from './write-through.js';
