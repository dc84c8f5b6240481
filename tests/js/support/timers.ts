import type { Timers } from 'tiercel/patterns';
import { settled } from './deferred.js';

interface Timer {
  readonly due: number;
  readonly callback: () => void;
}

/** Timers of a clock that stands still until it is moved. */
export class FakeTimers implements Timers {
  time = 1_000;
  readonly pending = new Set<Timer>();
  /** The delays that were asked for, in order. */
  readonly delays: number[] = [];

  readonly now = (): number => this.time;

  readonly setTimeout = (callback: () => void, delay: number): Timer => {
    const timer = { due: this.time + delay, callback };
    this.pending.add(timer);
    this.delays.push(delay);
    return timer;
  };

  readonly clearTimeout = (timer: unknown): void => {
    this.pending.delete(timer as Timer);
  };

  /** Moves the clock, stopping at each timer on the way, and lets everything that is due run. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.time + milliseconds;
    await settled();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.time = Math.max(this.time, next.due);
      this.pending.delete(next);
      next.callback();
      await settled();
    }
    this.time = end;
  }

  #next(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.pending) {
      if (timer.due <= end && (first === undefined || timer.due < first.due)) first = timer;
    }
    return first;
  }
}
