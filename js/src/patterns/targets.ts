import type { CacheLike } from '../cache-like.js';
import { invalidateTargets, targetOf } from '../invalidation/targets.js';
import { listOf } from '../memory/arguments.js';

/**
 * What else is out of date when something was written: keys, patterns of keys as `invalidatePattern` takes them, and
 * tags, with `tag:` before them.
 */
export type Targets = Iterable<string>;

/** Invalidates all of them, those that come after one that fails too; rejects with the first failure. */
export async function invalidateAll(cache: CacheLike, targets: Targets, name: string): Promise<void> {
  await invalidateTargets(
    cache,
    listOf(targets, name).map((target) => targetOf(target, name)),
  );
}
