export type { Awaitable, CacheLike, LoadOptionsOf, SetOptionsOf } from './cache-like.js';
export type { Duration, Milliseconds } from './duration.js';
export { type EngineInfo, engineInfo } from './engine/info.js';
export type { EngineChoice, EngineKind } from './engine/platform.js';
export { TiercelError, type TiercelErrorCode } from './errors.js';
export { version } from './generated/version.js';
export { MemoryCache } from './memory/memory-cache.js';
export type {
  Bytes,
  CacheEvents,
  CacheStats,
  Count,
  Entry,
  GetOrSetOptions,
  LoadContext,
  Loader,
  MemoryCacheOptions,
  Policy,
  PolicyState,
  RemovalCause,
  Serializer,
  SetOptions,
  Size,
  TtlContext,
  TtlRules,
} from './memory/types.js';
