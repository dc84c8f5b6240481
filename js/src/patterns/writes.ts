import type { Awaitable } from '../cache-like.js';
import type { Loader } from '../memory/types.js';

/**
 * What is being written to a store, by names: keys, models, tags. What a load reads while something that it reads is
 * written may be old or new, and nobody knows which, so it is returned and not stored. A write that began and ended within
 * a load is no matter of this: it ends by an invalidation, which overtakes the load.
 */
export class Writes {
  readonly #open = new Map<string, number>();
  /** For each name that is written in order the end of its last write. */
  readonly #ends = new Map<string, Promise<void>>();

  async run<T>(names: readonly string[], write: () => Awaitable<T>): Promise<T> {
    for (const name of names) this.#open.set(name, (this.#open.get(name) ?? 0) + 1);
    try {
      return await write();
    } finally {
      for (const name of names) {
        const left = (this.#open.get(name) as number) - 1;
        if (left === 0) this.#open.delete(name);
        else this.#open.set(name, left);
      }
    }
  }

  /** As {@link run}; then, whether or not the write succeeded, `drop` makes the cache forget what it had. */
  runAndDrop<T>(names: readonly string[], write: () => Awaitable<T>, drop: () => Promise<unknown>): Promise<T> {
    return this.run(names, async () => {
      let result: T;
      try {
        result = await write();
      } catch (error) {
        // Of two failures the write's is the one to be told.
        await drop().catch(() => undefined);
        throw error;
      }
      await drop();
      return result;
    });
  }

  /** As {@link run}, of one name, after all writes of it that came before: so the store and the cache see one order. */
  runInOrder<T>(name: string, write: () => Awaitable<T>): Promise<T> {
    const before = this.#ends.get(name);
    const result = this.run([name], before === undefined ? write : () => before.then(write));
    const end = result.then(ignore, ignore).then(() => {
      if (this.#ends.get(name) === end) this.#ends.delete(name);
    });
    this.#ends.set(name, end);
    return result;
  }

  /** A loader as `load` whose result is not stored if one of the names is written meanwhile. */
  guard<V>(names: readonly string[], load: Loader<V>): Loader<V> {
    const isOpen = () => names.some((name) => this.#open.has(name));
    return async (context) => {
      const before = isOpen();
      const value = await load(context);
      if (before || isOpen()) context.skip();
      return value;
    };
  }
}

function ignore(): void {
  // Who asked for the write hears of it.
}
