export type { EncryptionKey } from '../frames/encryption.js';
export type { PayloadOptions } from '../frames/payload.js';
export { type MessagePack, messagePack, type PayloadSerializer } from '../frames/serializers.js';
export { type RedisBus, type RedisBusOptions, redisBus } from './bus.js';
export {
  type AcquireOptions,
  DistributedLock,
  type DistributedLockOptions,
  type HeldLock,
} from './distributed-lock.js';
export {
  type RedisClusterHealth,
  type RedisHealth,
  type RedisHealthOptions,
  type RedisOwners,
  type RedisServerHealth,
  type RedisSlotRange,
  redisHealth,
  redisOwners,
} from './health.js';
export type { IoredisLike, NodeRedisLike, RedisClient, RestRedisLike } from './port.js';
export { type RestRedis, type RestRedisOptions, restRedis } from './rest.js';
export { redisSlot } from './slots.js';
export { type RedisTier, type RedisTierOptions, redisTier } from './tier.js';
