/** What makes a cache one of all threads. */
export interface Sharing {
  readonly name: string;
  /** A power of two. */
  readonly shards: number;
  readonly seed: Uint8Array;
  /** Whether the time comes from the threads, and not from a clock that all have. */
  readonly ownClock: boolean;
  /** What those who open it must agree on beside the core's options, by the names of the options; null: not given. */
  readonly agreement: Readonly<Record<string, unknown>>;
}

/** What a load came to that another thread ran: Outcome::Kind of `node/mailbox.h`. */
export const OUTCOME_VALUE = 0;
/** The loader returned nothing. */
export const OUTCOME_NOTHING = 1;
export const OUTCOME_FAILED = 2;
/** The thread is gone, or keeps the result for itself. */
export const OUTCOME_GONE = 3;

/** Most shards of a cache, as in `node/dependents.h`. */
export const MAX_SHARDS = 16;

/** Least that a shard has when their number is not given: with less, the parts of a bound fill unevenly. */
const LEAST_ENTRIES = 1024;
const LEAST_BYTES = 8 * 1024 ** 2;

/** How many shards a cache with these bounds has, 0 for none, unless another number is given. */
export function shardsFor(maxEntries: number, maxBytes: number): number {
  let shards = 1;
  const fits = (n: number) =>
    (maxEntries === 0 || maxEntries / n >= LEAST_ENTRIES) && (maxBytes === 0 || maxBytes / n >= LEAST_BYTES);
  while (2 * shards <= MAX_SHARDS && fits(2 * shards)) shards *= 2;
  return shards;
}

/** The part of a bound that a shard has: together they are the bound. */
function partOf(bound: number, shards: number, shard: number): number {
  return Math.floor(bound / shards) + (shard < bound % shards ? 1 : 0);
}

interface Bounds {
  maxEntries?: number | undefined;
  maxBytes?: number | undefined;
}

/**
 * The options of all shards in one text for the addon, each part ended by a NUL: the name and the agreement as JSON,
 * the seed, whose clock it is, the options of a cache without entries, and those of each shard.
 */
export function shardedOptions(options: Bounds, sharing: Sharing): string {
  const { name, shards, seed, ownClock, agreement } = sharing;
  const { maxEntries = 0, maxBytes = 0 } = options;
  const hex = Array.from(seed, (byte) => byte.toString(16).padStart(2, '0')).join('');
  const parts = [
    JSON.stringify(name),
    JSON.stringify({ ...agreement, shards }),
    hex,
    ownClock ? '1' : '0',
    JSON.stringify({ ...options, maxEntries: 1, maxBytes: 0 }),
  ];
  for (let shard = 0; shard < shards; shard++) {
    const bounds = { maxEntries: partOf(maxEntries, shards, shard), maxBytes: partOf(maxBytes, shards, shard) };
    parts.push(JSON.stringify({ ...options, ...bounds, stripes: shards, stripe: shard }));
  }
  return parts.map((part) => `${part}\0`).join('');
}
