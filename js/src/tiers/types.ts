import type { Duration, Milliseconds } from '../duration.js';
import type { MemoryCache } from '../memory/memory-cache.js';
import type {
  CacheEvents,
  CacheStats,
  Count,
  GetOrSetOptions,
  MemoryCacheOptions,
  SetOptions,
  Size,
} from '../memory/types.js';
import type { BreakerState } from './breaker.js';
import type { Bus } from './bus.js';
import type { GuardCounts } from './guard.js';
import type { RemoteTier } from './remote.js';

export interface CacheOptions<V = unknown> {
  /** The first tier: options for a cache of its own (default), or one that you have, which `close` leaves open. */
  memory?: MemoryCacheOptions<V> | MemoryCache<V>;
  /** The second tier. Default: none. The cache does not close it. */
  remote?: RemoteTier;
  /** Tells other caches of changes, and this one of theirs. Default: none. It belongs to this cache, which closes it. */
  bus?: Bus;
  /** What caches that share a second tier or a bus have in common: the root of their namespaces there. Default `'default'`. */
  name?: string;
  /** A namespace that everything is in. Default: none. */
  namespace?: readonly string[];
  /** For all calls that do not say otherwise. */
  defaults?: Omit<LoadOptions, 'forceRefresh' | 'signal' | 'waitUntil'>;
  /**
   * Longest wait for an answer of the second tier or the bus. Default 100 ms. While the thread stands still no more than
   * half of it passes, and what was answered meanwhile counts.
   */
  remoteTimeout?: Duration;
  /**
   * After `failures` (default 3) calls in a row that failed (those of one turn are one), the second tier or the bus is not
   * asked for `reset` (default 5 s); then one call is let through to see. If that fails too, it is not asked for twice as
   * long, up to four times `reset`. Each of these times is shorter by up to a half, by chance, so that not all processes
   * ask at the same moment a server that is just coming back.
   */
  breaker?: { failures?: Count; reset?: Duration };
  /**
   * What becomes of the entries in memory while the bus cannot tell whether they were invalidated. They are never
   * served as fresh. `'flush'` (default): they are dropped. `'revalidate'`: they are kept until the bus is back, for calls
   * whose load fails or takes too long and that accept stale values then.
   */
  onDoubt?: 'flush' | 'revalidate';
  /**
   * Whether values go with the changes that the bus tells, so that other caches have them in memory without asking the
   * second tier: values that were set and, unless `loads` is false, that were loaded. Only such as JSON carries
   * unchanged, without `dependsOn`, and of one message together at most `maxBytes`; others are told as
   * without. Needs a second tier that knows in which order it took changes (`redisTier` but for a Cluster, `memoryRemote`) and a bus that carries them
   * (`redisBus`, `sequencedBus`), and is of use where all caches have it; one that has its memory together
   * with others, or with other threads, takes none. Default false.
   */
  publishValue?: boolean | PublishOptions;
  /** Changes that wait for the second tier or the bus to come back, at most; beyond that everything is invalidated. 1 to 2^20, default 10,000. */
  maxPending?: Count;
  /** Told of failures of the second tier and the bus. What it throws is ignored. */
  logger?: Logger;
  /** A monotonic clock in milliseconds, for tests; for `memory` too unless that has its own. Default: the platform's. */
  now?: () => Milliseconds;
}

export interface PublishOptions {
  /** As UTF-8, from 1 byte to 1 MiB. Default 16 KiB. */
  maxBytes?: Size;
  /** Default true. */
  loads?: boolean;
}

export interface Logger {
  warn(message: string, details: object): void;
}

/** What `Cache.set` takes beside the value. */
export interface StoreOptions extends SetOptions {
  /** How long after its ttl the value may be served to those whose load fails. Default 0. Beside `stale`, which counts from the ttl as well. */
  grace?: Duration;
  /** Scales the ttl by a random factor of 1 - jitter to 1 + jitter, alike in all tiers. 0 to 1, default 0. */
  jitter?: number;
}

