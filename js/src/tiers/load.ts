import type { Milliseconds } from '../duration.js';
import type { Namespace } from '../engine/engine.js';
import { TiercelError } from '../errors.js';
import type { LoadCompanion, Offer, Run } from '../memory/flight.js';
import { contextOf } from '../memory/load-context.js';
import type { Loader } from '../memory/types.js';
import { startTimer, unref } from '../timers.js';
import type { ReadLoadOptions } from './options.js';
import { Read, type RemoteEntry, type RemoteLock } from './remote.js';
import type { Tiers } from './tiers.js';

/** Longest that a lock on a key is held without a sign of life, and how long one waits for it at most. */
const FLEET_LOCK: Milliseconds = 10_000;
const FLEET_WAIT: Milliseconds = 30_000;

/** Fresh when the second tier answered, and perhaps no longer when that came: it is served, and hardly kept. */
const SHORTEST: Milliseconds = 1;

/** Why a value is loaded: there is none, it is wanted anew, or it will soon be stale. */
export type Reason = 'missing' | 'forced' | 'eager';

/** What is to be loaded, for whom. */
export class Aim {
  readonly ns: Namespace;
  readonly path: readonly string[];
  readonly key: string;
  readonly options: ReadLoadOptions;
  /** None if no loader will follow: then no lease is needed. */
  readonly reason: Reason | undefined;
  /** How long the value in memory stays fresh, for an eager load. */
  readonly left: Milliseconds | undefined;

  constructor(
    ns: Namespace,
    path: readonly string[],
    key: string,
    options: ReadLoadOptions,
    reason?: Reason,
    left?: Milliseconds,
  ) {
    this.ns = ns;
    this.path = path;
    this.key = key;
    this.options = options;
    this.reason = reason;
    this.left = left;
  }
}

/** One key of a load: its run, and what the second tier said. */
export class Part<V> implements LoadCompanion {
  readonly run: Run<V>;
  readonly aim: Aim;
  /** What the second tier had. */
  found: { readonly value: V } | undefined;
  lease: unknown;
  /** Whether the answer may be written to the second tier. */
  #isLeased = false;
  #lock: RemoteLock | undefined;
  #value: unknown;
  #began: Milliseconds;
  readonly #tiers: Tiers<V>;

  constructor(tiers: Tiers<V>, run: Run<V>, aim: Aim) {
    this.#tiers = tiers;
    this.run = run;
    this.aim = aim;
    this.#began = tiers.now();
    run.terms.companion = this;
  }

  /** Looks for parts in the second tier, all with one question. */
  static async consult<V>(tiers: Tiers<V>, parts: readonly Part<V>[]): Promise<void> {
    const asked = parts.filter(({ aim }) => tiers.isReadable(aim.path, aim.key));
    if (asked.length === 0) return;
    const began = tiers.now();
    const { isSettled } = tiers;
    const found = await tiers.read(
      asked.map(({ aim: { path, key, options, reason } }) => {
        // If what is in memory is wanted anew, whatever is found may not do.
        const lease = reason === undefined ? false : reason === 'missing' ? reason : true;
        return new Read(path, key, lease, options.tags, options.dependsOn);
      }),
    );
    if (found === undefined) return;
    const took = tiers.now() - began;
    for (const [i, part] of asked.entries()) {
      const { entry, lease } = found[i] as (typeof found)[number];
      if (entry !== undefined && (isSettled || entry.dependsOn.length === 0))
        part.#take(entry as RemoteEntry & { value: V }, took);
      if (part.found === undefined) tiers.counts.remoteMisses++;
      else tiers.counts.remoteHits++;
      part.lease = lease;
      part.#isLeased = lease !== undefined;
    }
  }

