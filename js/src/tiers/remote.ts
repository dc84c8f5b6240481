import type { Milliseconds } from '../duration.js';
import type { Validators } from '../memory/types.js';
import type { Change } from './change.js';

/**
 * A second tier: a store that several caches share, further away than memory and not always there.
 *
 * A value that was read from the source before an invalidation must never be found after it. So a load has a *lease*:
 * a read that asks for one gets, in the same step, a token of all that may invalidate the key as of then; a write with
 * a lease stores only if none of that has changed. Losing what leases and entries are checked against (an eviction, a
 * restart, a failover) may cost a miss, never a stale hit.
 *
 * All methods take several of a kind, so that many keys cost one round trip, and answer in the same order. They may
 * reject, and may take as long as they like: a {@link Cache} waits no longer than `remoteTimeout`, and goes on without.
 * What was sent before a rejection may have happened or not. Calls take effect in the order in which they were made.
 */
export interface RemoteTier {
  /** For health and errors. Default: `'remote'`. */
  readonly name?: string;
  /** Whether calls that are made together cost one round trip. Default: false. */
  readonly isPipelined?: boolean;
  read(reads: readonly RemoteRead[], call: RemoteCall): Promise<readonly RemoteFound[]>;
  /**
   * Answers which were stored; a lease that no longer holds is a reason not to. To reject with the TiercelError
   * `ERR_TIERCEL_NOT_SERIALIZABLE` says that a value cannot be kept, and that the tier is well.
   */
  write(writes: readonly RemoteWrite[], call: RemoteCall): Promise<readonly boolean[]>;
  /**
   * Makes values wrong, and leases that cover them: resolves when that is durable, with how many entries each change
   * concerned as far as is known. A change that is made again does no harm.
   */
  change(changes: readonly Change[], call: RemoteCall): Promise<readonly number[]>;
  /** Renews the time to live of what is there; answers where something was. */
  touch?(touches: readonly RemoteTouch[], call: RemoteCall): Promise<readonly boolean[]>;
  /** A lock for all that share the tier; undefined if another holds it for longer than `wait`. */
  lock?(request: RemoteLockRequest, call: RemoteCall): Promise<RemoteLock | undefined>;
  /**
   * Called once by a cache with a bus. A tier that can remember what its entries are checked against returns what this
   * cache is to read through for as long as it hears of all changes, and what it tells of them.
   * @param hears whether it hears of all changes by now; not to be called before the first read
   */
  follow?(hears: () => boolean): RemoteFollower | undefined;
  /** Facts of the tier's own, for `Cache.health`. Synchronous, and without a round trip. */
  health?(): object;
  close?(): void | Promise<void>;
}

/**
 * Reads for one cache that hears what others change. What it answers may be as old as what the cache has heard by then: so
 * it counts what it was told until it answers. None but `read` may throw.
 */
export interface RemoteFollower {
  read(reads: readonly RemoteRead[], call: RemoteCall): Promise<readonly RemoteFound[]>;
  /** This was changed by others; or by the cache itself, which tells of it before the tier is told, and once the tier knows. */
  changed(changes: readonly Change[]): void;
  /** Changes were missed, or may have been: nothing that is remembered counts, nor what is being asked. */
  forget(): void;
  /** Further facts for `Cache.health`, beside those of the tier. */
  health?(): object;
}

export interface RemoteCall {
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /**
   * If there is one, a tier that can tells it, before it answers a read, a write or a change, where that stands among all
   * of them; once for each step that it takes. One that cannot does nothing.
   */
  readonly ordered?: (point: RemotePoint) => void;
}

/**
 * Where a call stands in the order in which a tier took all that changes something. Within an epoch later writes and changes have
 * larger numbers, and a read has that of the last before it; an epoch that is over does not come back.
 */
export interface RemotePoint {
  readonly epoch: string;
  readonly at: number;
}

export interface RemotePlace {
  readonly namespace: readonly string[];
  readonly key: string;
}

export interface RemoteRead extends RemotePlace {
  /**
   * Whether a value may be written after this: answer with a lease, whether or not something is found; `'missing'`: only
   * if nothing fresh is, so none is needed with a fresh entry.
   */
  readonly lease: boolean | 'missing';
  /** Names that the value is known to have if it is loaded: the lease covers these from now on. */
  readonly tags: readonly string[];
  readonly dependsOn: readonly string[];
}

/*
 * What there is one of for each key that is asked for is of a class: see memory/flight.ts.
 */

export class Read implements RemoteRead {
  readonly namespace: readonly string[];
  readonly key: string;
  readonly lease: boolean | 'missing';
  readonly tags: readonly string[];
  readonly dependsOn: readonly string[];

  constructor(
    namespace: readonly string[],
    key: string,
    lease: boolean | 'missing',
    tags: readonly string[] = NO_NAMES,
    dependsOn: readonly string[] = NO_NAMES,
  ) {
    this.namespace = namespace;
    this.key = key;
    this.lease = lease;
    this.tags = tags;
    this.dependsOn = dependsOn;
  }
}

const NO_NAMES: readonly string[] = [];

export interface RemoteFound {
  /** What is there and may still be served, stale or fresh. */
  readonly entry?: RemoteEntry | undefined;
  /** Whatever the tier wants to have back with a write. */
  readonly lease?: unknown;
}

export class Found implements RemoteFound {
  readonly entry: RemoteEntry | undefined;
  readonly lease: unknown;

  constructor(entry: RemoteEntry | undefined, lease: unknown) {
    this.entry = entry;
    this.lease = lease;
  }
}

/** A value with all that is known of it. Times are lengths, as of the answer, so that no two clocks are compared. */
export interface RemoteEntry extends Validators {
  readonly value: unknown;
  /** How long it stays fresh: negative once stale, Infinity if for ever. */
  readonly ttl: Milliseconds;
  /** How long it may be served after that. */
  readonly stale: Milliseconds;
  readonly tags: readonly string[];
  readonly dependsOn: readonly string[];
  /** How long it took to load. */
  readonly took?: Milliseconds;
}

export interface RemoteWrite extends RemotePlace {
  readonly entry: RemoteEntry;
  /**
   * That of the read before the load. The value may have tags and dependencies that the read did not name: the tier
   * stores it only if it can tell that none of those was invalidated since either. Without a lease it is stored in any
   * case, and whatever loads of the key are under way are not.
   */
  readonly lease?: unknown;
}

export interface RemoteTouch extends RemotePlace {
  /** 0: for ever. */
  readonly ttl: Milliseconds;
}

export interface RemoteLockRequest extends RemotePlace {
  /** How long it is held at most, unless extended. */
  readonly ttl: Milliseconds;
  /** How long to wait for it. 0: not at all. */
  readonly wait: Milliseconds;
}

export interface RemoteLock {
  /** A number larger than that of every lock granted before under this name: refuse writes that come with a smaller one. */
  readonly token: number;
  /** Whether it is still held, and now for `ttl` from now. */
  extend(ttl: Milliseconds): Promise<boolean>;
  release(): Promise<void>;
}

/** Whether an entry makes sense. */
export function isEntry(entry: unknown): entry is RemoteEntry {
  if (typeof entry !== 'object' || entry === null) return false;
  const { value, ttl, stale, tags, dependsOn } = entry as Partial<RemoteEntry>;
  return (
    value !== undefined &&
    typeof ttl === 'number' &&
    !Number.isNaN(ttl) &&
    typeof stale === 'number' &&
    stale >= 0 &&
    [tags, dependsOn].every((names) => Array.isArray(names) && names.every((name) => typeof name === 'string'))
  );
}
