import type { Sharing } from '../engine/engine.js';
import { shardsFor } from '../engine/sharding.js';
import type { ReadCacheOptions } from './options.js';

/** What the threads that open a cache have to agree on. */
export function sharingOf<V>(options: ReadCacheOptions<V>, seed: Uint8Array): Sharing {
  const { shared, maxEntries = 0, maxBytes = 0, ttlRules } = options;
  const agreement = {
    maxEntries,
    maxBytes,
    policy: options.policy ?? 'adaptive',
    ttl: options.ttl ?? 0,
    stale: options.stale ?? 0,
    jitter: options.jitter ?? 0,
    maxKeyBytes: options.maxKeyBytes ?? 1024,
    ttlRules: ttlRules?.document ?? null,
    serializer: options.serializer === undefined ? null : 'a serializer',
    now: options.now === undefined ? null : 'a clock',
    seed: options.seed === undefined ? null : Array.from(options.seed),
  };
  const shards = options.shards ?? shardsFor(maxEntries, maxBytes);
  return { name: shared as string, shards, seed, ownClock: options.now !== undefined, agreement };
}
