import type { Duration, Milliseconds } from '../duration.js';

/** A number of bytes, or `'64mb'`: a number and one of `b kb mb gb` (powers of 1024). */
export type Size = number | string;
export type Bytes = number;
export type Count = number;

/** How values are turned into bytes and back where `values` is `'bytes'`. */
export interface Serializer<V = unknown> {
  /** Called by `set`. What it throws reaches the caller as the cause of `ERR_TIERCEL_NOT_SERIALIZABLE`. */
  serialize(value: V): Uint8Array;
  /** Called by each read, with a copy that it may keep. */
  deserialize(bytes: Uint8Array): V;
}

export type Policy = 'adaptive' | 'lru' | 'sieve' | 's3fifo';

export interface MemoryCacheOptions<V = unknown> {
  /** Most entries held. Default: 10000, or none if `maxBytes` is given. 0: no bound on entries. */
  maxEntries?: Count;
  /**
   * Most bytes held. Default: no bound; in Workers, if `maxEntries` is not given either, 32 MiB beside its default. An entry counts its value; 80 for itself; 24 for each of its tags,
   * dependencies and levels of namespace; 12 more if it has any of these, a ttl or a stale time; its key if that has more
   * than 32 bytes (28 in a namespace); and 16 more for such a key, and in bytes mode for the value. An entry that alone is larger is
   * rejected (`set` returns false) and evicts nothing. Sizes of values are exact in bytes mode; in reference mode they
   * come from `weight` or `sizeOf`, or else are estimated.
   */
  maxBytes?: Size;
  /**
   * Which entry leaves when a bound is reached. `'adaptive'` (default) keeps what is used often or again soon, and
   * learns which of the two counts here. `'lru'`: the one unused for longest. `'sieve'` and `'s3fifo'`: the algorithms
   * of these names.
   */
  policy?: Policy;
  /**
   * `'reference'` (default): the cache keeps the value itself, so a change to it is seen by all.
   * `'bytes'`: it keeps a copy, in memory of the engine: strings, Uint8Array and what JSON can carry,
   * or what `serializer` makes of it. Each read returns a new copy. What JSON would change or drop is
   * refused, but for undefined members, which are dropped, and -0, which becomes 0.
   */
  values?: 'reference' | 'bytes';
  /** Bytes mode only. Replaces the built-in codec for all values. */
  serializer?: Serializer<V>;
  /** How long entries stay fresh unless `set` says otherwise. Default 0: for ever. */
  ttl?: Duration;
  /** How long after its ttl an entry may still be served as stale. Default 0: not at all. */
  stale?: Duration;
  /** Spreads expiry: each ttl is scaled by a random factor of 1 - jitter to 1 + jitter. 0 to 1, default 0. */
  jitter?: number;
  /** Times to live by `contentType`, for entries that are stored with one and without a ttl of their own. */
  ttlRules?: TtlRules;
  /** `'auto'` (default): native where its binary loads, wasm otherwise; {@link engineInfo} tells why. */
  engine?: 'auto' | 'native' | 'wasm';
  /** Reference mode only. Size in bytes of a value, a finite number >= 0, for `maxBytes`. */
  sizeOf?: (value: V, key: string) => Bytes;
  /** Longest key, namespace part or tag in bytes, as stored: one a unit, two if any unit is over U+00FF. 1 to 1048576, default 1024. */
  maxKeyBytes?: Bytes;
  /** 16 bytes for the key hash. Default: random. Give one only to reproduce a run. */
  seed?: Uint8Array;
  /** A monotonic clock in milliseconds, for tests. Default: the platform's. */
  now?: () => Milliseconds;
  /**
   * The name, of 1 to 256 characters, of one cache for all threads of the process: the main thread and its workers that
   * open this name have the same entries, bounds, loads in flight, events and statistics. Native engine and bytes mode
   * only, which is then the default. What one invalidates no other is served once the call has returned, and `getOrSet`
   * calls one loader for all threads: it lasts as long as that thread, and one that ends hands over. The cache is there
   * until the last that opened it has closed it, or ended. All give the same options: `ERR_TIERCEL_SHARED_OPTIONS` names
   * one that differs. Functions (`now`, a serializer) are not compared, only whether there are any.
   */
  shared?: string;
  /**
   * Only with `shared`. In how many parts the cache is divided, each with a lock and an even part of the bounds: a power of
   * two from 1 to 16. Default: as many as get 1024 entries and 8 MiB each. Threads wait for one another less with more;
   * with fewer an entry may be larger, as it has to fit the part of `maxBytes`, and eviction knows more of the whole.
   */
  shards?: Count;
}

