import { invalidArgument, invalidReturn } from '../errors.js';
import { asFunction } from '../memory/arguments.js';
import type { Cache } from './cache.js';
import type { LoadOptions } from './types.js';

export interface WrapOptions<A extends unknown[]> extends LoadOptions {
  /** The key of the result for these arguments. Different arguments must not have the same one. */
  key: (...args: A) => string;
}

/** A function that remembers its results. */
export interface Wrapped<This, A extends unknown[], T> {
  (this: This, ...args: A): Promise<T>;
  /** Forgets the result for these arguments; whether there was one. */
  invalidate(...args: A): Promise<boolean>;
  /** The key that the result for these arguments has. */
  key(...args: A): string;
}

export function wrap<This, A extends unknown[], T>(
  cache: Pick<Cache<T>, 'getOrSet' | 'delete'>,
  fn: (this: This, ...args: A) => T | Promise<T>,
  options: WrapOptions<A>,
): Wrapped<This, A, T> {
  asFunction(fn, 'fn');
  if (typeof options !== 'object' || options === null) throw invalidArgument('options', options, 'an object');
  const { key, ...loadOptions } = options;
  asFunction(key, 'key');
  const keyOf = (...args: A): string => {
    const made: unknown = key(...args);
    if (typeof made === 'string') return made;
    throw invalidReturn('key', made, 'a string');
  };
  async function wrapped(this: This, ...args: A): Promise<T> {
    return cache.getOrSet(keyOf(...args), () => fn.apply(this, args), loadOptions);
  }
  return Object.assign(wrapped, {
    invalidate: async (...args: A) => cache.delete(keyOf(...args)),
    key: keyOf,
  });
}
