/** Lets so many go ahead at a time; of those that wait the one of the highest priority, and of equals the first. */
export class Slots {
  readonly #most: number;
  #taken = 0;
  /** In the order in which they go ahead. */
  readonly #waiting: { readonly priority: number; readonly go: () => void }[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** Resolves when there is a slot, which is then the caller's until {@link leave}. O(those that wait). */
  enter(priority = 0): Promise<void> {
    if (this.#taken < this.#most) {
      this.#taken++;
      return Promise.resolve();
    }
    return new Promise((go) => {
      const after = this.#waiting.findIndex((other) => other.priority < priority);
      this.#waiting.splice(after < 0 ? this.#waiting.length : after, 0, { priority, go });
    });
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken--;
    else next.go();
  }
}
