import type { Milliseconds } from '../duration.js';
import type { Change } from './change.js';

/** How long after it was replayed a value is taken away again if it turns out to be older than a change elsewhere. */
const ECHO: Milliseconds = 10_000;

/** Keys whose values were replayed lately. */
export class Echoes {
  /** By key, and until when it counts; those for which it does longest at the end. */
  readonly #keys = new Map<string, { readonly change: Change; readonly until: Milliseconds }>();

  get size(): number {
    return this.#keys.size;
  }

  add(id: string, change: Change, now: Milliseconds): void {
    this.#forgetOver(now);
    this.#keys.delete(id);
    this.#keys.set(id, { change, until: now + ECHO });
  }

  /** Those that may be older than changes of others, which are forgotten. @param idOf a change of a key */
  take(changes: readonly Change[], idOf: (change: Change) => string, now: Milliseconds): Change[] {
    this.#forgetOver(now);
    const isOfAll = changes.some((change) => !('key' in change));
    const taken: Change[] = [];
    for (const id of isOfAll ? [...this.#keys.keys()] : changes.map(idOf)) {
      const known = this.#keys.get(id);
      if (known !== undefined && this.#keys.delete(id)) taken.push(known.change);
    }
    return taken;
  }

  #forgetOver(now: Milliseconds): void {
    for (const [id, { until }] of this.#keys) {
      if (until >= now) return;
      this.#keys.delete(id);
    }
  }
}
