import type { Milliseconds } from '../duration.js';
import type { Count } from '../memory/types.js';
import { DecayingCounts } from './decaying-counts.js';

/** Parts of a window: what is older than it is forgotten in steps of this size. */
const PARTS = 8;

/** How often keys were used in the last while, recent uses counting for more; at most `capacity` keys for each part. */
export class SlidingWindow {
  readonly #part: Milliseconds;
  readonly #halfLife: Milliseconds;
  readonly #capacity: Count;
  /** The newest last, with the number of its part of time. */
  readonly #parts: { readonly number: number; readonly counts: DecayingCounts }[] = [];

  constructor(window: Milliseconds, halfLife: Milliseconds, capacity: Count) {
    this.#part = window / PARTS;
    this.#halfLife = halfLife;
    this.#capacity = capacity;
  }

  /** Counts that are kept; a key has one for each part in which it was used. */
  get size(): Count {
    return this.#parts.reduce((sum, { counts }) => sum + counts.size, 0);
  }

  add(key: string, now: Milliseconds): void {
    this.#forget(now);
    const number = Math.floor(now / this.#part);
    let newest = this.#parts.at(-1);
    if (newest?.number !== number) {
      newest = { number, counts: new DecayingCounts(this.#capacity, Number.POSITIVE_INFINITY) };
      this.#parts.push(newest);
    }
    newest.counts.add(key, now);
  }

  /** The keys with the most uses, the highest first. O(keys log keys). */
  top(most: Count, now: Milliseconds): [string, number][] {
    this.#forget(now);
    const current = Math.floor(now / this.#part);
    const scores = new Map<string, number>();
    for (const { number, counts } of this.#parts) {
      const worth = 2 ** (((number - current) * this.#part) / this.#halfLife);
      for (const [key, uses] of counts.top(this.#capacity, now)) scores.set(key, (scores.get(key) ?? 0) + uses * worth);
    }
    return [...scores].sort(([, a], [, b]) => b - a).slice(0, most);
  }

  #forget(now: Milliseconds): void {
    const oldest = Math.floor(now / this.#part) - PARTS;
    while ((this.#parts[0]?.number ?? Number.POSITIVE_INFINITY) <= oldest) this.#parts.shift();
  }
}
