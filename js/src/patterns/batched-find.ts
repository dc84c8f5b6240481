import type { Awaitable } from '../cache-like.js';

interface Asked<T> {
  readonly resolve: (entity: T | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Entities asked for one by one, found together: all that are asked for in one turn. The source is asked after the last
 * of them, so that what it answers is newer than whatever was invalidated before any of them was asked for.
 */
export class BatchedFind<T, I> {
  readonly #findMany: (ids: readonly I[]) => Awaitable<readonly T[]>;
  readonly #idOf: (entity: T) => I;
  #asked = new Map<I, Asked<T>[]>();

  constructor(findMany: (ids: readonly I[]) => Awaitable<readonly T[]>, idOf: (entity: T) => I) {
    this.#findMany = findMany;
    this.#idOf = idOf;
  }

  find(id: I): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#asked.size === 0) queueMicrotask(() => void this.#send());
      const others = this.#asked.get(id);
      if (others === undefined) this.#asked.set(id, [{ resolve, reject }]);
      else others.push({ resolve, reject });
    });
  }

  async #send(): Promise<void> {
    const asked = this.#asked;
    this.#asked = new Map();
    try {
      const found = new Map<I, T>();
      for (const entity of await this.#findMany([...asked.keys()])) found.set(this.#idOf(entity), entity);
      for (const [id, callers] of asked) for (const { resolve } of callers) resolve(found.get(id));
    } catch (error) {
      for (const callers of asked.values()) for (const { reject } of callers) reject(error);
    }
  }
}
