import type { Milliseconds } from '../duration.js';
import { Abort } from './abort.js';
import type { ReadGetOrSetOptions, ReadSetOptions } from './options.js';
import type { Note } from './values.js';

/*
 * These are classes, and not literals, as there is one of each for every load: V8 counts how many objects of a literal
 * outlive a collection of the young generation, and if a collection comes while all of the first few are under way, it makes
 * the later ones in the old generation. There they keep alive all that they lead to.
 */

/** What a load came to. Rejections are shared as they are; see {@link Run.promise}. */
export class Outcome<V> {
  readonly value: V;
  /** Something invalidated the value while it was loaded: it is only for those who asked before. */
  readonly overtaken: boolean;
  /** There was nothing to be found by the one who looked; another may know better. */
  readonly absent: boolean;

  constructor(value: V, overtaken: boolean, absent: boolean) {
    this.value = value;
    this.overtaken = overtaken;
    this.absent = absent;
  }
}

/** A value that is being replaced. */
export interface Stale<V> {
  /** A new copy each time, where values are copies. */
  readonly value: () => V;
  readonly note: Note | undefined;
}

/** What goes along with a load. */
export interface LoadCompanion {
  /** Called before the value is stored, for the last word on its options. */
  finish(value: unknown): void;
  /** Called when the work is done; not `current` if its value is not to be stored, or something overtook it. */
  ended(current: boolean, failed: boolean): void;
}

/** What is said of a value while it is loaded: how it is to be stored. */
export class LoadTerms {
  options: ReadGetOrSetOptions;
  /** Whether the loader itself set the ttl. */
  hasTtl = false;
  /** Returned to all that wait, and not stored. */
  skipped = false;
  /** See {@link Outcome.absent}. */
  absent = false;
  /** What the loader said it failed with, whatever it returned after that. */
  failed: { readonly error: unknown } | undefined = undefined;
  /** What to keep, as stale, if the load fails. */
  fallback: { readonly value: unknown; readonly options: ReadSetOptions } | undefined = undefined;
  companion: LoadCompanion | undefined = undefined;

  constructor(options: ReadGetOrSetOptions) {
    this.options = options;
  }
}

/** Where a load is told of names that its value will have. */
export interface Notes<V> {
  note(flight: Flight<V>, tags: readonly string[], dependsOn: readonly string[]): void;
}

type Settled<V> = Outcome<V> | Promise<Outcome<V>>;

/** One call of a loader, by this thread or by another that shares the cache. */
export class Run<V> {
  readonly key: string;
  readonly flight: Flight<V>;
  readonly abort = new Abort();
  readonly terms: LoadTerms;
  /** What the loader is told of; where there is none the work may come across one. */
  stale: Stale<V> | undefined;
  /** Whether the loader is done. In Workers the promise also rejects if it can never be, as its request has ended. */
  ended = false;
  /** The run of the flight that began before this one. */
  readonly earlier: Run<V> | undefined;
  readonly #notes: Notes<V> | undefined;
  #settled: Settled<V> | undefined = undefined;
  #promise: Promise<Outcome<V>> | undefined = undefined;
  #resolve: ((outcome: Settled<V>) => void) | undefined = undefined;
  #reject: ((error: unknown) => void) | undefined = undefined;

  /** Becomes the newest of its flight. @param notes none for one of another thread */
  constructor(key: string, flight: Flight<V>, options: ReadGetOrSetOptions, stale?: Stale<V>, notes?: Notes<V>) {
    this.key = key;
    this.flight = flight;
    this.terms = new LoadTerms(options);
    this.stale = stale;
    this.#notes = notes;
    this.earlier = flight.newest;
    flight.newest = this;
  }

  /** What it comes to. Made when somebody asks for it: of most that only look for a value nobody does. */
  get promise(): Promise<Outcome<V>> {
    if (this.#promise !== undefined) return this.#promise;
    this.#promise =
      this.#settled === undefined
        ? new Promise<Outcome<V>>((resolve, reject) => {
            this.#resolve = resolve;
            this.#reject = reject;
          })
        : Promise.resolve(this.#settled);
    // Those who wait see the rejection; what nobody waits for must not end the process.
    this.#promise.catch(ignore);
    return this.#promise;
  }

  /** Notes names that the value will have, so that nobody joins the load once one of them is invalidated. */
  note(tags: readonly string[], dependsOn: readonly string[]): void {
    this.#notes?.note(this.flight, tags, dependsOn);
  }

  resolve(outcome: Settled<V>): void {
    if (this.#promise === undefined) this.#settled = outcome;
    else this.#resolve?.(outcome);
  }

  reject(error: unknown): void {
    // Somebody may ask later.
    if (this.#promise === undefined) void this.promise;
    this.#reject?.(error);
  }
}

/**
 * A load in flight. One who has waited for it too long runs its own loader, for the same load: whichever run ends
 * first ends the load, so a slow one is not lost, and one that never ends does no harm.
 */
export class Flight<V> {
  readonly load: number;
  /** How many flights had begun before it; -1 if nobody here knows. */
  readonly before: number;
  /** Those who have an interest in its end. */
  holders: number;
  newest: Run<V> | undefined = undefined;
  /** The run that ended the load. */
  last: Run<V> | undefined = undefined;
  /** A stale value that the load came across, for those who would rather have that than wait, or than nothing. */
  offer: Offer<V> | undefined = undefined;
  /** Whether that was stored in place of what could not be loaded. */
  isKept = false;
  /** Called when there is an {@link offer}. */
  onOffer: Set<(offer: Offer<V>) => void> | undefined = undefined;
  /** The next in its chain of {@link Flights}. */
  next: Flight<V> | undefined = undefined;

  constructor(load: number, before: number, holders: number) {
    this.load = load;
    this.before = before;
    this.holders = holders;
  }

  /** The newest run that has not ended. */
  get #open(): Run<V> | undefined {
    let run = this.newest;
    while (run?.ended) run = run.earlier;
    return run;
  }

  /** Whether all of its runs have ended. */
  get isOver(): boolean {
    return this.#open === undefined;
  }

  /** The run to wait for: that which ended the load, or the newest that has not failed. */
  get current(): Run<V> {
    return this.last ?? (this.#open as Run<V>);
  }

  /** Tells the loaders that nobody waits for them any more. */
  abort(reason: unknown): void {
    for (let run = this.newest; run !== undefined; run = run.earlier) run.abort.abort(reason);
  }
}

export interface Offer<V> {
  readonly value: () => V;
  /** How long ago it went stale. */
  readonly age: Milliseconds;
}

/** For promises that somebody else hears of, or that are tried again with the next call. */
export function ignore(): void {
  // Nothing is to be done.
}
