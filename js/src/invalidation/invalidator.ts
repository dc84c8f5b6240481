/// <reference lib="esnext.disposable" preserve="true" />
import type { Awaitable, CacheLike, Removed } from '../cache-like.js';
import { isThenable } from '../cache-like.js';
import { type Duration, type Milliseconds, toMilliseconds } from '../duration.js';
import { invalidArgument, TiercelError } from '../errors.js';
import type { Scope } from '../keys/template.js';
import { asFunction, asInstant } from '../memory/arguments.js';
import { platformClock, userClock } from '../memory/clock.js';
import { callback, integer, type Reader, read } from '../memory/readers.js';
import { DeferredInvalidations, idOf } from './deferred.js';
import { type DocumentChange, type InvalidationPlan, type Planned, ReadPlan } from './plan.js';
import { invalidateTargets, memberRoots, type Target, TargetTemplates } from './targets.js';

export interface InvalidatorOptions {
  /** What {@link Invalidator.changed} follows. Default: none. */
  plan?: InvalidationPlan;
  /**
   * Most targets that wait for a ttl or an event. What comes when there are so many is invalidated at once: too early is
   * never wrong. 0 to 2^20, default 10,000.
   */
  maxWaiting?: number;
  /** Gets errors of invalidations that nobody waits for, those by time. Default: they are uncaught errors. */
  onError?: (error: unknown) => void;
  /** A monotonic clock in milliseconds, for tests. Default: the platform's. */
  now?: () => Milliseconds;
}

export interface InvalidateOnOptions<P extends object = Record<string, unknown>> {
  /** Whether an event, by its payload, concerns the targets. Default: each does. */
  when?: (payload: P) => boolean;
}

/** Keys (`user:1`), prefixes and patterns (`files:1:*`), or tags (`tag:files`); in `{}` members of what comes with it. */
export type Targets = string | readonly string[];

const optionReaders = () => ({
  plan: ((value) => value) as Reader<InvalidationPlan>,
  maxWaiting: integer(0, 2 ** 20),
  onError: callback<(error: unknown) => void>('a function of an error'),
  now: callback<() => Milliseconds>('a function that returns milliseconds of a monotonic clock'),
});

interface Subscription {
  readonly templates: TargetTemplates;
  readonly when: ((payload: never) => boolean) | undefined;
}

/**
 * Invalidates entries of a cache by what happens elsewhere: events, changes of documents by a plan, and time. Of a
 * synchronous cache entries are gone when a call returns; the promise that it returns tells of errors, or that an
 * asynchronous cache is done.
 *
 * It knows only what is told to it, in this process: what it invalidates in a cache of several tiers is gone everywhere.
 */
export class Invalidator {
  readonly #cache: CacheLike;
  readonly #plan: ReadPlan | undefined;
  readonly #maxWaiting: number;
  readonly #onError: (error: unknown) => void;
  readonly #subscriptions = new Map<string, Set<Subscription>>();
  /** What waits for an event, by event and by what it is. */
  readonly #waiting = new Map<string, Map<string, Target>>();
  readonly #deferred: DeferredInvalidations;

