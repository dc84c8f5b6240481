import type { Awaitable, CacheLike, LoadOptionsOf, SetOptionsOf } from '../cache-like.js';
import type { Duration } from '../duration.js';
import { invalidArgument } from '../errors.js';
import { duration, nested, read } from '../memory/readers.js';
import type { Loader, SetOptions } from '../memory/types.js';

/** How long what is in a region lives unless a call says otherwise. */
export interface RegionOptions {
  ttl?: Duration;
  stale?: Duration;
}

export type RegionName = 'short' | 'default' | 'long' | 'memory';

/** A region: reads and writes as its cache does, but in a namespace and with a ttl of its own. */
export interface Region<C extends CacheLike> extends Omit<Pick<C, keyof CacheLike>, 'namespace'> {
  namespace(...parts: string[]): Region<C>;
}

/** The cache that is behind the region `memory`: of a cache of several tiers the first. */
export type MemoryOf<C extends CacheLike> = C extends { readonly memory: infer M extends CacheLike } ? M : C;

export type Regions<C extends CacheLike> = Readonly<
  Record<Exclude<RegionName, 'memory'>, Region<C>> & { memory: Region<MemoryOf<C>> }
>;

const MINUTE = 60_000;

const DEFAULTS: Readonly<Record<RegionName, RegionOptions>> = {
  short: { ttl: MINUTE },
  default: { ttl: 5 * MINUTE },
  long: { ttl: 24 * 60 * MINUTE },
  memory: { ttl: 5 * MINUTE },
};

const REGION = nested<RegionOptions>({ ttl: duration, stale: duration });

/**
 * Parts of a cache by how long things live there: `short` (1 minute), `default` (5 minutes), `long` (1 day), and
 * `memory` (5 minutes), which is in this process only, whatever tiers the cache has. Each is a namespace, so one key in
 * two regions is two entries, and `clear` of a region leaves the others. The ttl of a region goes before the cache's, and
 * before its `ttlRules`; that of a call before all.
 * @param options other times for them
 */
export function regions<C extends CacheLike>(
  cache: C,
  options?: { readonly [name in RegionName]?: RegionOptions },
): Regions<C> {
  if (typeof cache !== 'object' || cache === null) throw invalidArgument('cache', cache, 'a cache');
  const given = read(options, { short: REGION, default: REGION, long: REGION, memory: REGION }, 'options');
  const memory = (cache as { memory?: CacheLike }).memory ?? cache;
  const region = (name: RegionName, of: CacheLike) =>
    new RegionView(of.namespace('region', name), { ...DEFAULTS[name], ...given[name] });
  const made = {
    short: region('short', cache),
    default: region('default', cache),
    long: region('long', cache),
    memory: region('memory', memory),
  };
  return made as unknown as Regions<C>;
}

class RegionView<C extends CacheLike> implements CacheLike {
  readonly #cache: C;
  readonly #options: RegionOptions;

  constructor(cache: C, options: RegionOptions) {
    this.#cache = cache;
    this.#options = options;
  }

  /** What a call says goes before what the region says; and that before the rules and times of the cache. */
  #with<O extends SetOptions>(options: O | undefined): O {
    const ttl = options?.ttl ?? this.#options.ttl;
    const stale = options?.stale ?? this.#options.stale;
    return { ...options, ...(ttl !== undefined && { ttl }), ...(stale !== undefined && { stale }) } as O;
  }

  set(key: string, value: unknown, options?: SetOptionsOf<C>): Awaitable<unknown> {
    return this.#cache.set(key, value, this.#with(options));
  }
  setMany(entries: Iterable<readonly [string, unknown]>, options?: SetOptionsOf<C>): Awaitable<unknown> {
    return this.#cache.setMany(entries, this.#with(options));
  }
  getOrSet(key: string, loader: Loader<unknown>, options?: LoadOptionsOf<C>): PromiseLike<unknown> {
    return this.#cache.getOrSet(key, loader, this.#with(options));
  }
  touch(key: string, ttl: Duration | undefined = this.#options.ttl): Awaitable<unknown> {
    return this.#cache.touch(key, ttl);
  }
  namespace(...parts: string[]): CacheLike {
    return new RegionView(this.#cache.namespace(...parts), this.#options);
  }

  get(key: string): Awaitable<unknown> {
    return this.#cache.get(key);
  }
  getMany(keys: Iterable<string>): Awaitable<Map<string, unknown>> {
    return this.#cache.getMany(keys);
  }
  has(key: string): Awaitable<boolean> {
    return this.#cache.has(key);
  }
  expire(key: string): Awaitable<unknown> {
    return this.#cache.expire(key);
  }
  delete(key: string): Awaitable<unknown> {
    return this.#cache.delete(key);
  }
  deleteMany(keys: Iterable<string>): Awaitable<unknown> {
    return this.#cache.deleteMany(keys);
  }
  invalidateTags(...tags: string[]): Awaitable<unknown> {
    return this.#cache.invalidateTags(...tags);
  }
  invalidatePrefix(prefix: string): Awaitable<unknown> {
    return this.#cache.invalidatePrefix(prefix);
  }
  invalidatePattern(pattern: string): Awaitable<unknown> {
    return this.#cache.invalidatePattern(pattern);
  }
  clear(): Awaitable<unknown> {
    return this.#cache.clear();
  }
}
