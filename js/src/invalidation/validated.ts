import { type Awaitable, type CacheLike, isThenable, type LoadOptionsOf, type ValueOf } from '../cache-like.js';
import { CacheView, type ViewOf } from '../cache-view.js';
import { asFunction } from '../memory/arguments.js';
import type { LoadContext, Loader } from '../memory/types.js';

/** Whether a value that was found may be used. What it throws reaches the reader. */
export type Validate<V> = (value: V, key: string) => boolean;

/**
 * A cache whose values are looked at when they are read, and not served if `validate` returns false: of an older shape,
 * of a revoked permission, past a date in them. A read removes such a value and finds nothing; `getOrSet` loads another,
 * one for all that ask, and does not store it if it is not valid either. `has` does not look at values.
 */
export function validated<C extends CacheLike>(cache: C, validate: Validate<ValueOf<C>>): ViewOf<C> {
  return new ValidatedView(cache, asFunction<Validate<unknown>>(validate, 'validate')) as unknown as ViewOf<C>;
}

class ValidatedView<C extends CacheLike> extends CacheView<C> {
  readonly #validate: Validate<unknown>;

  constructor(cache: C, validate: Validate<unknown>) {
    super(cache);
    this.#validate = validate;
  }

  override get(key: string): Awaitable<unknown> {
    const found = this.cache.get(key);
    return isThenable(found) ? found.then((value) => this.#checked(key, value)) : this.#checked(key, found);
  }

  #checked(key: string, value: unknown): Awaitable<unknown> {
    if (value === undefined || this.#validate(value, key)) return value;
    const removed = this.cache.delete(key);
    return isThenable(removed) ? removed.then(() => undefined) : undefined;
  }

  override getMany(keys: Iterable<string>): Awaitable<Map<string, unknown>> {
    const found = this.cache.getMany(keys);
    return isThenable(found) ? found.then((map) => this.#allChecked(map)) : this.#allChecked(found);
  }

  #allChecked(found: Map<string, unknown>): Awaitable<Map<string, unknown>> {
    const invalid = [...found].filter(([key, value]) => !this.#validate(value, key)).map(([key]) => key);
    if (invalid.length === 0) return found;
    for (const key of invalid) found.delete(key);
    const removed = this.cache.deleteMany(invalid);
    return isThenable(removed) ? removed.then(() => found) : found;
  }

  override async getOrSet(key: string, loader: Loader<unknown>, options?: LoadOptionsOf<C>): Promise<unknown> {
    return getOrSetValid(this.cache, key, loader, options, (value) => this.#validate(value, key));
  }

  namespace(...parts: string[]): CacheLike {
    return new ValidatedView(this.cache.namespace(...parts), this.#validate);
  }
}

/** `getOrSet` that neither serves nor stores what is not valid; a loaded value is returned, valid or not. */
export async function getOrSetValid(
  cache: CacheLike,
  key: string,
  loader: Loader<unknown>,
  options: LoadOptionsOf<CacheLike> | undefined,
  isValid: (value: unknown) => boolean,
): Promise<unknown> {
  let loaded = false;
  const load = async (context: LoadContext) => {
    loaded = true;
    const value = await loader(context);
    if (value !== undefined && !isValid(value)) context.skip();
    return value;
  };
  const value = await cache.getOrSet(key, load, options);
  if (loaded || value === undefined || isValid(value)) return value;
  const reload = (context: LoadContext) => {
    const { stale } = context;
    if (stale === undefined || !isValid(stale.value)) return load(context);
    // Another caller has reloaded it since it was found.
    context.skip();
    return stale.value;
  };
  return cache.getOrSet(key, reload, { ...options, forceRefresh: true });
}
