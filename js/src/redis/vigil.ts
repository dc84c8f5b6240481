import type { Milliseconds } from '../duration.js';
import { afterInput } from '../timers.js';

/** How long an answer is awaited awake. */
const LONGEST: Milliseconds = 0.2;
/** So many turns take longer than that, except where the clock stands still meanwhile, as in Workers. */
const MOST_TURNS = 200;
/** Calls in a row that are not awaited so, at most, because the answers came later than that. */
const LONGEST_REST = 127;

/**
 * To fall asleep and to be woken takes a thread as long as a server on the same machine takes to answer. So the event loop
 * goes on turning until the answer is there, as long as answers are as quick as that: of slow ones, one in 128 is awaited
 * for {@link LONGEST}. Whatever else is to be done is done meanwhile. See docs/decisions/0032.
 */
export class Vigil {
  #isOver: (() => boolean) | undefined;
  #until: Milliseconds = 0;
  #turns = 0;
  #isTurning = false;
  /** Calls that are not awaited; and how many there were after the last that was in vain. */
  #rest = 0;
  #restLength = 0;

  /** @param isOver whether the answer is there */
  keep(isOver: () => boolean): void {
    if (afterInput === undefined) return;
    if (this.#isOver?.() === false) return;
    if (this.#isOver !== undefined) this.#end(true);
    if (this.#rest > 0) {
      this.#rest--;
      return;
    }
    this.#isOver = isOver;
    this.#until = performance.now() + LONGEST;
    this.#turns = MOST_TURNS;
    if (!this.#isTurning) {
      this.#isTurning = true;
      afterInput(this.#turn);
    }
  }

  readonly #turn = (): void => {
    const isOver = this.#isOver?.();
    if (isOver === false && --this.#turns > 0 && performance.now() < this.#until) {
      afterInput?.(this.#turn);
      return;
    }
    this.#isTurning = false;
    if (isOver !== undefined) this.#end(isOver);
  };

  #end(isInTime: boolean): void {
    this.#isOver = undefined;
    this.#restLength = isInTime ? 0 : Math.min(2 * this.#restLength + 1, LONGEST_REST);
    this.#rest = this.#restLength;
  }
}
