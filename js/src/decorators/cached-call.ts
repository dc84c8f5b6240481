import { type Awaitable, type CacheLike, isThenable } from '../cache-like.js';
import type { Duration } from '../duration.js';
import { invalidArgument, invalidOption, TiercelError } from '../errors.js';
import { getOrSetValid } from '../invalidation/validated.js';
import { argumentsKey } from '../keys/argument-keys.js';
import { Template } from '../keys/template.js';
import type { GetOrSetOptions, LoadContext } from '../memory/types.js';
import { type Callable, cacheOf, type OfInstance, type Roots, rootsOf, scopeOf } from './scope.js';

/** How calls become keys, and which results are kept. The rest of the options are those of the cache's `getOrSet`. */
export interface CallOptions<A extends readonly unknown[] = readonly unknown[], R = unknown> {
  /**
   * The key of a call: a template (`user:{0}`, `user:{id}`, `{this.tenant}:user:{0.id}`) or a function of the arguments,
   * with the instance as `this`. Placeholders are positions, names of parameters, or members of either or of `this`;
   * values are escaped as by {@link buildKey}, and what is missing is an error. Default: `name` and the
   * arguments, objects by their {@link fingerprint}.
   */
  key?: string | { of(...args: A): string }['of'];
  /** What the default key begins with. Default: `Class.method`, or the name of the function. */
  name?: string;
  /** Names of the parameters, in order, for templates. Default: as in the source, if it was not minified. */
  params?: readonly string[];
  /**
   * Whether 1 and `'1'` are different arguments. Default: true, but false for a template, in which they are one text, so
   * that templates of {@link Invalidates} find both. Of no effect on a function.
   */
  typed?: boolean;
  /** Results that it returns true for are returned, and not stored. */
  unless?(result: R, args: A): boolean;
  /** Asked about each value that is found; one it returns false for is loaded anew. Default: all are valid. */
  validate?(value: R, args: A): boolean;
  /** How long results stay fresh; may depend on them. Default: the cache's. */
  ttl?: Duration | { of(result: R, args: A): Duration }['of'];
  /** Tags of results: templates, in which `{result.x}` may be used too, or a function. */
  tags?: readonly string[] | { of(result: R, args: A): readonly string[] }['of'];
  /** Keys that results depend on: templates. */
  dependsOn?: readonly string[];
}

/** A function whose calls go through a cache. */
export class CachedCall {
  readonly #fn: Callable;
  readonly #options: CallOptions;
  readonly #source: OfInstance<CacheLike> | undefined;
  /** What all calls give to `getOrSet`. */
  readonly #fixed: GetOrSetOptions;
  readonly #ownerName: () => string;
  readonly #key: Template | undefined;
  /** Those that are known before the call, and those that depend on its result. */
  readonly #tags: readonly Template[];
  readonly #resultTags: readonly Template[];
  readonly #dependsOn: readonly Template[];

  /** @param ownerName what the default key begins with if there is no option `name`; throws if that is not known */
  constructor(
    fn: Callable,
    options: CallOptions & { cache?: OfInstance<CacheLike> | undefined },
    ownerName: () => string,
  ) {
    const { cache, key, name, params, typed, unless, validate, ttl, tags, dependsOn, ...rest } =
      readCallOptions(options);
    this.#fn = fn;
    this.#source = cache;
    this.#options = { ...options };
    this.#fixed = ttl === undefined || typeof ttl === 'function' ? rest : { ...rest, ttl };
    this.#ownerName = ownerName;
    const roots = rootsOf(fn, params, false);
    this.#key = typeof key === 'string' ? new Template(key, 'key', roots.find, roots.accepted) : undefined;
    this.#key?.refuseAmbiguous();
    const allTags = typeof tags === 'function' ? [] : templatesOf(tags, 'tags', rootsOf(fn, params, true));
    this.#tags = allTags.filter((template) => !template.uses('result'));
    this.#resultTags = allTags.filter((template) => template.uses('result'));
    this.#dependsOn = templatesOf(dependsOn, 'dependsOn', roots);
  }

