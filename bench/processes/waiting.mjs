// How long this thread was ready to run but another had its processor, which no program can help. On Linux; elsewhere 0.
import { existsSync, openSync, readSync } from 'node:fs';

const FILE = `/proc/self/task/${process.pid}/schedstat`;
const file = existsSync(FILE) ? openSync(FILE, 'r') : undefined;
const text = Buffer.alloc(128);

/** Milliseconds so far; takes a few microseconds. */
function total() {
  if (file === undefined) return 0;
  const bytes = readSync(file, text, 0, text.length, 0);
  // Nanoseconds run, nanoseconds waited, times it was put on a processor.
  return Number(text.toString('latin1', 0, bytes).split(' ')[1]) / 1e6;
}

/** Shorter ones are not worth the question. */
const NOTABLE = 0.1;
/** What was waited before a length begins is not its own: the question is put again after so many milliseconds. */
const FRESH = 0.5;

/** Lengths of time in milliseconds, and what remains of each without waiting. */
export class Lengths {
  /** @type {number[]} */
  all = [];
  /** @type {number[]} */
  own = [];
  #waited = 0;
  #asked = Number.NEGATIVE_INFINITY;

  /** @returns {number} the time, for {@link end} */
  begin() {
    if (performance.now() - this.#asked > FRESH) this.#ask();
    return performance.now();
  }

  /** @param {number} begin */
  end(begin) {
    const length = performance.now() - begin;
    this.all.push(length);
    this.own.push(length > NOTABLE ? Math.max(0, length - this.#ask()) : length);
  }

  /** Milliseconds waited since it was last asked. */
  #ask() {
    const before = this.#waited;
    this.#waited = total();
    this.#asked = performance.now();
    return this.#waited - before;
  }
}
