import { type Awaitable, asCache, type CacheLike, type LoadOptionsOf } from '../cache-like.js';
import { invalidArgument, invalidOption } from '../errors.js';
import { buildKey, type KeyPart } from '../keys/build-key.js';
import { listOf } from '../memory/arguments.js';
import { callback, handedOn, readRequiring, text } from '../memory/readers.js';
import type { Loader } from '../memory/types.js';
import { BatchedFind } from './batched-find.js';
import { merged } from './options.js';
import { QueryCache } from './query-cache.js';
import { Writes } from './writes.js';

/** What entities are found by. */
export type EntityId = string | number | bigint;

/** Where entities are kept: tables of a database, an API, files. */
export interface RepositorySource<T, I extends EntityId = EntityId, New = T> {
  /** The entity, or undefined or null if there is none. */
  find(id: I): Awaitable<T | undefined | null>;
  /**
   * Several at once, in any order; those that are not there are left out. With it whatever is to be loaded in one turn
   * is loaded together, by `get` as well.
   */
  findMany?(ids: readonly I[]): Awaitable<readonly T[]>;
  /** Stores a new one and returns it, with its id. */
  create?(entity: New): Awaitable<T>;
  /** Changes some members and returns the whole entity, or undefined or null if there is none. */
  update?(id: I, changes: Partial<T>): Awaitable<T | undefined | null>;
  /** Whether there was one. */
  delete?(id: I): Awaitable<boolean>;
}

export interface RepositoryOptions<T, I extends EntityId = EntityId, New = T, C extends CacheLike = CacheLike> {
  /** Name of the model: begins all keys, and is what queries name. */
  model: string;
  source: RepositorySource<T, I, New>;
  /** Id of an entity. Default: its member `id`. */
  idOf?: (entity: T) => I;
  /** For each `getOrSet`: `ttl`, `stale` and so on. */
  options?: LoadOptionsOf<C>;
  /** Where results of queries are. Give all repositories of one cache the same, so that queries may join models. */
  queries?: QueryCache<C>;
  /** Called after each change that the source has made for the repository, when nothing old is cached any more. */
  onChange?: (change: RepositoryChange<I>) => Awaitable<unknown>;
}

export interface RepositoryChange<I extends EntityId = EntityId> {
  readonly model: string;
  readonly type: 'create' | 'update' | 'delete';
  readonly id: I;
}

/**
 * Entities of one model, read through a cache and written to a source. A change through the repository drops the entity
 * and every query that reads the model, whether or not it succeeded, and what is read while it lasts is not kept; changes
 * made elsewhere are told by {@link changed}.
 */
export class Repository<T, I extends EntityId = EntityId, New = T, C extends CacheLike = CacheLike> {
  readonly model: string;
  readonly queries: QueryCache<C>;
  readonly #cache: C;
  readonly #source: RepositorySource<T, I, New>;
  readonly #idOf: (entity: T) => I;
  readonly #options: LoadOptionsOf<C> | undefined;
  readonly #onChange: ((change: RepositoryChange<I>) => Awaitable<unknown>) | undefined;
  readonly #writes = new Writes();
  readonly #find: (id: I) => Promise<T | undefined>;

