import type { Milliseconds } from '../duration.js';
import { LONGEST_DELAY, unref } from '../timers.js';

/** Entries or slots that one call of the core looks at: a small part of a millisecond. */
const SLICE = 64;
/** Slices for each millisecond of a budget, at most: in Workers the clock stands still within a task. */
const SLICES = 256;
/** How long sweeping may hold up what else is to run, unless the caller says otherwise. */
export const SWEEP_BUDGET: Milliseconds = 0.5;
/** Longest pause before a clock that is behind the timers is asked again. */
const LONGEST_PAUSE: Milliseconds = 60_000;

const NOW = Promise.resolve();

/** What a sweeper looks after. */
export interface Sweepable {
  readonly closed: boolean;
  /** The time by the cache's clock; may throw what a clock of the user's throws. */
  now(): Milliseconds;
  /** When there is next something to do, by that clock; infinity if there is nothing. */
  due(): Milliseconds;
  /** Does a part of it; returns how many entries left. */
  sweep(most: number, now: Milliseconds): number;
}

/**
 * Returns the memory of what has expired or was invalidated, although nobody calls the cache: one timer, armed for
 * when there is something to do and not before. It keeps neither the process nor the cache alive.
 */
export class Sweeper {
  /** What there is a timer for, or is about to be: infinity without one, -infinity where there can be none. */
  armedFor: Milliseconds;
  readonly #target: Sweepable;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #self: WeakRef<Sweeper> | undefined;
  #isWaking = false;
  /** Least delay, while the cache's clock is behind the timers. */
  #pause: Milliseconds = 0;

  /** @param timers false where a timer belongs to the request that made it, and ends with it */
  constructor(target: Sweepable, timers: boolean) {
    this.#target = target;
    this.armedFor = timers ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  }

  /**
   * Sees to it that there is a sweep at `due`. To be called if that is before {@link armedFor}. The timer is armed by a
   * microtask: the first of a while takes a runtime longer than what the caller asked for, and no timer fires before.
   */
  wake(due: Milliseconds): void {
    this.armedFor = due;
    if (this.#isWaking) return;
    this.#isWaking = true;
    void NOW.then(() => {
      this.#isWaking = false;
      this.#rearm();
    });
  }

  /** A timer for what there is to do now, if there is anything. */
  #rearm(): void {
    if (this.#target.closed || this.armedFor === Number.NEGATIVE_INFINITY) return;
    const due = this.#target.due();
    const now = this.#read();
    this.armedFor = Number.POSITIVE_INFINITY;
    clearTimeout(this.#timer);
    if (now === undefined || due === Number.POSITIVE_INFINITY) return;
    this.#self ??= new WeakRef(this);
    const delay = Math.min(Math.max(Math.ceil(due - now), this.#pause, 0), LONGEST_DELAY);
    try {
      this.#timer = setTimeout(fire, delay, this.#self);
    } catch {
      // Not at this place of this runtime: the work is left to the calls of the cache.
      this.stop();
      return;
    }
    this.armedFor = due;
    unref(this.#timer);
  }

  /** Works until nothing is left to do or the budget is used up, for one slice at least. */
  sweep(budget: Milliseconds): number {
    const target = this.#target;
    const now = target.now();
    const end = performance.now() + budget;
    let removed = 0;
    for (let left = budget * SLICES; ; left--) {
      removed += target.sweep(SLICE, now);
      if (target.closed || target.due() > now || left <= 1 || performance.now() >= end) return removed;
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.armedFor = Number.NEGATIVE_INFINITY;
  }

  onTimer(): void {
    const due = this.armedFor;
    // Not to be armed by what follows.
    this.armedFor = Number.NEGATIVE_INFINITY;
    const now = this.#read();
    if (now !== undefined && now >= due) {
      this.#pause = 0;
      this.#sweep();
    } else {
      this.#pause = Math.min(2 * this.#pause + 1, LONGEST_PAUSE);
    }
    this.armedFor = Number.POSITIVE_INFINITY;
    this.#rearm();
  }

  #sweep(): void {
    try {
      this.sweep(SWEEP_BUDGET);
    } catch {
      // A clock or an engine that fails says so to the next that calls the cache.
    }
  }

  #read(): Milliseconds | undefined {
    try {
      return this.#target.now();
    } catch {
      return undefined;
    }
  }
}

/** Holds the cache no stronger than its users do. */
function fire(sweeper: WeakRef<Sweeper>): void {
  sweeper.deref()?.onTimer();
}
