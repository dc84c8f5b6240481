import type { Milliseconds } from '../duration.js';
import { afterInput, startTimer } from '../timers.js';

/**
 * How long an answer of others may take. While this thread stands still nothing that was sent goes out, and nothing is read:
 * so no more than half of the limit passes in such a time, and what has come until then is read before it is over.
 */
export class TimeLimit {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isEnded = false;

  /** @param over called when it is, unless it was ended; a limit that is longer than timers last is none */
  constructor(limit: Milliseconds, over: () => void) {
    const half = limit / 2;
    const end = () => {
      if (!this.#isEnded) over();
    };
    this.#timer = startTimer(() => {
      this.#timer = startTimer(() => (afterInput === undefined ? end() : afterInput(end)), limit - half);
    }, half);
  }

  end(): void {
    this.#isEnded = true;
    clearTimeout(this.#timer);
  }
}
