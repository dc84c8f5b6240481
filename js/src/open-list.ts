/** Something that an {@link OpenList} may have: one at a time. */
export interface Listed {
  /** Where it is in the list, -1 if it is in none. Nobody else's business. */
  place: number;
}

/**
 * What is under way: few things at any time, but many in all.
 *
 * Not a Set or a Map: those make a new table whenever so many have come and gone, and link the old one to it. Once one of
 * these tables is in the old generation, V8 keeps all that follow until it collects that, with everything that was under way
 * when they were replaced: of loads from a second tier half survived each collection of the young generation, and they
 * took twice the time.
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