export interface SetOptions {
  /** How long the entry stays fresh. Default: the cache's. 0: for ever. */
  ttl?: Duration;
  /** How long after that it may be served as stale. Default: the cache's. Of no effect without a ttl. */
  stale?: Duration;
  /** Names that {@link MemoryCache.invalidateTags} takes; at most 64. They belong to the namespace. */
  tags?: readonly string[];
  /**
   * Keys of the same namespace that the value was made from: when one of them is set, deleted or invalidated this entry
   * goes too, and what depends on it. Not if one only expires or is evicted: what it said is still true. With the tags,
   * and those that come with the dependencies, at most 128.
   */
  dependsOn?: readonly string[];
  /** Reference mode only. Size of the value in bytes, for `maxBytes`; takes the place of `sizeOf`. */
  weight?: Bytes;
  /**
   * Never evicted for room, until it is set again without this. It counts in the bounds; what has no room beside the
   * pinned entries is rejected. Default false.
   */
  pinned?: boolean;
  /** What kind of value it is, for the cache's `ttlRules`; of no effect without those or beside a `ttl`. */
  contentType?: string;
  /** What the `ttlRules` take into account beside the kind; only with `contentType`. */
  context?: TtlContext;
}

/**
 * How long a value lives, by what it is and how and when it is used: the ttl of its type, times a factor for each fact
 * that is known of it, within limits. What is left out is as it is by default; `{}` are the defaults.
 */
export interface TtlRules {
  /** Of types that are not in `types`. Default 5 minutes. */
  defaultTtl?: Duration;
  /** By content type; these are added to the defaults, or take their places. See docs/ttl-rules.md for those. */
  types?: Readonly<Record<string, Duration>>;
  /** Factors from 0 to 1000, for what `context` says. */
  context?: {
    /** Default 1.5. */
    favorite?: number;
    /** What was changed less than `within` ago; default 0.5 within an hour. */
    recentlyModified?: { within?: Duration; multiplier?: number };
    /** Default 2. */
    highFrequency?: number;
    /** Default 0.7. */
    premium?: number;
  };
  /**
   * Factors by hour of the day, from 0 to 24, `to` not included; a range may go past midnight. Replaces the default,
   * which is 0.7 from 9 to 18 and 1 from 18 to 23.
   */
  hours?: readonly { from: number; to: number; multiplier: number }[];
  /** Factor for the hours in none of `hours`. Default 1.5. */
  otherHours?: number;
  /** Default: 30 seconds to 2 hours. */
  clamp?: { min?: Duration; max?: Duration };
  /** Scatters what comes out by this part of it, both ways. 0 to 1, default 0. The cache's `jitter` comes on top. */
  jitter?: number;
  /** Name of the zone whose hours are meant. Default: none is assumed, and hours count only where `context` has one. */
  timeZone?: string;
}

/** What is known of a value, for {@link TtlRules}. */
export interface TtlContext {
  /** Default false. */
  favorite?: boolean;
  /** When it was last changed, by the wall clock: a Date or milliseconds since 1970. Default: not known. */
  modifiedAt?: Date | Milliseconds;
  /** How long ago it was last changed, in place of `modifiedAt`. */
  modifiedAgo?: Duration;
  /** Default `'normal'`. */
  accessFrequency?: 'low' | 'normal' | 'high';
  /** Default `'free'`. */
  tier?: 'free' | 'premium';
  /** Hour of the day where the value is used, from 0 to below 24. Default: by the rules' `timeZone`, if they have one. */
  hour?: number;
}

export interface Entry<V> {
  value: V;
  /** Past its ttl, within its stale time. */
  stale: boolean;
  /** Milliseconds it stays fresh: negative once stale, Infinity without a ttl. */
  ttl: Milliseconds;
  tags: string[];
}

/** What a loader gets, beside its result, to say about the value. */
export interface LoadContext<V = unknown> {
  readonly key: string;
  /** Aborted when the load is given up: the cache was closed, or nobody waits for it any more. */
  readonly signal: AbortSignal;
  /** The value that is being replaced, stale or due to `forceRefresh`, if there is one, and its validators. */
  readonly stale?: { readonly value: V } & Validators;
  /** Sets the ttl of the value; goes before the option. */
  setTtl(ttl: Duration): void;
  /** Adds tags to those of the options. */
  setTags(...tags: string[]): void;
  /** Keeps validators with the value, for the `stale` of the load that will replace it. */
  setValidators(validators: Validators): void;
  /** The result is returned to all that wait, and not stored. */
  skip(): void;
  /** Makes the load fail with this error: throws it. The load fails even if the loader catches that. */
  fail(error: unknown): never;
  /**
   * The value to return if the source says that the stale one is still right: that one, which gets a new ttl and keeps
   * its validators. Tags are those of this load.
   * @throws `ERR_TIERCEL_INVALID_ARGUMENT` if there is no `stale`
   */
  notModified(): V;
}

