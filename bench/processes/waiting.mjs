// How long this thread could have run and did not, which no program can help: another had its processor, or the machine
// under a virtual one had it. On Linux; elsewhere 0.
import { existsSync, openSync, readSync } from 'node:fs';

const FOLDER = `/proc/self/task/${process.pid}`;
const [times, status] = ['schedstat', 'status'].map((name) =>
  existsSync(`${FOLDER}/${name}`) ? openSync(`${FOLDER}/${name}`, 'r') : undefined,
);
const text = Buffer.alloc(4096);

/** @param {number} file */
const read = (file) => text.toString('latin1', 0, readSync(file, text, 0, text.length, 0));

/** Milliseconds so far; takes some microseconds. */
function total() {
  if (times === undefined || status === undefined) return { at: 0, run: 0, waited: 0, sleeps: 0 };
  // This brings the times up to date, which otherwise each tick of the system does.
  process.cpuUsage();
  // Nanoseconds run, nanoseconds waited, times it was put on a processor.
  const [run, waited] = read(times).split(' ');
  const at = performance.now();
  const sleeps = Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(read(status))?.[1]);
  return { at, run: Number(run) / 1e6, waited: Number(waited) / 1e6, sleeps };
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
  #last = total();

  /** @returns {number} the time, for {@link end} */
  begin() {
    if (performance.now() - this.#last.at > FRESH) this.#last = total();
    return performance.now();
  }

  /** @param {number} begin */
  end(begin) {
    const length = performance.now() - begin;
    this.all.push(length);
    this.own.push(length > NOTABLE ? Math.min(length, Math.max(0, length - this.#waited())) : length);
  }

  /** Milliseconds since it was last asked in which this thread neither ran nor slept of its own accord. */
  #waited() {
    const before = this.#last;
    this.#last = total();
    const { at, run, waited, sleeps } = this.#last;
    // How long it slept, for a lock or a page, is not known: that counts as its own.
    return sleeps === before.sleeps ? at - before.at - (run - before.run) : waited - before.waited;
  }
}
