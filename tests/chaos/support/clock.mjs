// One clock for all processes of a machine, and when a thread could not run.

/** Milliseconds of the monotonic clock that all processes of a machine share. */
export const now = () => Number(process.hrtime.bigint()) / 1e6;

const TICK = 20;

/**
 * When this thread was kept from running: by a signal, by others who use the machine, or by itself. What takes long only
 * because of that is no hang of what is measured.
 */
export class Stalls {
  #total = 0;
  #last = now();
  #timer = setInterval(() => this.#tick(), TICK);
  #tell;

  /** @param {(from: number, to: number) => void} tell of each, once it is over */
  constructor(tell) {
    this.#tell = tell;
  }

  #tick() {
    const late = this.#late();
    this.#total += late;
    const last = now();
    if (late > 0) this.#tell(last - late, last);
    this.#last = last;
  }

  #late() {
    const late = now() - this.#last - TICK;
    return late > TICK ? late : 0;
  }

  /** Milliseconds ever since, up to now. */
  get total() {
    return this.#total + this.#late();
  }

  end() {
    clearInterval(this.#timer);
  }
}

/** As whose the stalls of the controller are logged: the proxies, the source and the store are there as well. */
export const CONTROLLER = 'controller';

/**
 * For how many milliseconds of a span of time somebody was kept from running: the controller or one of those named, or
 * anybody if none are named.
 * @typedef {(from: number, to: number, names?: readonly string[]) => number} Stalled
 */

/** @param {readonly any[]} log @returns {Stalled} */
export function stalledOf(log) {
  const stalls = log.filter(({ type }) => type === 'stall').sort((a, b) => a.from - b.from);
  return (from, to, names) => {
    let sum = 0;
    let counted = from;
    for (const stall of stalls) {
      if (names !== undefined && stall.process !== CONTROLLER && !names.includes(stall.process)) continue;
      const end = Math.min(stall.to, to);
      const begin = Math.max(stall.from, counted);
      if (end <= begin) continue;
      sum += end - begin;
      counted = end;
    }
    return sum;
  };
}