  /** @throws TiercelError naming a wrong option */
  constructor(cache: C, options: RepositoryOptions<T, I, New, C>) {
    const given = readRequiring<RepositoryOptions<T, I, New, C>, 'model' | 'source'>(
      options,
      {
        model: text,
        source: (value, name) => {
          if (typeof (value as { find?: unknown } | undefined)?.find === 'function') return value as never;
          throw invalidOption(name, value, 'an object with a function find, and others for what is to be possible');
        },
        idOf: callback('a function of an entity that returns its id'),
        options: handedOn,
        queries: (value, name) => {
          if (value instanceof QueryCache) return value as QueryCache<C>;
          throw invalidOption(name, value, 'a QueryCache');
        },
        onChange: callback('a function of a change'),
      },
      ['model', 'source'],
    );
    this.model = given.model;
    this.queries = given.queries ?? new QueryCache<C>(asCache(cache));
    this.#cache = asCache(cache);
    this.#source = given.source;
    this.#idOf = given.idOf ?? ((entity) => (entity as { id: I }).id);
    this.#options = given.options;
    this.#onChange = given.onChange;
    const { source } = given;
    const batches =
      source.findMany && new BatchedFind<T, I>((ids) => source.findMany?.(ids) as Awaitable<readonly T[]>, this.#idOf);
    this.#find = batches ? (id) => batches.find(id) : async (id) => (await source.find(id)) ?? undefined;
  }

  /** The entity of an id, or undefined, which is not kept. @param options in place of those of the repository */
  async get(id: I, options?: LoadOptionsOf<C>): Promise<T | undefined> {
    const terms = merged<LoadOptionsOf<C>>(this.#options, options);
    const load = (() => this.#find(id)) as Loader<unknown>;
    const key = this.keyOf(id);
    return this.#cache.getOrSet(key, this.#writes.guard([key], load), terms) as Promise<T | undefined>;
  }

  /** The entities of several ids, by id and in their order; those that are not there are left out. */
  async getMany(ids: Iterable<I>, options?: LoadOptionsOf<C>): Promise<Map<I, T>> {
    const list = [...new Set(listOf(ids, 'ids') as I[])];
    const entities = await Promise.all(list.map((id) => this.get(id, options)));
    return new Map(list.flatMap((id, i) => (entities[i] === undefined ? [] : [[id, entities[i] as T] as const])));
  }

  /**
   * A result that depends on this model and on those of `also`, kept until one of them changes.
   * @param key what tells it from other queries: its name and parameters
   */
  query<R>(key: KeyPart, run: Loader<R>, also: readonly string[] = [], options?: LoadOptionsOf<C>): Promise<R> {
    return this.queries.get<R>({ models: [this.model, ...also], key }, run, options);
  }

  /** Stores a new entity and returns it. Rejects with what the source throws. */
  async create(entity: New): Promise<T> {
    const create = this.#operation('create');
    const created = await this.queries.write(this.model, () => create(entity));
    // Its id may have been another's before.
    const id = this.#idOf(created);
    await this.#cache.delete(this.keyOf(id));
    await this.#onChange?.({ model: this.model, type: 'create', id });
    return created;
  }

  /** Changes an entity and returns it, or undefined if there is none. Rejects with what the source throws. */
  async update(id: I, changes: Partial<T>): Promise<T | undefined> {
    const update = this.#operation('update');
    return this.#write('update', id, async () => (await update(id, changes)) ?? undefined);
  }

  /** Removes an entity; returns whether there was one. Rejects with what the source throws. */
  async delete(id: I): Promise<boolean> {
    const remove = this.#operation('delete');
    return this.#write('delete', id, async () => remove(id));
  }

  /** Drops entities that were changed elsewhere, and every query that reads the model; without ids only the queries. */
  async changed(...ids: I[]): Promise<void> {
    if (ids.length > 0) await this.#cache.deleteMany(ids.map((id) => this.keyOf(id)));
    await this.queries.changed(this.model);
  }

  /** Drops all entities and queries of the model, for changes of which nobody knows what they concern. */
  async changedAll(): Promise<void> {
    await this.#cache.invalidatePrefix(`${buildKey('entity', this.model)}:`);
    await this.queries.changed(this.model);
  }

  /** Under which key an entity is cached. Ids of different types are different: 1 and `'1'`. */
  keyOf(id: I): string {
    if (typeof id !== 'string' && typeof id !== 'number' && typeof id !== 'bigint')
      throw invalidArgument('id', id, 'a string, a number or a bigint');
    return buildKey('entity', this.model, typeof id === 'string' ? `s${id}` : `n${id}`);
  }

  #operation<N extends 'create' | 'update' | 'delete'>(name: N): NonNullable<RepositorySource<T, I, New>[N]> {
    const operation = this.#source[name];
    if (operation === undefined) throw invalidOption(`source.${name}`, operation, `a function, for ${name}`);
    return operation.bind(this.#source) as NonNullable<RepositorySource<T, I, New>[N]>;
  }

  /** A change of an entity that is there. */
  async #write<R>(type: 'update' | 'delete', id: I, write: () => Promise<R>): Promise<R> {
    const key = this.keyOf(id);
    const result = await this.#writes.runAndDrop(
      [key],
      () => this.queries.write(this.model, write),
      async () => this.#cache.delete(key),
    );
    await this.#onChange?.({ model: this.model, type, id });
    return result;
  }
}