/** What a source can be asked by whether a value changed, as HTTP has it. */
export interface Validators {
  readonly etag?: string;
  readonly lastModified?: string;
}

export type Loader<V> = (context: LoadContext<V>) => V | Promise<V>;

export interface GetOrSetOptions extends SetOptions {
  /** Loads even if there is a fresh entry. Default false. */
  forceRefresh?: boolean;
  /** Ends the wait of this caller; others and the load go on. Rejects with the signal's reason. */
  signal?: AbortSignal;
  /**
   * Longest wait for a load that another caller began; after it this caller runs its own loader as well, and
   * whichever ends first serves all. Default: none in Node and browsers; 1000 ms in Workers, where a
   * load ends unheard if its request is cancelled. 0: no limit.
   */
  waitTimeout?: Duration;
  /**
   * Gets a promise that lasts as long as the load which this call began or joined, and never rejects: a Worker's
   * `ctx.waitUntil`, so that the load outlives the client that asked for it. Not called if the value is fresh.
   */
  waitUntil?: (load: Promise<void>) => void;
}

/** `'pattern'`: by a prefix or a pattern. `'dependency'`: a key that it depended on changed or went. */
export type RemovalCause = 'explicit' | 'replaced' | 'expired' | 'size' | 'tag' | 'clear' | 'pattern' | 'dependency';

/** Payload of each event of {@link MemoryCache.on}. */
export interface CacheEvents<V> {
  /** A read found a fresh entry, or a stale one where it accepts them. */
  hit: { key: string; stale: boolean };
  miss: { key: string };
  set: { key: string; value: V };
  /** An entry left, for whatever cause; once for each. `expire` and `evict` are the same event by cause. */
  remove: { key: string; value: V; cause: RemovalCause };
  /** Left because its time was over. Seen when it is reclaimed, which may be later. */
  expire: { key: string; value: V; cause: 'expired' };
  /** Left because a bound was reached. */
  evict: { key: string; value: V; cause: 'size' };
  clear: { count: Count };
}

/** What the policy tells of itself, 0 where it has no such thing. In bytes if only `maxBytes` bounds the cache. */
export interface PolicyState {
  /** How large `adaptive` wants its window, and how large it is: the part that keeps what is new. */
  windowTarget: number;
  window: number;
  /** Of the rest the part that was used again. */
  protected: number;
  /** Keys remembered that are no longer there. */
  ghosts: Count;
  /** Counters of how often keys are asked for. */
  sketchCounters: Count;
  /** What all this takes. */
  memory: Bytes;
}

export interface CacheStats {
  /** Entries in the cache, of all namespaces; those invalidated or expired count until they are reclaimed. */
  entries: Count;
  bytes: Bytes;
  /** 0: no bound. */
  maxEntries: Count;
  /** 0: no bound. */
  maxBytes: Bytes;
  policy: Policy;
  policyState: PolicyState;
  hits: Count;
  /** Reads that found an entry past its ttl and returned it as stale; not part of `hits`. */
  staleHits: Count;
  misses: Count;
  /** Values stored, by `set` and by loads. */
  sets: Count;
  /** Values not stored because they alone are over `maxBytes`. */
  rejected: Count;
  /** Entries that came in. `adds` minus the sum of `removals` is `entries`, counted from the opening. */
  adds: Count;
  removals: Record<RemovalCause, Count>;
  /** Loads begun, and those not stored because an invalidation or a newer value overtook them. */
  loads: Count;
  overtaken: Count;
  /** Loads whose loader failed. */
  loadFailures: Count;
  /** Loads in flight. */
  loading: Count;
  /** Entries already dead whose space is not yet reclaimed: an upper bound. */
  pendingReclaim: Count;
  /** Namespaces, tags and keys depended on that are remembered. */
  scopes: Count;
  /** Entries that are pinned. */
  pinned: Count;
  /** Entries with a ttl. */
  timed: Count;
  /** Prefixes and patterns that entries are still compared with, until all those that match are reclaimed. */
  barriers: Count;
  /** Events that could not be kept for lack of memory, or for a thread that did not take 65536 others, or 64 MiB. */
  lostEvents: Count;
  /** Of a shared cache. */
  shared?: SharedStats;
}

export interface SharedStats {
  /** Parts with a lock each. */
  shards: Count;
  /** Caches, of all threads, that have it open. */
  references: Count;
  /** How often a thread found a lock taken, since the opening. */
  lockWaits: Count;
}