  constructor(cache: CacheLike, options?: InvalidatorOptions) {
    if (typeof cache !== 'object' || cache === null || typeof cache.invalidatePattern !== 'function')
      throw invalidArgument('cache', cache, 'a cache');
    const { plan, maxWaiting = 10_000, onError = uncaught, now } = read(options, optionReaders(), 'options');
    this.#cache = cache;
    this.#plan = plan === undefined ? undefined : new ReadPlan(plan);
    this.#maxWaiting = maxWaiting;
    this.#onError = onError;
    this.#deferred = new DeferredInvalidations(now === undefined ? platformClock() : userClock(now), (targets) =>
      this.#unheard(targets),
    );
  }

  /** Invalidates at once. @param values for the placeholders */
  invalidate(targets: Targets, values: object = {}): Promise<void> {
    return settling(() => invalidateTargets(this.#cache, templatesOf(targets).fill(values as Scope)));
  }

  // ---- Events

  /**
   * Has an event invalidate targets, whose placeholders are members of its payload.
   * @returns ends that
   */
  invalidateOn<P extends object = Record<string, unknown>>(
    event: string,
    targets: Targets,
    options?: InvalidateOnOptions<P>,
  ): () => void {
    this.#refuseClosed();
    const { when } = read(options, { when: callback<(payload: P) => boolean>('a function of the payload') }, 'options');
    const subscription = { templates: templatesOf(targets), when };
    const name = asEvent(event);
    const subscriptions = this.#subscriptions.get(name) ?? new Set();
    this.#subscriptions.set(name, subscriptions.add(subscription));
    return () => {
      subscriptions.delete(subscription);
      if (subscriptions.size === 0 && this.#subscriptions.get(name) === subscriptions) this.#subscriptions.delete(name);
    };
  }

  /**
   * Tells that something happened. All that it concerns is invalidated, also if a condition throws or a payload lacks a
   * member for some of it; then the promise rejects with the first error.
   */
  emitEvent(event: string, payload: object = {}): Promise<void> {
    return settling(() => {
      this.#refuseClosed();
      const name = asEvent(event);
      const targets = [...(this.#waiting.get(name)?.values() ?? [])];
      this.#waiting.delete(name);
      const failures: unknown[] = [];
      for (const { templates, when } of this.#subscriptions.get(name) ?? []) {
        try {
          if (when?.(payload as never) !== false) targets.push(...templates.fill(payload as Scope));
        } catch (e) {
          failures.push(e);
        }
      }
      return andThrow(invalidateTargets(this.#cache, targets), failures);
    });
  }

  // ---- Plan

  /**
   * Tells of a change of a document: what the plan says of its collection is invalidated, each by its strategy.
   * @throws (as a rejection) `ERR_TIERCEL_INVALID_ARGUMENT` for a collection that is not in the plan, or if a document
   * lacks a member that a placeholder is for; then nothing was invalidated
   */
  changed(collection: string, change: DocumentChange): Promise<void> {
    return settling(() => {
      this.#refuseClosed();
      if (this.#plan === undefined)
        throw new TiercelError(
          'ERR_TIERCEL_INVALID_OPTION',
          'plan: there is none; give the Invalidator the option plan',
        );
      const immediate: Target[] = [];
      const stale: Target[] = [];
      for (const planned of this.#plan.concernedBy(collection, change)) {
        if (planned.strategy === 'lazy') stale.push(...planned.targets);
        else for (const target of planned.targets) if (!this.#defer(planned, target)) immediate.push(target);
      }
      return invalidateTargets(this.#cache, immediate, stale);
    });
  }

  /** False if it is to be done now. */
  #defer({ strategy, ttl, event }: Planned, target: Target): boolean {
    if (strategy === 'immediate') return false;
    const id = idOf(target);
    const waiting = this.#waiting.get(event) ?? new Map<string, Target>();
    if (strategy === 'ttl' ? this.#deferred.isWaiting(id) : waiting.has(id)) return true;
    if (this.#countWaiting() >= this.#maxWaiting) return false;
    if (strategy === 'ttl') this.#deferred.within(ttl, id, target);
    else this.#waiting.set(event, waiting.set(id, target));
    return true;
  }

  #countWaiting(): number {
    let count = this.#deferred.waiting;
    for (const targets of this.#waiting.values()) count += targets.size;
    return count;
  }

  // ---- Time

  /**
   * Invalidates targets at a time of the wall clock, which is only read now. One that has passed is at once.
   * @param values for the placeholders, filled now
   * @returns calls it off
   */
  scheduleInvalidation(targets: Targets, at: Date | Milliseconds, values: object = {}): () => void {
    this.#refuseClosed();
    const delay = asInstant(at, 'at') - Date.now();
    const cancel = this.#deferred.after(delay, 0, templatesOf(targets).fill(values as Scope));
    if (delay <= 0) this.#unheard(this.#deferred.take(this.#deferred.now()));
    return cancel;
  }

  /** Invalidates targets again and again, first after `interval`, at least 1 ms. @returns ends that */
  invalidateEvery(targets: Targets, interval: Duration): () => void {
    this.#refuseClosed();
    const every = toMilliseconds(interval, 'interval');
    if (every < 1) throw invalidArgument('interval', interval, 'a duration of at least 1 ms');
    return this.#deferred.after(every, every, templatesOf(targets).fill({}));
  }

  /**
   * Does what is due by now. Never needed where there are timers; in Workers, which have none of their own, it fits
   * `ctx.waitUntil` or an alarm.
   */
  runDue(): Promise<void> {
    return settling(() => invalidateTargets(this.#cache, this.#deferred.take(this.#deferred.now())));
  }

  #unheard(targets: readonly Target[]): void {
    settling(() => invalidateTargets(this.#cache, targets)).catch((e: unknown) => this.#onError(e));
  }

  // ---- Being told

  /**
   * Calls back for each entry in this process, of those whose key matches a pattern, that left because it was
   * invalidated: by its key, a tag, a pattern, a dependency or `clear`, by whomever; not if it expired, was replaced or
   * evicted. Of many at once some are told later, as their space is reclaimed.
   * @returns ends that
   */
  onInvalidated(pattern: string, listener: (removed: Removed<unknown>) => void): () => void {
    asFunction(listener, 'listener');
    if (this.#cache.on === undefined) throw invalidArgument('cache', this.#cache, 'a cache with events');
    const told = (removed: Removed<unknown>) => {
      if (!OTHER_CAUSES.has(removed.cause)) listener(removed);
    };
    return this.#cache.on('remove', told, pattern);
  }

  /**
   * Ends: what waits for a ttl, an event or its time is invalidated now, and nothing is later. Closing again does
   * nothing.
   */
  close(): Promise<void> {
    return settling(() => {
      if (this.#deferred.closed) return undefined;
      const targets = [...this.#waiting.values()].flatMap((waiting) => [...waiting.values()]);
      this.#waiting.clear();
      this.#subscriptions.clear();
      return invalidateTargets(this.#cache, [...targets, ...this.#deferred.close()]);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #refuseClosed(): void {
    if (this.#deferred.closed)
      throw new TiercelError('ERR_TIERCEL_CLOSED', 'the invalidator is closed: create a new one');
  }
}

const OTHER_CAUSES: ReadonlySet<string> = new Set(['replaced', 'expired', 'size']);

function templatesOf(targets: Targets): TargetTemplates {
  const list: unknown = typeof targets === 'string' ? [targets] : targets;
  if (!Array.isArray(list)) throw invalidArgument('targets', targets, 'keys, patterns, and tags after "tag:"');
  return new TargetTemplates(list, 'targets', ...memberRoots);
}

function asEvent(event: unknown): string {
  if (typeof event !== 'string' || event === '') throw invalidArgument('event', event, 'the name of an event');
  return event;
}

/** Does it in the call, and tells of it by a promise. */
async function settling(action: () => Awaitable<void>): Promise<void> {
  await action();
}

function andThrow(done: Awaitable<void>, failures: readonly unknown[]): Awaitable<void> {
  if (failures.length === 0) return done;
  const fail = () => {
    throw failures[0];
  };
  return isThenable(done) ? done.then(fail) : fail();
}

function uncaught(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