  /** Takes what the second tier has, if that is what is wanted. */
  #take(entry: RemoteEntry & { value: V }, took: Milliseconds): void {
    const { run, aim } = this;
    const { value, ttl } = entry;
    if (ttl <= 0) this.#offer(entry, took);
    if (ttl <= 0 || aim.reason === 'forced') return;
    // The answer may have been under way as long as that: for a thread that stood still, seconds.
    const left = ttl - took;
    // Only what outlives the value at hand in any case is a newer one.
    if (aim.left !== undefined && left <= aim.left + 1) return;
    // A copy that nobody else has.
    const { options } = run.terms;
    options.ttl = left === Number.POSITIVE_INFINITY ? 0 : Math.max(left, SHORTEST);
    options.stale = entry.stale;
    options.tags = entry.tags;
    options.dependsOn = entry.dependsOn;
    const note = noteOf(entry);
    if (note !== undefined) options.note = note;
    this.found = { value };
  }

  /**
   * A stale value of the second tier is for those who would rather have that, as long as nothing invalidates it: at once,
   * and kept in memory if the load fails.
   */
  #offer(entry: RemoteEntry & { value: V }, took: Milliseconds): void {
    const { run, aim } = this;
    // What memory has is no older, if it may be served.
    if (run.stale !== undefined && this.#tiers.trusted) return;
    const { value, ttl, stale, tags, dependsOn } = entry;
    const age = took - ttl;
    try {
      run.note(tags, dependsOn);
    } catch {
      // More names than a load can have: then nobody can tell when it is invalidated.
      return;
    }
    if (!this.#tiers.shared.loading.isCurrent(run.flight, aim)) return;
    const note = noteOf(entry);
    run.stale = { value: () => value, note };
    run.terms.fallback = { value, options: { stale, tags, dependsOn, note: { ...note, age } } };
    const offer: Offer<V> = { value: () => value, age };
    run.flight.offer ??= offer;
    for (const tell of [...(run.flight.onOffer ?? [])]) tell(offer);
  }

  /** Whether only one cache of the fleet is to load the key; also while what the second tier has is not to be read. */
  get wantsLock(): boolean {
    return this.aim.options.lock === 'fleet' && this.#tiers.remote?.tier.lock !== undefined;
  }

  /**
   * Waits until no other cache of the fleet loads the key, if that can be had. False: one still does.
   *
   * @param wait how long at most
   */
  async lock(wait = this.aim.options.hardTimeout || FLEET_WAIT): Promise<boolean> {
    const { aim, run } = this;
    const { remote } = this.#tiers;
    const lock = remote?.tier.lock?.bind(remote.tier);
    if (!this.wantsLock || lock === undefined || remote === undefined) return true;
    const request = { namespace: aim.path, key: aim.key, ttl: FLEET_LOCK, wait };
    const { signal } = run.abort;
    const granted = await remote.guard.call(
      'lock',
      async (call) => {
        const held = await lock(request, { signal });
        // Too late for anybody to know that it is theirs.
        if (held !== undefined && (signal.aborted || call.signal.aborted)) await held.release();
        return { held };
      },
      wait,
    );
    this.#lock = granted?.held;
    this.#renew();
    if (granted === undefined || granted.held !== undefined) return true;
    if (wait > 0 && !signal.aborted) {
      const message = `lock: another has held it for ${wait} ms, and the load goes on without it`;
      this.#tiers.failed(remote.tier.name ?? 'remote', 'lock', new TiercelError('ERR_TIERCEL_LOCKED', message));
    }
    return false;
  }

  get isLocked(): boolean {
    return this.#lock !== undefined;
  }

  /** Keeps the lock while the load goes on. */
  #renew(): void {
    const lock = this.#lock;
    if (lock === undefined) return;
    const timer = startTimer(() => {
      if (this.#lock === undefined) return;
      const again = () => this.#renew();
      // It lives for two more attempts, should one fail. What another has by now is not renewed.
      lock.extend(FLEET_LOCK).then((isHeld) => void (isHeld && again()), again);
    }, FLEET_LOCK / 3);
    unref(timer);
  }

  #unlock(): void {
    const lock = this.#lock;
    this.#lock = undefined;
    lock?.release().catch((error: unknown) => this.#tiers.failed('remote', 'unlock', error));
  }

  /** The loader is called. */
  starts(): void {
    this.#began = this.#tiers.now();
  }

  /** The last word on how a loaded value is stored. */
  finish(value: unknown): void {
    const { terms } = this.run;
    this.#tiers.backoffs.delete(this.aim.path, this.aim.key);
    if (this.found !== undefined) return;
    const { options } = terms;
    const { eagerRefresh = 0, negativeTtl } = this.aim.options;
    if (value === null && negativeTtl !== undefined && !terms.hasTtl) options.ttl = negativeTtl;
    if (eagerRefresh > 0) options.note = { ...options.note, took: this.#tiers.now() - this.#began };
    terms.options = this.#tiers.settle(options);
    this.#value = value;
  }

  ended(isCurrent: boolean, hasFailed: boolean): void {
    const { terms, abort } = this.run;
    const { path: namespace, key, options } = this.aim;
    const { stale = 0, grace = 0, graceBackoff = GRACE_BACKOFF } = options;
    // One that was told to stop has said nothing of its source.
    if (hasFailed && stale + grace > 0 && !abort.aborted)
      this.#tiers.backoffs.add(namespace, key, this.#tiers.now() + graceBackoff);
    if (!isCurrent || this.found !== undefined || !this.#isLeased || this.#tiers.closed) {
      this.#unlock();
      return;
    }
    const entry = this.#tiers.entryOf(this.#value, terms.options);
    const written = this.#tiers.writeLater({ namespace, key, entry, lease: this.lease }).then(() => this.#unlock());
    options.waitUntil?.(written);
  }
}

export const GRACE_BACKOFF: Milliseconds = 10_000;

/**
 * Looks for keys in the second tier, with one question for all, and takes what that has into memory, unless something
 * overtakes it. If it has nothing, there is nothing. @throws what a value cannot be stored for
 */
export async function lookUp<V>(tiers: Tiers<V>, parts: readonly Part<V>[]): Promise<void> {
  const { loading } = tiers.shared;
  const failures: unknown[] = [];
  try {
    await Part.consult(tiers, parts);
  } catch (error) {
    for (const { run, aim } of parts) loading.fail(run, aim, error);
    throw error;
  }
  for (const { run, aim, found } of parts) {
    if (found === undefined) run.terms.absent = true;
    try {
      loading.settle(run, aim, found?.value as V);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** What a load of one key does: asks the second tier, and then the loader. */
export function loadOne<V>(tiers: Tiers<V>, run: Run<V>, aim: Aim, loader: Loader<V>): V | PromiseLike<V> {
  const part = new Part(tiers, run, aim);
  const asks = tiers.isReadable(aim.path, aim.key) || part.wantsLock;
  return asks ? loadThrough(tiers, part, loader) : call(part, loader);
}

async function loadThrough<V>(tiers: Tiers<V>, part: Part<V>, loader: Loader<V>): Promise<V> {
  const parts = [part];
  await Part.consult(tiers, parts);
  if (part.found === undefined && part.wantsLock) {
    await part.lock();
    // Whoever had the lock before has perhaps brought it; and a lease must be newer than that.
    if (part.isLocked) await Part.consult(tiers, parts);
  }
  if (part.found !== undefined) return part.found.value;
  if (part.run.abort.aborted) throw part.run.abort.reason;
  return call(part, loader);
}

function call<V>(part: Part<V>, loader: Loader<V>): V | PromiseLike<V> {
  part.starts();
  return loader(contextOf(part.run));
}

function noteOf({ etag, lastModified, took }: RemoteEntry) {
  if (etag === undefined && lastModified === undefined && took === undefined) return undefined;
  return {
    ...(etag !== undefined && { etag }),
    ...(lastModified !== undefined && { lastModified }),
    ...(took !== undefined && { took }),
  };
}
