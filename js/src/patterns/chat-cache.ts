import { asCache, type CacheLike } from '../cache-like.js';
import type { Duration } from '../duration.js';
import { invalidArgument } from '../errors.js';
import { buildKey, type KeyPart } from '../keys/build-key.js';
import { duration, integer, type Read, read, text } from '../memory/readers.js';
import type { Count, Loader } from '../memory/types.js';
import { Writes } from './writes.js';

export interface ChatCacheOptions {
  /** What all keys and tags begin with. Default `'chat'`. */
  name?: string;
  /** How long sessions are kept. Default 1 h. */
  sessionTtl?: Duration;
  /** How long messages of a session are kept. Default 30 min. */
  messagesTtl?: Duration;
  /** How long the list of a user's sessions is kept. Default 15 min. */
  userSessionsTtl?: Duration;
  /** How long results of a search are kept. Default 5 min. */
  searchTtl?: Duration;
  /** Most messages, sessions or results that can be asked for at once. 1 to 100000, default 1000. */
  maxLimit?: Count;
}

/** A session, as a user sees it: whose it is decides who may read it from the cache. */
export interface SessionRef {
  readonly userId: string;
  readonly sessionId: string;
}

/** A search within the messages of a user. */
export interface ChatSearch {
  readonly userId: string;
  /** Compared as it is, but for white space around it and runs of it within. */
  readonly query: string;
  /** In any order: `{ from, role }` and `{ role, from }` are the same. Default: none. */
  readonly filters?: Readonly<Record<string, KeyPart>>;
  readonly limit: Count;
}

/** What a load of a part of the chat gets, beside the key: what it is to load. */
type LoadPart<T, A> = (of: A, context: Parameters<Loader<T>>[0]) => T | Promise<T>;

/**
 * What a chat shows, cached: sessions, their latest messages, the list of a user's sessions, results of searches. Each
 * user has entries of its own, so that nobody reads what was loaded for another. Writes are run by {@link inSession} and
 * {@link inUser}, which drop what they make out of date; what is loaded meanwhile is not kept.
 */
export class ChatCache {
  readonly #cache: CacheLike<unknown>;
  readonly #name: string;
  readonly #ttl: Readonly<Record<'session' | 'messages' | 'userSessions' | 'search', number>>;
  readonly #maxLimit: Count;
  /** By tag, so that what is read while something of it is written is not kept. */
  readonly #writes = new Writes();

