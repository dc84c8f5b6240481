import { type CacheLike, isThenable } from '../cache-like.js';
import { invalidArgument, invalidOption } from '../errors.js';
import { invalidateTargets, TargetTemplates, targetOf } from '../invalidation/targets.js';
import { decorate } from './decorate.js';
import { asCallable, type Callable, cacheOf, imitate, type OfInstance, rootsOf, scopeOf } from './scope.js';

/** Keys, patterns and, after `tag:`, tags, that are known only from the result and the arguments. */
export type TargetsOf = { of(result: unknown, args: readonly unknown[]): string | readonly string[] }['of'];

export interface InvalidatesOptions<R = unknown> {
  /** What is invalidated, or a function that returns that of an instance. Default: the instance's `cache`. */
  cache?: OfInstance<CacheLike>;
  /** Names of the parameters, in order, for placeholders. Default: as in the source, if it was not minified. */
  params?: readonly string[];
  /** As of the {@link Cached} whose keys these are. Default: false. */
  typed?: boolean;
  /** Whether a result changes nothing. Default: none does. */
  unless?(result: R, args: readonly unknown[]): boolean;
  /**
   * Gets the error if something could not be invalidated, and the call returns its result all the same. Default: the
   * call fails with it, though the method succeeded, since what it changed may still be served as it was.
   */
  onError?(error: unknown, args: readonly unknown[]): void;
}

/** A decorator of methods, in either form. */
export interface AnyMethodDecorator {
  <This, A extends unknown[], R>(
    method: (this: This, ...args: A) => R,
    context: ClassMethodDecoratorContext<This, (this: This, ...args: A) => R>,
  ): (this: This, ...args: A) => R;
  <F extends Callable>(target: object, name: string | symbol, descriptor: TypedPropertyDescriptor<F>): void;
}

/** What {@link Invalidates} takes: targets, and at the end options. */
export type InvalidatesArguments =
  | readonly (string | TargetsOf)[]
  | readonly [...targets: (string | TargetsOf)[], options: InvalidatesOptions];

/**
 * Decorator of methods: invalidates when a call has succeeded, before its caller gets the result. Targets are keys
 * (`user:{id}`), prefixes and patterns (`files:{userId}:*`), tags (`tag:user:{result.id}`), with placeholders for
 * arguments by position or name and their members, for `{this.x}` and `{result.x}`; or functions that return such texts,
 * without placeholders. What is put in a placeholder stands for just itself, `*` and `:` included, whether keys have it
 * as it is or as {@link buildKey} writes it. A value that is missing is an error.
 *
 * Works in the forms that {@link Cached} does. A method that returns no promise needs a synchronous cache: from another
 * an error goes to `onError`, or is reported as uncaught.
 */
export function Invalidates(...targets: InvalidatesArguments): AnyMethodDecorator {
  const read = readTargets(targets);
  const apply = (...form: readonly unknown[]) => decorate('Invalidates', form, ({ fn }) => invalidating(fn, read));
  return apply as AnyMethodDecorator;
}

/** A function as `fn` that invalidates when it has succeeded: {@link Invalidates} without a decorator. */
export function invalidates<F extends Callable>(fn: F, ...targets: InvalidatesArguments): F {
  return invalidating(asCallable(fn), readTargets(targets)) as F;
}

interface ReadTargets {
  readonly templates: readonly string[];
  readonly functions: readonly TargetsOf[];
  readonly options: InvalidatesOptions;
}

function readTargets(items: InvalidatesArguments): ReadTargets {
  const last = items.at(-1);
  const hasOptions = typeof last === 'object' && last !== null;
  const options = hasOptions ? (last as InvalidatesOptions) : {};
  const templates: string[] = [];
  const functions: TargetsOf[] = [];
  for (const target of hasOptions ? items.slice(0, -1) : items) {
    if (typeof target === 'string') templates.push(target);
    else if (typeof target === 'function') functions.push(target);
    else
      throw invalidArgument('targets', target, 'keys, patterns, tags after "tag:", functions; and options at the end');
  }
  if (templates.length + functions.length === 0) throw invalidArgument('targets', undefined, 'at least one');
  for (const name of ['unless', 'onError'] as const) {
    const value = options[name];
    if (value !== undefined && typeof value !== 'function') throw invalidOption(name, value, 'a function');
  }
  return { templates, functions, options };
}

function invalidating(fn: Callable, { templates, functions, options }: ReadTargets): Callable {
  const { find, accepted } = rootsOf(fn, options.params, true);
  const filled = new TargetTemplates(templates, 'targets', find, accepted);
  const invalidate = (instance: unknown, args: readonly unknown[], result: unknown) => {
    if (options.unless?.(result, args) === true) return undefined;
    const targets = filled.fill(scopeOf(instance, args, result), options.typed);
    for (const of of functions) targets.push(...[of(result, args)].flat().map((text) => targetOf(text as string)));
    return invalidateTargets(cacheOf(options.cache, instance), targets);
  };
  const failed = (error: unknown, args: readonly unknown[]) => {
    if (options.onError === undefined) throw error;
    options.onError(error, args);
  };
  return imitate(function (this: unknown, ...args: unknown[]) {
    const result: unknown = fn.apply(this, args as never[]);
    if (isThenable(result))
      return awaited(
        result,
        (value) => invalidate(this, args, value),
        (e) => failed(e, args),
      );
    try {
      const pending = invalidate(this, args, result);
      // Nobody waits: what is thrown is an uncaught error.
      if (isThenable(pending)) pending.then(undefined, (e: unknown) => queueMicrotask(() => failed(e, args)));
    } catch (e) {
      failed(e, args);
    }
    return result;
  }, fn);
}

async function awaited(
  result: PromiseLike<unknown>,
  invalidate: (value: unknown) => unknown,
  failed: (error: unknown) => void,
): Promise<unknown> {
  const value = await result;
  try {
    await invalidate(value);
  } catch (e) {
    failed(e);
  }
  return value;
}
