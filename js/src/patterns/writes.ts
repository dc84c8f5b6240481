import type { Awaitable, CacheLike, LoadOptionsOf } from '../cache-like.js';
import type { Loader } from '../memory/types.js';

/**
 * The keys that are being written to a store. What a load reads while its key is written may be old or new, and nobody
 * knows which, so it is returned and not stored. A write that began and ended within a load is no matter of this: it ends
 * by changing the key in the cache, which overtakes the load.
 */
export class Writes {
  readonly #open = new Map<string, number>();
  /** For each key that is written in order the end of its last write. */
  readonly #ends = new Map<string, Promise<void>>();

  /** Whether a key is being written. */
  has(key: string): boolean {
    return this.#open.has(key);
  }

  async run<T>(key: string, write: () => Awaitable<T>): Promise<T> {
    this.#open.set(key, (this.#open.get(key) ?? 0) + 1);
    try {
      return await write();
    } finally {
      const left = (this.#open.get(key) as number) - 1;
      if (left === 0) this.#open.delete(key);
      else this.#open.set(key, left);
    }
  }

  /** As {@link run}, after all writes of the key that came before: so the store and the cache see one order. */
  runInOrder<T>(key: string, write: () => Awaitable<T>): Promise<T> {
    const before = this.#ends.get(key);
    const result = this.run(key, before === undefined ? write : () => before.then(write));
    const end = result.then(ignore, ignore).then(() => {
      if (this.#ends.get(key) === end) this.#ends.delete(key);
    });
    this.#ends.set(key, end);
    return result;
  }

  /** The cached value of a key, or what `load` gives, which is stored unless the key is written meanwhile. */
  async read<V, C extends CacheLike<V>>(
    cache: C,
    key: string,
    load: Loader<V>,
    options: LoadOptionsOf<C> | undefined,
  ): Promise<V> {
    const loader: Loader<V> = async (context) => {
      const before = this.has(key);
      const value = await load(context);
      if (before || this.has(key)) context.skip();
      return value;
    };
    return cache.getOrSet(key, loader, options);
  }
}

function ignore(): void {
  // Who asked for the write hears of it.
}
