import { type CacheLike, MemoryCache } from 'tiercel';

// biome-ignore lint/suspicious/noExplicitAny: it stands for callbacks of every type.
export type Callback = (...args: any[]) => any;

export interface Opened {
  /** Does what calls the callback, on the same keys each time. */
  run(): unknown;
  readonly caches: readonly (MemoryCache | CacheLike)[];
}

export interface Row {
  /** What the callback returns when it does as it should. */
  readonly good: unknown;
  open(callback: Callback): Opened | Promise<Opened>;
  /** Its result is taken as it is: a promise is a wrong one, whose rejection is the caller's own. */
  readonly sync?: boolean;
  /** Why what never settles is in the way of the next call, even after all was invalidated. */
  readonly blocks?: string;
}

export const memory = () => MemoryCache.createSync<unknown>();

/** A row of something on one cache. */
export const on = (
  good: unknown,
  make: (cache: MemoryCache, callback: Callback) => () => unknown,
  more?: Partial<Row>,
): Row => ({
  good,
  open: (callback) => {
    const cache = memory();
    return { run: make(cache, callback), caches: [cache] };
  },
  ...more,
});
export const SYNC = { sync: true };
export const forced = { forceRefresh: true };
