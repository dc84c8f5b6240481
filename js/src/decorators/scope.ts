import type { CacheLike } from '../cache-like.js';
import { invalidArgument, invalidOption } from '../errors.js';
import { parameterNames } from '../keys/parameters.js';
import type { Path, Scope } from '../keys/template.js';

/** A function that takes whatever it takes. */
export type Callable = (...args: never[]) => unknown;

/** A function of an instance, or what it would return; parameters of a callback may be narrower than `unknown`. */
export type OfInstance<T> = T | { of(instance: unknown): T }['of'];

/** What a placeholder may be of: `{this.x}`, `{result.x}`, `{0}` and names of parameters. */
export interface Roots {
  readonly find: (first: string) => Path | undefined;
  /** For messages. */
  readonly accepted: string;
}

/** @param params names in place of those in the source of the function, which minifiers change */
export function rootsOf(fn: Callable, params: readonly string[] | undefined, hasResult: boolean): Roots {
  const names = params === undefined ? parameterNames(fn) : namesOf(params);
  const find = (first: string): Path | undefined => {
    if (first === 'this' || (first === 'result' && hasResult)) return [first];
    const path = /^\d{1,3}$/.test(first) ? [first] : names.get(first);
    return path && ['args', ...path];
  };
  const known = [
    '{0}',
    ...(hasResult ? ['{result}'] : []),
    '{this.x}',
    ...[...names.keys()].map((name) => `{${name}}`),
  ];
  return { find, accepted: `${known.join(', ')}; other names by the option params, in order` };
}

function namesOf(params: unknown): Map<string, Path> {
  const isList = Array.isArray(params) && params.every((name) => typeof name === 'string');
  if (!isList) throw invalidOption('params', params, 'an array of the names of the parameters');
  return new Map((params as string[]).map((name, i) => [name, [String(i)]]));
}

export function scopeOf(instance: unknown, args: readonly unknown[], result?: unknown): Scope {
  return { args, this: instance, result };
}

/** The cache that was given, or that the instance has as `cache`. */
export function cacheOf(source: OfInstance<CacheLike> | undefined, instance: unknown): CacheLike {
  const own = () => (instance as { cache?: unknown } | null | undefined)?.cache;
  const cache: unknown = source === undefined ? own() : typeof source === 'function' ? source(instance) : source;
  if (isCache(cache)) return cache;
  throw invalidOption(
    'cache',
    cache,
    'a cache, a function that returns that of an instance, or none if this.cache is one',
  );
}

function isCache(value: unknown): value is CacheLike {
  return typeof value === 'object' && value !== null && typeof (value as Partial<CacheLike>).getOrSet === 'function';
}

export function asCallable<F extends Callable>(fn: F): F {
  if (typeof fn !== 'function') throw invalidArgument('fn', fn, 'a function');
  return fn;
}

/** Makes a wrapper look like what it wraps: by name, by number of parameters, and to frameworks that left notes on it. */
export function imitate<F extends object>(wrapper: F, fn: Callable): F {
  Object.defineProperty(wrapper, 'name', { value: fn.name, configurable: true });
  Object.defineProperty(wrapper, 'length', { value: fn.length, configurable: true });
  // NestJS keeps routes, guards and the like as metadata of the function.
  const { getOwnMetadataKeys, getOwnMetadata, defineMetadata } = Reflect as unknown as Partial<Metadata>;
  if (getOwnMetadataKeys === undefined || getOwnMetadata === undefined || defineMetadata === undefined) return wrapper;
  for (const key of getOwnMetadataKeys(fn)) defineMetadata(key, getOwnMetadata(key, fn), wrapper);
  return wrapper;
}

/** Of the package reflect-metadata. */
interface Metadata {
  getOwnMetadataKeys(target: object): unknown[];
  getOwnMetadata(key: unknown, target: object): unknown;
  defineMetadata(key: unknown, value: unknown, target: object): void;
}
