export type { Timers } from '../timers.js';
export { type CacheAside, type CacheAsideOptions, cacheAside } from './cache-aside.js';
export { ChatCache, type ChatCacheOptions, type ChatSearch, type SessionRef } from './chat-cache.js';
export { type Query, QueryCache, type QueryCacheOptions } from './query-cache.js';
export { type ReadThrough, type ReadThroughOptions, readThrough } from './read-through.js';
export {
  type EntityId,
  Repository,
  type RepositoryChange,
  type RepositoryOptions,
  type RepositorySource,
} from './repository.js';
export { ResilientCache, type ResilientCacheOptions, type ResilientStats } from './resilient-cache.js';
export type { Targets } from './targets.js';
export { type WriteBehind, type WriteBehindOptions, type WriteBehindStats, writeBehind } from './write-behind.js';
export type { WriteContext, WriteOperation, WriteQueueStats } from './write-queue.js';
export { type WriteThrough, type WriteThroughOptions, type WriteThroughStats, writeThrough } from './write-through.js';
