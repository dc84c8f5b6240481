import type { Milliseconds } from '../duration.js';
import { Turns } from '../turns.js';
import type { Store } from './store.js';

/** How long a token that is being stored keeps others of its scope from it. */
const LONGEST_PUT: Milliseconds = 10_000;
/** Most scopes whose token is remembered because it was renewed here. */
const MOST_OWN = 1024;
const TOKEN = /^[\da-f-]{36}$/;
/** What a scope has that was never invalidated, where nothing is ever lost. */
const NONE = '-';

export interface TokenOptions {
  /** How long a token is kept: for longer than all that was checked against the one before. */
  readonly life: Milliseconds;
  /**
   * Whether the store loses nothing. Then a scope needs no token before it is invalidated; otherwise each has one from its
   * first use, and to lose that is to invalidate it.
   */
  readonly isLossless: boolean;
  /** How long after a token was renewed the store may still have the one before. */
  readonly lag: Milliseconds;
}

/** Tokens as of a moment; undefined if nobody can say. */
export type TokensOf = ReadonlyMap<string, string | undefined>;

/**
 * Of each scope a token: a text that is another one whenever something in the scope is invalidated, and never the same
 * again. So a value is right as long as the tokens that it was loaded under are still those of its scopes.
 */
export class Tokens {
  readonly #store: Store;
  readonly #options: TokenOptions;
  /** Tokens that were renewed here lately, the oldest first. */
  readonly #own = new Map<string, { readonly token: string; readonly until: Milliseconds }>();
  /** Of each scope with puts that have not ended. */
  readonly #puts = new Map<string, { readonly turns: Turns; count: number }>();

  constructor(store: Store, options: TokenOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** @param makes whether a scope that has no token gets one; or, where it is not clear, the last that was made here */
  async current(scopes: Iterable<string>, makes: boolean): Promise<TokensOf> {
    return new Map(
      await Promise.all(
        [...scopes].map(async (scope): Promise<[string, string | undefined]> => [scope, await this.#one(scope, makes)]),
      ),
    );
  }

  /** Makes all that was loaded in a scope wrong; resolves with its new token when that is stored. Those of one scope in order. */
  renew(scope: string): Promise<string> {
    const token = crypto.randomUUID();
    const { lag } = this.#options;
    if (lag > 0) {
      this.#own.delete(scope);
      this.#own.set(scope, { token, until: performance.now() + lag });
      if (this.#own.size > MOST_OWN) this.#own.delete(this.#own.keys().next().value as string);
    }
    return this.#put(scope, token);
  }

  async #one(scope: string, makes: boolean): Promise<string | undefined> {
    const token = await this.#stored(scope);
    const own = this.#own.get(scope);
    if (own !== undefined && performance.now() < own.until) {
      // Either the store is behind, or another was renewed elsewhere since: nobody can tell, so nothing is right.
      if (token !== own.token) return makes ? own.token : undefined;
      // From now on whatever else it has is newer.
      this.#own.delete(scope);
    }
    if (token !== undefined || !makes) return token;
    // Of several that want one here, one makes it.
    const puts = this.#puts.get(scope);
    await puts?.turns.pass();
    const made = puts === undefined ? undefined : await this.#stored(scope);
    // It is there before anybody has it: so what invalidates the scope from then on replaces it.
    return made ?? this.renew(scope);
  }

  /** Undefined if it is lost, or something else is in its place. */
  async #stored(scope: string): Promise<string | undefined> {
    const bytes = await this.#store.get(scope);
    if (bytes === undefined) return this.#options.isLossless ? NONE : undefined;
    const text = new TextDecoder().decode(bytes);
    return TOKEN.test(text) ? text : undefined;
  }

  /** One that arrives late would undo those after it. */
  async #put(scope: string, token: string): Promise<string> {
    const puts = this.#puts.get(scope) ?? { turns: new Turns(), count: 0 };
    this.#puts.set(scope, puts);
    puts.count++;
    try {
      const end = await puts.turns.take((now) => now + LONGEST_PUT);
      try {
        await this.#store.put(scope, new TextEncoder().encode(token), this.#options.life);
      } finally {
        end();
      }
      return token;
    } finally {
      if (--puts.count === 0) this.#puts.delete(scope);
    }
  }
}
