import type { CacheLike, LoadOptionsOf } from '../cache-like.js';
import { invalidArgument, TiercelError } from '../errors.js';
import { CachedCall, type CallOptions } from './cached-call.js';
import { decorate } from './decorate.js';
import { asCallable, type Callable, imitate, type OfInstance } from './scope.js';

/** Options of {@link cached}; beside these all that the cache's `getOrSet` takes. */
export type CachedOptions<A extends readonly unknown[], R, C extends CacheLike> = CallOptions<A, R> &
  Omit<LoadOptionsOf<C>, keyof CallOptions | 'signal' | 'forceRefresh'> & {
    /** Where results are kept. */
    cache: C;
  };

/** Options of {@link Cached}; beside these all that the cache's `getOrSet` takes. */
export type CachedMethodOptions<C extends CacheLike = CacheLike> = CallOptions &
  Omit<LoadOptionsOf<C>, keyof CallOptions | 'signal' | 'forceRefresh'> & {
    /** Where results are kept, or a function that returns that of an instance. Default: the instance's `cache`. */
    cache?: OfInstance<C>;
  };

/** What can be done with the results of a cached function. */
export interface CachedResults<A extends readonly unknown[]> {
  /** Removes the result of a call with these arguments; a call in flight will not be stored. */
  invalidate(...args: A): Promise<void>;
  /** The key of a call with these arguments. */
  keyOf(...args: A): string;
}

export type CachedFunction<A extends unknown[], R> = ((...args: A) => Promise<R>) & CachedResults<A>;

/** A decorator of methods that return promises, in either form. */
export interface PromiseMethodDecorator {
  <This, A extends unknown[], R>(
    method: (this: This, ...args: A) => Promise<R>,
    context: ClassMethodDecoratorContext<This, (this: This, ...args: A) => Promise<R>>,
  ): (this: This, ...args: A) => Promise<R>;
  <F extends (...args: never[]) => Promise<unknown>>(
    target: object,
    name: string | symbol,
    descriptor: TypedPropertyDescriptor<F>,
  ): void;
}

/** The calls behind the functions that were made here. */
const calls = new WeakMap<object, CachedCall>();

/**
 * A function as `fn` whose results are kept in a cache: one call for all that ask meanwhile, with all that `getOrSet` of
 * the cache does. It returns promises, whatever `fn` returns. Errors are not kept, and neither is `undefined`.
 *
 * Arguments are told apart by value and type unless there is a `key`. `this` is passed on, and no part of the key
 * unless that says so.
 */
export function cached<A extends unknown[], R, C extends CacheLike>(
  fn: (...args: A) => R,
  options: CachedOptions<A, Awaited<R>, C>,
): CachedFunction<A, Awaited<R>> {
  const { name } = asCallable(fn);
  const call = new CachedCall(fn, options as CallOptions & { cache?: CacheLike }, () => {
    if (name !== '') return name;
    throw new TiercelError(
      'ERR_TIERCEL_INVALID_OPTION',
      'name: the function has none; give it the option name, or key',
    );
  });
  return wrapped(fn, call) as CachedFunction<A, Awaited<R>>;
}

/**
 * Decorator of methods that return promises: as {@link cached}. Works as a standard decorator (TypeScript, esbuild, swc,
 * Babel) and as one of `experimentalDecorators` (NestJS). {@link cachedMethod} invalidates single results.
 *
 * Results belong to the class, not to the instance: if they depend on it, `key` must have what they depend on, such as
 * `{this.tenant}`. The default name, `Class.method`, is as stable as those two: where code is minified and the cache is
 * shared with other versions of it, give `name` or `key`.
 */
export function Cached<C extends CacheLike = CacheLike>(options?: CachedMethodOptions<C>): PromiseMethodDecorator {
  const given = (options ?? {}) as CallOptions & { cache?: OfInstance<CacheLike> };
  const apply = (...form: readonly unknown[]) =>
    decorate('Cached', form, ({ fn, name, className }) => {
      const call = new CachedCall(fn, given, () => {
        const owner = className();
        if (owner !== undefined && owner !== '') return `${owner}.${name}`;
        throw new TiercelError(
          'ERR_TIERCEL_INVALID_OPTION',
          `name: the class of ${name} is not known: it has no name, no instance yet, or hides the method; give Cached the option name, or key`,
        );
      });
      return wrapped(fn, call);
    });
  return apply as PromiseMethodDecorator;
}

function wrapped(fn: Callable, call: CachedCall): Callable {
  const wrapper = imitate(function (this: unknown, ...args: unknown[]) {
    return call.call(this, args);
  }, fn);
  calls.set(wrapper, call);
  return Object.assign(wrapper, results(call, wrapper));
}

/** @param self what `this` is if these are called as methods of the function, and not by `call` with an instance */
function results(call: CachedCall, self: unknown): CachedResults<unknown[]> {
  const instanceOf = (receiver: unknown) => (receiver === self ? undefined : receiver);
  return {
    invalidate(this: unknown, ...args) {
      return call.invalidate(instanceOf(this), args);
    },
    keyOf(this: unknown, ...args) {
      return call.keyOf(instanceOf(this), args);
    },
  };
}

type ArgumentsOf<F> = F extends (...args: infer A) => unknown ? A : never;

/**
 * What can be done with the results of a method that is decorated by {@link Cached}:
 * `cachedMethod(users, 'byId').invalidate(7)`. TypeScript knows no other way, as decorators do not change types.
 * @param instance or the class, for a static method
 */
export function cachedMethod<T extends object, N extends keyof T>(
  instance: T,
  name: N,
): CachedResults<ArgumentsOf<T[N]>> {
  const call = calls.get(instance?.[name] as object);
  if (call === undefined) throw invalidArgument('name', name, 'the name of a method that is decorated by Cached');
  return {
    invalidate: (...args) => call.invalidate(instance, args),
    keyOf: (...args) => call.keyOf(instance, args),
  };
}