  /** Never throws: what is wrong is a rejection, as of the function itself. */
  async call(instance: unknown, args: readonly unknown[]): Promise<unknown> {
    const cache = cacheOf(this.#source, instance);
    const key = this.keyOf(instance, args, cache);
    const options = this.#loadOptions(instance, args);
    const loader = (context: LoadContext) => this.load(instance, args, context);
    const { validate } = this.#options;
    if (validate === undefined) return cache.getOrSet(key, loader, options);
    return getOrSetValid(cache, key, loader, options, (value) => validate(value, args));
  }

  /** Calls the function, and says of its result what the options do. */
  load(instance: unknown, args: readonly unknown[], context: LoadContext): Awaitable<unknown> {
    const result: unknown = this.#fn.apply(instance, args as never[]);
    const finish = (value: unknown) => this.#describe(value, instance, args, context);
    return isThenable(result) ? result.then(finish) : finish(result);
  }

  #describe(result: unknown, instance: unknown, args: readonly unknown[], context: LoadContext): unknown {
    const { unless, ttl, tags } = this.#options;
    if (unless?.(result, args) === true) {
      context.skip();
      return result;
    }
    if (typeof ttl === 'function') context.setTtl(ttl(result, args));
    const scope = scopeOf(instance, args, result);
    const more = typeof tags === 'function' ? tags(result, args) : this.#resultTags.map((tag) => tag.plain(scope));
    if (more.length > 0) context.setTags(...more);
    return result;
  }

  #loadOptions(instance: unknown, args: readonly unknown[]): GetOrSetOptions {
    if (this.#tags.length === 0 && this.#dependsOn.length === 0) return this.#fixed;
    const scope = scopeOf(instance, args);
    return {
      ...this.#fixed,
      tags: this.#tags.map((tag) => tag.plain(scope)),
      dependsOn: this.#dependsOn.map((key) => key.key(scope)),
    };
  }

  /** @param cache to which the key is to belong to this function alone; without one nothing is claimed */
  keyOf(instance: unknown, args: readonly unknown[], cache?: CacheLike): string {
    const { key, name, typed } = this.#options;
    if (this.#key !== undefined) return this.#key.key(scopeOf(instance, args), typed ?? false);
    if (typeof key === 'function') {
      const own: unknown = key.apply(instance, args as unknown[]);
      if (typeof own === 'string') return own;
      throw invalidArgument('key', own, 'a function that returns a string');
    }
    const first = name ?? this.#ownerName();
    if (name === undefined && cache !== undefined) claim(cache, first, this);
    return argumentsKey(first, args, typed ?? true);
  }

  async invalidate(instance: unknown, args: readonly unknown[]): Promise<void> {
    const cache = cacheOf(this.#source, instance);
    await cache.delete(this.keyOf(instance, args));
  }
}

function templatesOf(texts: readonly string[] | undefined, name: string, { find, accepted }: Roots): Template[] {
  return (texts ?? []).map((text, i) => new Template(text, `${name}[${i}]`, find, accepted));
}

function readCallOptions<T extends CallOptions>(options: T): T {
  if (typeof options !== 'object' || options === null) throw invalidArgument('options', options, 'an object');
  const { key, name, typed, unless, validate, tags, dependsOn } = options;
  if (key !== undefined && typeof key !== 'string' && typeof key !== 'function')
    throw invalidOption('key', key, 'a template such as "user:{0}", or a function');
  if (name !== undefined && (typeof name !== 'string' || name === '')) throw invalidOption('name', name, 'a text');
  if (typed !== undefined && typeof typed !== 'boolean') throw invalidOption('typed', typed, 'true or false');
  if (unless !== undefined && typeof unless !== 'function') throw invalidOption('unless', unless, 'a function');
  if (validate !== undefined && typeof validate !== 'function') throw invalidOption('validate', validate, 'a function');
  if (tags !== undefined && typeof tags !== 'function' && !Array.isArray(tags))
    throw invalidOption('tags', tags, 'an array of templates, or a function');
  if (dependsOn !== undefined && !Array.isArray(dependsOn))
    throw invalidOption('dependsOn', dependsOn, 'an array of templates');
  return options;
}

/** Which function each default name of a cache stands for. */
const claims = new WeakMap<object, Map<string, CachedCall>>();

/**
 * Two functions of one name would be served each other's results: closures of one function, classes of one name,
 * whatever a minifier called the same.
 */
function claim(cache: CacheLike, name: string, call: CachedCall): void {
  const names = claims.get(cache) ?? new Map<string, CachedCall>();
  claims.set(cache, names);
  const owner = names.get(name);
  if (owner === undefined) names.set(name, call);
  else if (owner !== call)
    throw new TiercelError(
      'ERR_TIERCEL_INVALID_OPTION',
      `name: another function has results in this cache as ${JSON.stringify(name)}; give this one the option name, or key`,
    );
}
