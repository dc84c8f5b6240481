import { type Awaitable, type CacheLike, isThenable } from '../cache-like.js';
import { invalidArgument, TiercelError } from '../errors.js';
import { type ParsedPattern, parsePattern } from '../keys/pattern.js';
import { type Path, type Scope, Template } from '../keys/template.js';

/** A key, or the prefix or pattern of some, or all that have a tag. */
export type Target = ParsedPattern | { readonly kind: 'tag'; readonly text: string };

const TAG = 'tag:';

/** @throws TiercelError `ERR_TIERCEL_INVALID_ARGUMENT` */
export function targetOf(text: unknown, name = 'targets'): Target {
  if (typeof text !== 'string') throw invalidArgument(name, text, 'a key, a pattern, or a tag after "tag:"');
  return text.startsWith(TAG) ? { kind: 'tag', text: text.slice(TAG.length) } : parsePattern(text);
}

/** For {@link TargetTemplates} whose placeholders are members of some object. */
export const memberRoots = [(first: string): Path => [first], 'members of what comes with it'] as const;

/** Templates of keys, patterns and, after `tag:`, tags, which are filled when something is to be invalidated. */
export class TargetTemplates {
  readonly #tags: Template[] = [];
  readonly #patterns: Template[] = [];

  /** @param find, accepted as of {@link Template} */
  constructor(
    templates: readonly unknown[],
    name: string,
    find: (first: string) => Path | undefined,
    accepted: string,
  ) {
    for (const [i, text] of templates.entries()) {
      const place = `${name}[${i}]`;
      if (typeof text !== 'string') throw invalidArgument(place, text, 'a key, a pattern, or a tag after "tag:"');
      if (text.startsWith(TAG)) this.#tags.push(new Template(text.slice(TAG.length), place, find, accepted));
      else this.#patterns.push(new Template(text, place, find, accepted));
    }
  }

  /** Whether all of them are single keys. */
  get areKeys(): boolean {
    return this.#tags.length === 0 && this.#patterns.every((template) => template.isKey);
  }

  /** All of them are filled before anything is invalidated, so that a value that is missing leaves nothing half done. */
  fill(scope: Scope, typed = false): Target[] {
    return [
      ...this.#patterns.flatMap((template) => template.patterns(scope, typed)),
      ...this.#tags.map((template) => ({ kind: 'tag', text: template.plain(scope) }) as const),
    ];
  }
}

/**
 * Invalidates all targets, and makes keys stale. Of a synchronous cache they are gone on return; else a promise is returned, which rejects
 * with the first error after all have been tried.
 */
export function invalidateTargets(
  cache: CacheLike,
  targets: readonly Target[],
  stale: readonly Target[] = [],
): Awaitable<void> {
  const pending: PromiseLike<unknown>[] = [];
  const failures: unknown[] = [];
  const tags = new Set<string>();
  for (const target of targets) {
    if (target.kind === 'tag') tags.add(target.text);
    else attempt(() => invalidateKeys(cache, target), pending, failures);
  }
  for (const { text } of stale) attempt(() => cache.expire(text), pending, failures);
  if (tags.size > 0) attempt(() => cache.invalidateTags(...tags), pending, failures);
  if (pending.length > 0) return settled(pending, failures);
  if (failures.length > 0) throw failures[0];
}

function invalidateKeys(cache: CacheLike, { kind, text }: Exclude<Target, { kind: 'tag' }>): Awaitable<unknown> {
  if (kind === 'key') return cache.delete(text);
  return kind === 'prefix' ? cache.invalidatePrefix(text) : cache.invalidatePattern(text);
}

function attempt(action: () => unknown, pending: PromiseLike<unknown>[], failures: unknown[]): void {
  try {
    const result = action();
    if (isThenable(result)) pending.push(result);
  } catch (e) {
    if (!isOfNoKey(e)) failures.push(e);
  }
}

/** Of a key that is too long to be in the cache there is nothing to invalidate. */
function isOfNoKey(error: unknown): boolean {
  return error instanceof TiercelError && error.code === 'ERR_TIERCEL_KEY_TOO_LONG';
}

async function settled(pending: readonly PromiseLike<unknown>[], failures: unknown[]): Promise<void> {
  for (const result of await Promise.allSettled(pending))
    if (result.status === 'rejected' && !isOfNoKey(result.reason)) failures.push(result.reason);
  if (failures.length > 0) throw failures[0];
}
