// One clock for all processes of a machine, and how long a thread could not run.

/** Milliseconds of the monotonic clock that all processes of a machine share. */
export const now = () => Number(process.hrtime.bigint()) / 1e6;

const TICK = 20;

/**
 * How long this thread was kept from running: by a signal, by others who use the machine, or by itself. What takes long
 * only because of that is no hang of what is measured.
 */
export class Stalls {
  #total = 0;
  #longest = 0;
  #last = now();
  #timer = setInterval(() => this.#tick(), TICK);

  #tick() {
    const late = this.#late();
    this.#total += late;
    this.#longest = Math.max(this.#longest, late);
    this.#last = now();
  }

  #late() {
    const late = now() - this.#last - TICK;
    return late > TICK ? late : 0;
  }

  /** Milliseconds ever since, up to now. */
  get total() {
    return this.#total + this.#late();
  }

  /** The longest in a row since this was asked last, in milliseconds. */
  takeLongest() {
    const longest = this.#longest;
    this.#longest = 0;
    return longest;
  }

  end() {
    clearInterval(this.#timer);
  }
}
