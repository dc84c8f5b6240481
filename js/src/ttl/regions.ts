import type { Awaitable, CacheLike, LoadOptionsOf, SetOptionsOf } from '../cache-like.js';
import { CacheView, type ViewOf } from '../cache-view.js';
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

/** The cache that is behind the region `memory`: of a cache of several tiers the first. */
export type MemoryOf<C extends CacheLike> = C extends { readonly memory: infer M extends CacheLike } ? M : C;

export type Regions<C extends CacheLike> = Readonly<
  Record<Exclude<RegionName, 'memory'>, ViewOf<C>> & { memory: ViewOf<MemoryOf<C>> }
>;

const DEFAULTS: Readonly<Record<RegionName, RegionOptions>> = {
  short: { ttl: '1m' },
  default: { ttl: '5m' },
  long: { ttl: '1d' },
  memory: { ttl: '5m' },
};

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
  const times = nested<RegionOptions>({ ttl: duration, stale: duration });
  const given = read(options, { short: times, default: times, long: times, memory: times }, 'options');
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

class RegionView<C extends CacheLike> extends CacheView<C> {
  readonly #options: RegionOptions;

  constructor(cache: C, options: RegionOptions) {
    super(cache);
    this.#options = options;
  }

  /** What a call says goes before what the region says; and that before the rules and times of the cache. */
  #with<O extends SetOptions>(options: O | undefined): O {
    const ttl = options?.ttl ?? this.#options.ttl;
    const stale = options?.stale ?? this.#options.stale;
    return { ...options, ...(ttl !== undefined && { ttl }), ...(stale !== undefined && { stale }) } as O;
  }

  override set(key: string, value: unknown, options?: SetOptionsOf<C>): Awaitable<unknown> {
    return super.set(key, value, this.#with(options));
  }

  override setMany(entries: Iterable<readonly [string, unknown]>, options?: SetOptionsOf<C>): Awaitable<unknown> {
    return super.setMany(entries, this.#with(options));
  }

  override getOrSet(key: string, loader: Loader<unknown>, options?: LoadOptionsOf<C>): PromiseLike<unknown> {
    return super.getOrSet(key, loader, this.#with(options));
  }

  override touch(key: string, ttl: Duration | undefined = this.#options.ttl): Awaitable<unknown> {
    return super.touch(key, ttl);
  }

  namespace(...parts: string[]): CacheLike {
    return new RegionView(this.cache.namespace(...parts), this.#options);
  }
}
