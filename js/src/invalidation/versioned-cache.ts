import type { CacheLike, LoadOptionsOf, SetOptionsOf, ValueOf } from '../cache-like.js';
import { invalidArgument, invalidOption } from '../errors.js';
import { textOf } from '../keys/build-key.js';
import { read } from '../memory/readers.js';
import type { Loader } from '../memory/types.js';

export interface VersionedCacheOptions {
  /**
   * What versions of types the program knows, by type: entries of another are not seen, so that a new version of it does
   * not read what an older one wrote. Types that are not here have none.
   */
  versions?: Readonly<Record<string, string | number>>;
}

/** Of what kind a value is, and which of that kind. */
type Id = string | number | bigint;

/** Views of types that are kept for the next call. */
const MOST_VIEWS = 1024;

/**
 * Entities by type and id, of which all of a type can be made out of date at once: {@link bump} is O(1), however many
 * there are, and a load that began before is not stored. A type is a namespace, `versioned`, the type, and its version if
 * it has one; so ids are any texts, and 1 and `'1'` are the same. All else is as of the cache.
 */
export class VersionedCache<C extends CacheLike = CacheLike> {
  readonly #root: CacheLike;
  readonly #versions: ReadonlyMap<string, string>;
  readonly #views = new Map<string, C>();

  constructor(cache: C, options?: VersionedCacheOptions) {
    if (typeof cache !== 'object' || cache === null || typeof cache.namespace !== 'function')
      throw invalidArgument('cache', cache, 'a cache');
    this.#root = cache.namespace('versioned');
    this.#versions = read(options, { versions: readVersions }, 'options').versions ?? new Map();
  }

  /** The entities of a type, by id, as a cache. */
  of(type: string): C {
    const known = this.#views.get(type);
    if (known !== undefined) return known;
    if (typeof type !== 'string') throw invalidArgument('type', type, 'a string');
    const version = this.#versions.get(type);
    const view = this.#root.namespace(type, ...(version === undefined ? [] : [version])) as C;
    if (this.#views.size === MOST_VIEWS) this.#views.clear();
    this.#views.set(type, view);
    return view;
  }

  get(type: string, id: Id): ReturnType<C['get']> {
    return this.of(type).get(textOf(id, 'id')) as ReturnType<C['get']>;
  }

  has(type: string, id: Id): ReturnType<C['has']> {
    return this.of(type).has(textOf(id, 'id')) as ReturnType<C['has']>;
  }

  set(type: string, id: Id, value: ValueOf<C>, options?: SetOptionsOf<C>): ReturnType<C['set']> {
    return this.of(type).set(textOf(id, 'id'), value, options) as ReturnType<C['set']>;
  }

  getOrSet(type: string, id: Id, loader: Loader<ValueOf<C>>, options?: LoadOptionsOf<C>): ReturnType<C['getOrSet']> {
    return this.of(type).getOrSet(textOf(id, 'id'), loader as unknown as Loader<unknown>, options) as ReturnType<
      C['getOrSet']
    >;
  }

  delete(type: string, id: Id): ReturnType<C['delete']> {
    return this.of(type).delete(textOf(id, 'id')) as ReturnType<C['delete']>;
  }

  /** Invalidates all entities of a type, of every version of it. Returns what `clear` of the cache does. */
  bump(type: string): ReturnType<C['clear']> {
    if (typeof type !== 'string') throw invalidArgument('type', type, 'a string');
    return this.#root.namespace(type).clear() as ReturnType<C['clear']>;
  }

  /** Invalidates all entities of all types. */
  bumpAll(): ReturnType<C['clear']> {
    return this.#root.clear() as ReturnType<C['clear']>;
  }
}

function readVersions(value: unknown, name: string): ReadonlyMap<string, string> {
  if (typeof value !== 'object' || value === null) throw invalidOption(name, value, 'an object of versions by type');
  return new Map(Object.entries(value).map(([type, version]) => [type, textOf(version, `${name}.${type}`)]));
}
