import { type Awaitable, isThenable } from '../cache-like.js';
import type { Duration } from '../duration.js';
import { invalidOption } from '../errors.js';
import { argumentsKey } from '../keys/argument-keys.js';
import { Template } from '../keys/template.js';
import { MemoryCache } from '../memory/memory-cache.js';
import type { MemoryCacheOptions } from '../memory/types.js';
import { asCallable, imitate, rootsOf, scopeOf } from './scope.js';

export interface MemoizeOptions<A extends readonly unknown[] = readonly unknown[], R = unknown> {
  /** Where results are kept: options of a cache of its own (default: `{}`, which is 10,000 results), or one to share. */
  cache?: MemoryCacheOptions | MemoryCache;
  /** What tells calls apart: a template or a function, as of {@link Cached}. Default: the arguments, 1 and `'1'` apart. */
  key?: string | { of(...args: A): string }['of'];
  /** What keys begin with; needed if the cache is shared. Default: nothing. */
  name?: string;
  /** Names of the parameters, in order, for a template. Default: as in the source, if it was not minified. */
  params?: readonly string[];
  /** How long results stay fresh. Default: the cache's. */
  ttl?: Duration;
  /** Results that it returns true for are returned, and not stored. */
  unless?(result: Awaited<R>, args: A): boolean;
}

export type Memoized<A extends unknown[], R> = ((...args: A) => R) & {
  /** Forgets the result of a call with these arguments. */
  invalidate(...args: A): boolean;
  /** Forgets all results. Of a shared cache: those under `name`. */
  clear(): void;
};

/**
 * A function as `fn` that remembers its results, in memory. What `fn` returns at once is returned at once; of promises
 * one is made for all that ask meanwhile, and those that reject are not remembered. Neither is `undefined`. Its own
 * cache is made at the first call. See {@link cached} for methods, tags and caches of several tiers.
 */
export function memoize<A extends unknown[], R>(
  fn: (...args: A) => R,
  options: MemoizeOptions<A, R> = {},
): Memoized<A, R> {
  return new Memo<A, R>(asCallable(fn), options).memoized();
}

class Memo<A extends unknown[], R> {
  readonly #fn: (...args: A) => R;
  readonly #options: MemoizeOptions<A, R>;
  readonly #template: Template | undefined;
  readonly #ttl: { ttl?: Duration };
  #cache: MemoryCache | undefined;
  /** Whether it returned a promise once: then it is a load of the cache's from the beginning of the call. */
  #isAsync = false;

  constructor(fn: (...args: A) => R, options: MemoizeOptions<A, R>) {
    const { cache, key, name, params, ttl } = options;
    this.#fn = fn;
    this.#options = options;
    if (cache instanceof MemoryCache) {
      if (!name) throw invalidOption('name', name, 'a text that no other user of the cache has as its name');
      this.#cache = cache.namespace('memoize', name);
    }
    const { find, accepted } = rootsOf(fn, params, false);
    this.#template = typeof key === 'string' ? new Template(key, 'key', find, accepted) : undefined;
    this.#template?.refuseAmbiguous();
    this.#ttl = ttl === undefined ? {} : { ttl };
  }

  memoized(): Memoized<A, R> {
    const memo = this;
    const wrapper = imitate(function (this: unknown, ...args: A): R {
      return memo.#call(this, args);
    }, this.#fn);
    return Object.assign(wrapper, {
      invalidate: (...args: A) => this.#cache?.delete(this.#keyOf(undefined, args)) ?? false,
      clear: () => {
        this.#cache?.clear();
      },
    });
  }

  #call(instance: unknown, args: A): R {
    this.#cache ??= MemoryCache.createSync(this.#options.cache as MemoryCacheOptions);
    const cache = this.#cache;
    const key = this.#keyOf(instance, args);
    if (this.#isAsync) return this.#load(cache, key, args, () => this.#fn.apply(instance, args));
    const found = cache.get(key);
    if (found !== undefined) return found as R;
    const result = this.#fn.apply(instance, args);
    if (isThenable(result)) {
      this.#isAsync = true;
      return this.#load(cache, key, args, () => result);
    }
    if (result !== undefined && !this.#isUnwanted(result, args)) cache.set(key, result, this.#ttl);
    return result;
  }

  #load(cache: MemoryCache, key: string, args: A, call: () => Awaitable<unknown>): R {
    return cache.getOrSet(
      key,
      async ({ skip }) => {
        const result = await call();
        if (this.#isUnwanted(result, args)) skip();
        return result;
      },
      this.#ttl,
    ) as R;
  }

  #isUnwanted(result: unknown, args: A): boolean {
    return this.#options.unless?.(result as Awaited<R>, args) === true;
  }

  #keyOf(instance: unknown, args: A): string {
    const { key } = this.#options;
    if (this.#template !== undefined) return this.#template.key(scopeOf(instance, args));
    return typeof key === 'function' ? key.apply(instance, args) : argumentsKey(undefined, args, true);
  }
}