/** What `Cache.getOrSet` takes beside the loader. */
export interface LoadOptions extends StoreOptions, Omit<GetOrSetOptions, keyof SetOptions> {
  /** After a load failed, how long a stale value is served without trying another, where `stale` or `grace` allow. Default 10 s; 0: not at all. */
  graceBackoff?: Duration;
  /** If a load takes longer, a value within its `stale` or `grace` is served, and the load goes on. Default: none. */
  softTimeout?: Duration;
  /** If a load takes longer, the call fails with `ERR_TIERCEL_TIMEOUT`, unless there is a value within its `stale` or `grace`. Default: none. */
  hardTimeout?: Duration;
  /** What becomes of the load when a hard timeout ends the wait of the last who waits for it: it goes on (default), or its signal is aborted. */
  abortOnTimeout?: boolean;
  /**
   * Loads a new value behind the caller's back shortly before the ttl is over: the sooner, the longer the load took,
   * by chance, so that of many caches one does (XFetch, Vattani et al., VLDB 2015). The factor beta, 0 to 1: 0 (default)
   * is never, 1 is what the paper recommends. Only for values that were loaded with this option.
   */
  eagerRefresh?: number;
  /** Ttl of null. Default: as of other values. */
  negativeTtl?: Duration;
  /**
   * `'process'` (default): one load of a key at a time in this process. `'fleet'`: among all that share the second tier, if it has locks.
   * Where none can be had, or another holds it for longer than the `hardTimeout` (30 s without one), the load goes on without: an
   * `error` event says so, or before that the `breaker` event of a second tier that is not asked.
   */
  lock?: 'process' | 'fleet';
}

/** What the loader of `getOrSetMany` gets beside the keys. Calls without a key are for all of them. */
export interface BatchContext<V = unknown> {
  /** Aborted when nobody waits for any of the keys any more. */
  readonly signal: AbortSignal;
  /** What is known of one of the keys, and what can be said of its value alone. */
  for(key: string): import('../memory/types.js').LoadContext<V>;
  setTtl(ttl: Duration): void;
  setTags(...tags: string[]): void;
  /** Nothing of the result is stored. */
  skip(): void;
  fail(error: unknown): never;
}

export interface Invalidation {
  /** How many entries could have been served by memory; if that is unknown to it, by the second tier. */
  readonly removed: Count;
  /** The second tier or other caches do not know yet: they will as soon as they can be reached. Here it holds at once. */
  readonly pending: boolean;
}

export interface LockOptions {
  /** How long it is held at most, unless extended. Default 10 s. */
  ttl?: Duration;
  /** How long to wait for it. Default 0: not at all. */
  wait?: Duration;
  signal?: AbortSignal;
}

/** Payload of each event of `Cache.on`: those of the memory, and these. */
export interface TierEvents<V> extends CacheEvents<V> {
  /** The second tier or the bus failed, or answered nonsense, or a load went on without the lock that it waited for. */
  error: { readonly tier: string; readonly operation: string; readonly error: unknown };
  /** A load failed or took too long, and a stale value is served. */
  grace: { readonly key: string; readonly error: unknown };
  breaker: { readonly tier: string; readonly state: BreakerState };
  /** Entries in memory may be out of date, or are known not to be any more. */
  doubt: { readonly state: 'live' | 'missed' | 'down'; readonly reason: string };
}

export interface TierStats extends CacheStats {
  remoteHits: Count;
  remoteMisses: Count;
  /** Values written to the second tier by loads, and those that it refused because something invalidated them. */
  remoteWrites: Count;
  remoteRefusals: Count;
  /** Calls that got a stale value: because the load failed, or took longer than the soft timeout or the hard one. */
  graced: Count;
  softTimeouts: Count;
  hardTimeouts: Count;
  eagerRefreshes: Count;
  /** Changes that others told of over the bus. */
  heard: Count;
  /** How often changes of others were missed, or may have been, so that what memory held was not served any more. */
  doubts: Count;
  /** Values that others set or loaded and told of: taken into memory, and not, because something may have come after. */
  valuesTaken: Count;
  valuesRefused: Count;
}

export interface Health {
  /** Whether all that the cache has works: no breaker open, nothing in doubt, nothing pending. */
  readonly ok: boolean;
  readonly remote?: GuardCounts & {
    readonly name: string;
    readonly state: BreakerState;
    readonly inFlight: Count;
    readonly details?: object;
  };
  readonly bus?: GuardCounts & {
    readonly name: string;
    /** `down`: changes of others may be being missed, and memory is not served. */
    readonly state: 'live' | 'down';
    readonly reason: string;
    /** How often changes were missed. */
    readonly missed: Count;
    readonly details?: object;
  };
  /** Changes that wait to be told, all that ever had to, and how often there were too many. */
  readonly pending: {
    readonly changes: Count;
    readonly queued: Count;
    readonly replayed: Count;
    readonly overflows: Count;
  };
}
