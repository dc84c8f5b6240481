// Rounds that take turns, their medians, and how figures are printed.
import { rounds } from './options.mjs';

/** The value that a part `q` of all is below. @param {ArrayLike<number>} values @param {number} q from 0 to 1 */
export function quantile(values, q) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

/** @param {ArrayLike<number>} values */
export const median = (values) => quantile(values, 0.5);

/**
 * Calls `measure` for each name, in turns, so that what else the machine does hits all alike.
 *
 * @template {string} Name
 * @param {readonly Name[]} names
 * @param {(name: Name, round: number) => number} measure
 * @returns {Map<Name, number>} Medians.
 */
export function inTurns(names, measure) {
  const results = new Map(names.map((name) => [name, /** @type {number[]} */ ([])]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, values] of results) {
      values.push(measure(name, round));
    }
  }
  return new Map([...results].map(([name, values]) => [name, median(values)]));
}

/** Milliseconds that `work` takes, begun without garbage. @param {() => void} work */
export function time(work) {
  globalThis.gc();
  const start = performance.now();
  work();
  return performance.now() - start;
}

/** @param {number} value */
export const count = (value) => value.toLocaleString('en');

/** Text, or numbers of a given number of decimals, in columns: the first to the left, the others to the right. */
export class Table {
  /** @type {string[][]} */
  #rows = [];

  /** @param {string[]} heads */
  constructor(...heads) {
    this.#rows.push(heads);
  }

  /** @param {string[]} cells */
  row(...cells) {
    this.#rows.push(cells);
  }

  print() {
    const widths = this.#rows[0].map((_, i) => Math.max(...this.#rows.map((row) => row[i]?.length ?? 0)));
    for (const row of this.#rows) {
      const cells = row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])));
      console.log(`  ${cells.join('   ').trimEnd()}`);
    }
  }
}

/** `1.23 x`. @param {number} value */
export const ratio = (value) => `${value.toFixed(2)} x`;

/** @param {string} what */
export function fail(what) {
  console.log(`  MISSED: ${what}`);
  process.exitCode = 1;
}
