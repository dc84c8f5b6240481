import { type Awaitable, asCache, type CacheLike, type LoadOptionsOf } from '../cache-like.js';
import { invalidArgument } from '../errors.js';
import { buildKey, type KeyPart } from '../keys/build-key.js';
import { asFunction } from '../memory/arguments.js';
import { handedOn, read, text } from '../memory/readers.js';
import type { Loader } from '../memory/types.js';
import { merged } from './options.js';
import { Writes } from './writes.js';

export interface QueryCacheOptions<C extends CacheLike = CacheLike> {
  /** What all keys and tags begin with, so that several may share a cache. Default `'query'`. */
  name?: string;
  /** For each `getOrSet`: `ttl`, `stale` and so on; its `tags` come beside those of the models. */
  options?: LoadOptionsOf<C>;
}

/** What a query reads. */
export interface Query {
  /** The models (tables, collections) that its result depends on; at least one. */
  readonly models: string | readonly string[];
  /** What tells this query from others of the models: its name or text, its parameters. */
  readonly key: KeyPart;
}

/**
 * Results of queries, each of them gone when a model that it reads has changed. Nothing is known of SQL: a hook of the
 * database's library, or whoever writes, says which models changed.
 */
export class QueryCache<C extends CacheLike = CacheLike> {
  readonly #cache: C;
  readonly #name: string;
  readonly #options: LoadOptionsOf<C> | undefined;
  /** By model, so that what is read while a model is written is not kept. */
  readonly #writes = new Writes();

  /** @throws TiercelError naming a wrong option */
  constructor(cache: C, options?: QueryCacheOptions<C>) {
    const given = read<QueryCacheOptions<C>>(options, { name: text, options: handedOn }, 'options');
    this.#cache = asCache(cache);
    this.#name = given.name ?? 'query';
    this.#options = given.options;
  }

  /**
   * The cached result of a query, or that of `run`, which is kept unless one of its models is written meanwhile.
   * @param options in place of those of the cache, one by one
   * @returns rejects with what `run` throws
   * @throws TiercelError `ERR_TIERCEL_INVALID_ARGUMENT` for a query without models, or with a key that cannot be one
   */
  async get<T>(query: Query, run: Loader<T>, options?: LoadOptionsOf<C>): Promise<T> {
    const models = modelsOf(query.models);
    asFunction(run, 'run');
    // As an object, so that nothing is left out or mixed up, and types count.
    const key = buildKey(this.#name, { models: [...models].sort(), key: query.key });
    const terms = merged<LoadOptionsOf<C>>(this.#options, options);
    const tags = [...((terms as { tags?: string[] } | undefined)?.tags ?? []), ...models.map((m) => this.tagOf(m))];
    const loader = this.#writes.guard(models, run);
    return this.#cache.getOrSet(key, loader as Loader<unknown>, { ...terms, tags } as LoadOptionsOf<C>) as Promise<T>;
  }

  /** Drops the results of all queries that read one of the models: to be called after each write, when it is committed. */
  async changed(...models: string[]): Promise<void> {
    const changed = modelsOf(models);
    await this.#cache.invalidateTags(...changed.map((model) => this.tagOf(model)));
  }

  /**
   * Runs a write of models and drops what read them, whether or not it succeeded. What is read meanwhile is not kept: so
   * a transaction that takes long is safe as well.
   * @returns what `write` returns; rejects with what it throws, or else with what the cache throws
   */
  async write<T>(models: string | readonly string[], write: () => Awaitable<T>): Promise<T> {
    const changed = modelsOf(models);
    asFunction(write, 'write');
    return this.#writes.runAndDrop(changed, write, () => this.changed(...changed));
  }

  /** The tag that all results have which read a model: for entries of others that read it too. */
  tagOf(model: string): string {
    return buildKey(this.#name, 'model', model);
  }
}

function modelsOf(models: unknown): string[] {
  const list: unknown[] = Array.isArray(models) ? models : [models];
  if (list.length > 0 && list.every((model) => typeof model === 'string' && model !== '')) return list as string[];
  throw invalidArgument('models', models, 'names of at least one model, as strings that are not empty');
}
