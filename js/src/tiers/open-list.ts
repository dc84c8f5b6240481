/** Something that an {@link OpenList} may have: one at a time. */
export interface Listed {
  /** Where it is in the list, -1 if it is in none. Nobody else's business. */
  place: number;
}

/**
 * What is under way: few things at any time, but many in all. Not a Set or a Map: a table of those that is old holds all that
 * come after it, and with them what was under way. See docs/decisions/0030.
 */
export class OpenList<T extends Listed> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  add(item: T): void {
    item.place = this.#items.push(item) - 1;
  }

  /** Does nothing if it is not there. The order of the others may change. */
  delete(item: T): void {
    const { place } = item;
    if (place < 0) return;
    item.place = -1;
    const last = this.#items.pop() as T;
    if (last === item) return;
    this.#items[place] = last;
    last.place = place;
  }

  /** Those that are there now, in a list that does not change. */
  all(): T[] {
    return this.#items.slice();
  }
}
