import type { Milliseconds } from '../duration.js';
import type { Count } from '../memory/types.js';

/** Growth past which all counts are scaled back, far from where doubles end. */
const LARGEST_GROWTH = 2 ** 500;

/**
 * How often keys were used, where each use is worth half as much after each half-life; at most `capacity` keys.
 *
 * Forward decay (Cormode et al., 2009): instead of shrinking old uses, new ones count for more, so that counts of two
 * keys compare at any time without touching either.
 */
export class DecayingCounts {
  readonly #capacity: Count;
  readonly #halfLife: Milliseconds;
  readonly #counts = new Map<string, number>();
  /** When a use counts for 1. */
  #origin: Milliseconds | undefined;

  /** @param halfLife infinity: uses keep their worth */
  constructor(capacity: Count, halfLife: Milliseconds) {
    this.#capacity = capacity;
    this.#halfLife = halfLife;
  }

  get size(): Count {
    return this.#counts.size;
  }

  /** Amortised O(log capacity): when there are too many keys the lowest quarter goes. */
  add(key: string, now: Milliseconds): void {
    const growth = this.#growth(now);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + growth);
    if (this.#counts.size > this.#capacity) this.#prune();
  }

  delete(key: string): void {
    this.#counts.delete(key);
  }

  /** Uses of a key, as they count now. */
  score(key: string, now: Milliseconds): number {
    return (this.#counts.get(key) ?? 0) / this.#growth(now);
  }

  /** The keys with the most uses, the highest first. O(keys log keys). */
  top(most: Count, now: Milliseconds): [string, number][] {
    const growth = this.#growth(now);
    return [...this.#counts]
      .sort(([, a], [, b]) => b - a)
      .slice(0, most)
      .map(([key, count]) => [key, count / growth]);
  }

  #growth(now: Milliseconds): number {
    this.#origin ??= now;
    const growth = 2 ** ((now - this.#origin) / this.#halfLife);
    if (growth <= LARGEST_GROWTH) return growth;
    for (const [key, count] of this.#counts) {
      const scaled = count / growth;
      if (scaled === 0) this.#counts.delete(key);
      else this.#counts.set(key, scaled);
    }
    this.#origin = now;
    return 1;
  }

  #prune(): void {
    const ascending = [...this.#counts].sort(([, a], [, b]) => a - b);
    for (const [key] of ascending.slice(0, Math.ceil(ascending.length / 4))) this.#counts.delete(key);
  }
}
