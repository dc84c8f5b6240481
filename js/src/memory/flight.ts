import type { Milliseconds } from '../duration.js';
import type { Abort } from './abort.js';
import type { ReadGetOrSetOptions, ReadSetOptions } from './options.js';
import type { Note } from './values.js';

/** What a load came to. Rejections are shared as they are; see {@link Run.promise}. */
export interface Outcome<V> {
  value: V;
  /** Something invalidated the value while it was loaded: it is only for those who asked before. */
  overtaken: boolean;
  /** There was nothing to be found by the one who looked; another may know better. */
  absent: boolean;
}

/** A value that is being replaced. */
export interface Stale<V> {
  /** A new copy each time, where values are copies. */
  readonly value: () => V;
  readonly note: Note | undefined;
}

/** What is said of a value while it is loaded: how it is to be stored. */
export interface LoadTerms {
  options: ReadGetOrSetOptions;
  /** Whether the loader itself set the ttl. */
  hasTtl: boolean;
  /** Returned to all that wait, and not stored. */
  skipped: boolean;
  /** See {@link Outcome.absent}. */
  absent: boolean;
  /** What the loader said it failed with, whatever it returned after that. */
  failed?: { readonly error: unknown };
  /** What to keep, as stale, if the load fails. */
  fallback?: { readonly value: unknown; readonly options: ReadSetOptions };
  /** Called before the value is stored, for the last word on its options. */
  finish?: (value: unknown) => void;
  /** Called when the work is done; not `current` if its value is not to be stored, or something overtook it. */
  ended?: (current: boolean, failed: boolean) => void;
}

/** One call of a loader, by this thread or by another that shares the cache. */
export interface Run<V> {
  readonly key: string;
  readonly flight: Flight<V>;
  readonly promise: Promise<Outcome<V>>;
  readonly abort: Abort;
  readonly terms: LoadTerms;
  /** What the loader is told of; where there is none the work may come across one. */
  stale: Stale<V> | undefined;
  /** Notes names that the value will have, so that nobody joins the load once one of them is invalidated. */
  note(tags: readonly string[], dependsOn: readonly string[]): void;
  /** Whether the loader is done. In Workers the promise also rejects if it can never be, as its request has ended. */
  ended: boolean;
}

/**
 * A load in flight. One who has waited for it too long runs its own loader, for the same load: whichever run ends
 * first ends the load, so a slow one is not lost, and one that never ends does no harm.
 */
export interface Flight<V> {
  readonly load: number;
  /** How many flights had begun before it. */
  readonly before: number;
  readonly runs: Run<V>[];
  /** Those who have an interest in its end. */
  holders: number;
  /** The run that ended the load. */
  last?: Run<V>;
  /** A stale value that the load came across, for those who would rather have that than wait, or than nothing. */
  offer?: Offer<V>;
  /** Whether that was stored in place of what could not be loaded. */
  isKept?: boolean;
  /** Called when there is an {@link offer}. */
  onOffer?: Set<(offer: Offer<V>) => void>;
}

export interface Offer<V> {
  readonly value: () => V;
  /** How long ago it went stale. */
  readonly age: Milliseconds;
}

/** The run to wait for: that which ended the load, or the newest that has not failed. */
export function currentOf<V>({ runs, last }: Flight<V>): Run<V> {
  return last ?? (runs.findLast(({ ended }) => !ended) as Run<V>);
}

/** For promises that somebody else hears of, or that are tried again with the next call. */
export function ignore(): void {
  // Nothing is to be done.
}
