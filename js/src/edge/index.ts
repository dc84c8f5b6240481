export type { EncryptionKey } from '../frames/encryption.js';
export type { TierFault } from '../frames/entry.js';
export type { PayloadFault, PayloadOptions } from '../frames/payload.js';
export { type MessagePack, messagePack, type PayloadSerializer } from '../frames/serializers.js';
export { type CacheApiLike, type CacheApiTierOptions, cacheApiTier } from './cache-api.js';
export { type KvNamespaceLike, kvTier } from './kv.js';
export type { EdgeConsistency, EdgeTier, EdgeTierHealth, EdgeTierOptions } from './tier.js';
