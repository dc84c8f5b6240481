import type { Milliseconds } from '../duration.js';
import { placeId } from './change.js';

/** Most keys that are remembered: beyond that the oldest is tried again too soon. */
const MOST = 10_000;

/** Keys whose load failed lately, and when to try again. */
export class Backoffs {
  readonly #until = new Map<string, Milliseconds>();

  add(path: readonly string[], key: string, until: Milliseconds): void {
    const id = placeId(path, key);
    // Behind all others, as the newest.
    this.#until.delete(id);
    this.#until.set(id, until);
    if (this.#until.size > MOST) this.#until.delete(this.#until.keys().next().value as string);
  }

  isActive(path: readonly string[], key: string, now: Milliseconds): boolean {
    if (this.#until.size === 0) return false;
    const id = placeId(path, key);
    const until = this.#until.get(id);
    if (until === undefined) return false;
    if (now < until) return true;
    this.#until.delete(id);
    return false;
  }

  delete(path: readonly string[], key: string): void {
    if (this.#until.size > 0) this.#until.delete(placeId(path, key));
  }

  get size(): number {
    return this.#until.size;
  }
}