  /** @throws TiercelError naming a wrong option */
  constructor(cache: CacheLike<unknown>, options?: ChatCacheOptions) {
    const given = read<Read<ChatCacheOptions>>(
      options,
      {
        name: text,
        sessionTtl: duration,
        messagesTtl: duration,
        userSessionsTtl: duration,
        searchTtl: duration,
        maxLimit: integer(1, 100_000),
      },
      'options',
    );
    this.#cache = asCache(cache);
    this.#name = given.name ?? 'chat';
    this.#ttl = {
      session: given.sessionTtl ?? 3_600_000,
      messages: given.messagesTtl ?? 1_800_000,
      userSessions: given.userSessionsTtl ?? 900_000,
      search: given.searchTtl ?? 300_000,
    };
    this.#maxLimit = given.maxLimit ?? 1_000;
  }

  /** A session. Rejects with what `load` throws, as all of these; `undefined` is not kept. */
  async session<T>(ref: SessionRef, load: LoadPart<T, SessionRef>): Promise<T> {
    return this.#get(['session', ...partsOf(ref)], this.#tagsOf(ref), this.#ttl.session, ref, load);
  }

  /** The latest messages of a session, at most `limit`. Each limit is an entry of its own: use few. */
  async messages<T>(
    ref: SessionRef,
    limit: Count,
    load: LoadPart<T[], SessionRef & { readonly limit: Count }>,
  ): Promise<T[]> {
    const of = { ...ref, limit: this.#limit(limit) };
    return this.#get(['messages', ...partsOf(ref), limit], this.#tagsOf(ref), this.#ttl.messages, of, load);
  }

  /** The list of a user's sessions, at most `limit`. */
  async userSessions<T>(
    userId: string,
    limit: Count,
    load: LoadPart<T[], { readonly userId: string; readonly limit: Count }>,
  ): Promise<T[]> {
    const of = { userId: asId(userId, 'userId'), limit: this.#limit(limit) };
    return this.#get(
      ['user sessions', userId, limit],
      [this.#userTag(userId), this.#listTag(userId)],
      this.#ttl.userSessions,
      of,
      load,
    );
  }

  /** Results of a search. Gone with whatever is written of the user. */
  async search<T>(search: ChatSearch, load: LoadPart<T[], Required<ChatSearch>>): Promise<T[]> {
    const { userId, filters = {} } = asObject(search, 'search', '{ userId, query, filters, limit }');
    if (typeof search.query !== 'string') throw invalidArgument('query', search.query, 'a string');
    const query = search.query.trim().replace(/\s+/g, ' ');
    const of = { userId: asId(userId, 'userId'), query, filters, limit: this.#limit(search.limit) };
    return this.#get(
      ['search', userId, { query, filters, limit: of.limit }],
      [this.#userTag(userId), this.#listTag(userId)],
      this.#ttl.search,
      of,
      load,
    );
  }

  /**
   * Runs a write within a session, a new message for instance, and drops the session, its messages, and the lists and
   * searches of the user, which show it.
   * @returns what `write` returns; rejects with what it throws
   */
  async inSession<T>(ref: SessionRef, write: () => T | Promise<T>): Promise<T> {
    partsOf(ref);
    return this.#write([this.#sessionTag(ref.sessionId), this.#listTag(ref.userId)], write);
  }

  /** Runs a write that concerns all that a user has, and drops all of it. As {@link inSession}. */
  async inUser<T>(userId: string, write: () => T | Promise<T>): Promise<T> {
    return this.#write([this.#userTag(asId(userId, 'userId'))], write);
  }

  /** Drops a session and its messages, for all users, and the lists and searches of this one. */
  async invalidateSession(ref: SessionRef): Promise<void> {
    return this.inSession(ref, () => undefined);
  }

  /** Drops all that is cached of a user: sessions, messages, lists, searches. */
  async invalidateUser(userId: string): Promise<void> {
    return this.inUser(userId, () => undefined);
  }

  async #get<T, A>(parts: readonly KeyPart[], tags: string[], ttl: number, of: A, load: LoadPart<T, A>): Promise<T> {
    if (typeof load !== 'function') throw invalidArgument('load', load, 'a function');
    const loader = this.#writes.guard<unknown>(tags, (context) => load(of, context as Parameters<Loader<T>>[0]));
    // As one array, so that no part is left out or mixed up with another.
    const key = buildKey(this.#name, parts);
    return this.#cache.getOrSet(key, loader, { ttl, tags }) as Promise<T>;
  }

  async #write<T>(tags: readonly string[], write: () => T | Promise<T>): Promise<T> {
    if (typeof write !== 'function') throw invalidArgument('write', write, 'a function');
    return this.#writes.runAndDrop(tags, write, async () => this.#cache.invalidateTags(...tags));
  }

  #tagsOf({ userId, sessionId }: SessionRef): string[] {
    return [this.#userTag(userId), this.#sessionTag(sessionId)];
  }

  #userTag(userId: string): string {
    return buildKey(this.#name, 'user', userId);
  }

  #sessionTag(sessionId: string): string {
    return buildKey(this.#name, 'session', sessionId);
  }

  /** On what shows many sessions of a user, and is out of date when one of them changes. */
  #listTag(userId: string): string {
    return buildKey(this.#name, 'lists', userId);
  }

  #limit(limit: unknown): Count {
    if (typeof limit === 'number' && Number.isInteger(limit) && limit >= 1 && limit <= this.#maxLimit) return limit;
    throw invalidArgument('limit', limit, `a whole number from 1 to ${this.#maxLimit}`);
  }
}

function partsOf(ref: SessionRef): [string, string] {
  const { userId, sessionId } = asObject(ref, 'ref', '{ userId, sessionId }');
  return [asId(userId, 'userId'), asId(sessionId, 'sessionId')];
}

function asObject<T>(value: T, name: string, accepted: string): T {
  if (typeof value === 'object' && value !== null) return value;
  throw invalidArgument(name, value, accepted);
}

function asId(id: unknown, name: string): string {
  if (typeof id === 'string' && id !== '') return id;
  throw invalidArgument(name, id, 'a string that is not empty');
}
