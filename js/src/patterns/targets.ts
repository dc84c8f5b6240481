import type { CacheLike } from '../cache-like.js';

/** What else is out of date when something was written. */
export interface Targets {
  readonly keys?: readonly string[];
  readonly tags?: readonly string[];
  readonly prefixes?: readonly string[];
  /** Globs, as `invalidatePattern` takes them. */
  readonly patterns?: readonly string[];
}

/** Invalidates all of them, those that come after one that fails too; rejects with the first failure. */
export async function invalidateTargets(cache: CacheLike, targets: Targets): Promise<void> {
  const { keys = [], tags = [], prefixes = [], patterns = [] } = targets;
  await settleAll([
    ...(keys.length > 0 ? [async () => cache.deleteMany(keys)] : []),
    ...(tags.length > 0 ? [async () => cache.invalidateTags(...tags)] : []),
    ...prefixes.map((prefix) => async () => cache.invalidatePrefix(prefix)),
    ...patterns.map((pattern) => async () => cache.invalidatePattern(pattern)),
  ]);
}

async function settleAll(actions: readonly (() => Promise<unknown>)[]): Promise<void> {
  const results = await Promise.allSettled(actions.map((action) => action()));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
