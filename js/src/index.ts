export type { Awaitable, CacheLike, LoadOptionsOf, Removed, SetOptionsOf, ValueOf } from './cache-like.js';
export type { ViewOf } from './cache-view.js';
export { configFromEnv, type EnvironmentConfig } from './config/environment.js';
export type { HostAndPort, RedisSettings } from './config/redis-settings.js';
export {
  Cached,
  type CachedFunction,
  type CachedMethodOptions,
  type CachedOptions,
  type CachedResults,
  cached,
  cachedMethod,
  type PromiseMethodDecorator,
} from './decorators/cached.js';
export type { CallOptions } from './decorators/cached-call.js';
export {
  type AnyMethodDecorator,
  Invalidates,
  type InvalidatesArguments,
  type InvalidatesOptions,
  invalidates,
  type TargetsOf,
} from './decorators/invalidates.js';
export { type Memoized, type MemoizeOptions, memoize } from './decorators/memoize.js';
export type { OfInstance } from './decorators/scope.js';
export type { Duration, Milliseconds } from './duration.js';
export {
  decodeFrame,
  encodeFrame,
  type Frame,
  type FrameFault,
  type FramePlace,
  type FrameScope,
} from './engine/frame.js';
export { type EngineInfo, engineInfo, type SharedCacheInfo } from './engine/info.js';
export type { EngineChoice, EngineKind } from './engine/platform.js';
export { version } from './generated/version.js';
export {
  type InvalidateOnOptions,
  Invalidator,
  type InvalidatorOptions,
  type Targets,
} from './invalidation/invalidator.js';
export type {
  ChangeOperation,
  DocumentChange,
  InvalidationPlan,
  InvalidationStrategy,
  PlannedCollection,
  PlannedTargets,
} from './invalidation/plan.js';
export { type Validate, validated } from './invalidation/validated.js';
export { VersionedCache, type VersionedCacheOptions } from './invalidation/versioned-cache.js';
export { buildKey, type KeyPart } from './keys/build-key.js';
export { fingerprint } from './keys/fingerprint.js';
export { escapePattern } from './keys/pattern.js';
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
  SharedStats,
  Size,
  TtlContext,
  TtlRules,
  Validators,
} from './memory/types.js';
export { TiercelError, type TiercelErrorCode } from './tiercel-error.js';
export type { BatchLoader } from './tiers/batch.js';
export type { BreakerState } from './tiers/breaker.js';
export type { Bus, BusListener, Carried, CarriedValue, CommonMemory, Cover } from './tiers/bus.js';
export { Cache, createCache } from './tiers/cache.js';
export type { Change } from './tiers/change.js';
export type { GuardCounts } from './tiers/guard.js';
export type { Lock } from './tiers/lock.js';
export { type BusFault, type MemoryBus, memoryBus } from './tiers/memory-bus.js';
export { type MemoryRemote, memoryRemote, type RemoteFault, type RemoteOperation } from './tiers/memory-remote.js';
export type {
  RemoteCall,
  RemoteEntry,
  RemoteFollower,
  RemoteFound,
  RemoteLock,
  RemoteLockRequest,
  RemotePlace,
  RemotePoint,
  RemoteRead,
  RemoteTier,
  RemoteTouch,
  RemoteWrite,
} from './tiers/remote.js';
export {
  type Channel,
  type ChannelListener,
  type SequencedBus,
  type SequencedBusOptions,
  sequencedBus,
} from './tiers/sequenced-bus.js';
export type {
  BatchContext,
  CacheOptions,
  Health,
  Invalidation,
  LoadOptions,
  LockOptions,
  Logger,
  PublishOptions,
  StoreOptions,
  TierEvents,
  TierStats,
} from './tiers/types.js';
export type { WrapOptions, Wrapped } from './tiers/wrap.js';
export { type ActivityTtlOptions, activityTtl } from './ttl/activity-ttl.js';
export { dynamicTtl } from './ttl/dynamic-ttl.js';
export { recommendedTtl } from './ttl/recommended-ttl.js';
export {
  type MemoryOf,
  type RegionName,
  type RegionOptions,
  type Regions,
  regions,
} from './ttl/regions.js';
