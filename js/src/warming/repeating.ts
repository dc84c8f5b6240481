import type { Milliseconds } from '../duration.js';
import { LONGEST_DELAY, type Timers, unref } from '../timers.js';

/** Does a piece of work again and again, so long after each end; two of them never overlap. Keeps no process alive. */
export class Repeating {
  readonly #work: () => Promise<unknown>;
  readonly #every: Milliseconds;
  readonly #timers: Timers;
  #timer: unknown;
  #started = false;

  /** @param work must not reject */
  constructor(work: () => Promise<unknown>, every: Milliseconds, timers: Timers) {
    this.#work = work;
    this.#every = every;
    this.#timers = timers;
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#arm();
  }

  stop(): void {
    this.#started = false;
    this.#timers.clearTimeout(this.#timer);
  }

  #arm(): void {
    this.#timer = this.#timers.setTimeout(
      () => {
        void this.#work().then(() => {
          if (this.#started) this.#arm();
        });
      },
      Math.min(this.#every, LONGEST_DELAY),
    );
    unref(this.#timer);
  }
}
