import type { Sharing } from '../engine/engine.js';
import { shardsFor } from '../engine/sharding.js';
import type { ReadCacheOptions } from './options.js';
import type { MemoryCacheOptions } from './types.js';

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

/** How another thread opens a cache of all threads: a message may have it. */
export interface Opening {
  /** All that threads have to agree on, but functions. */
  readonly options: MemoryCacheOptions & { readonly shared: string };
  /** Whether there is a serializer as well. */
  readonly isSerialized: boolean;
  /** Which of those it is that have it open. */
  readonly connection: string;
}

/** Undefined if no other thread can: of a cache that is not shared, or by a clock that is a function. */
export function openingOf<V>(given: ReadCacheOptions<V>): Opening | undefined {
  const { shared, ttlRules, serializer, now, sizeOf: _, ...rest } = given;
  if (shared === undefined || now !== undefined) return undefined;
  const options = { ...rest, shared, ...(ttlRules !== undefined && { ttlRules: ttlRules.document }) };
  return { options, isSerialized: serializer !== undefined, connection: crypto.randomUUID() };
}
