/**
 * Something that makes values wrong, as the tiers and the bus pass it on. A namespace is a path, beginning with the
 * name of the cache; two different paths are never the same one, however their parts would join.
 */
export type Change =
  | {
      /** `delete`: the key is gone. `set`: it has another value now. `expire`: what is there is stale. */
      readonly kind: 'delete' | 'set' | 'expire';
      readonly namespace: readonly string[];
      readonly key: string;
    }
  | { readonly kind: 'tags'; readonly namespace: readonly string[]; readonly tags: readonly string[] }
  /** Keys of the namespace itself that begin so, or that match a glob. */
  | { readonly kind: 'prefix'; readonly namespace: readonly string[]; readonly prefix: string }
  | { readonly kind: 'pattern'; readonly namespace: readonly string[]; readonly pattern: string }
  /** Everything in the namespace and in those below it. */
  | { readonly kind: 'clear'; readonly namespace: readonly string[] };

/** One string for a place: the same for two places exactly if they are the same. */
export function placeId(namespace: readonly string[], key: string): string {
  return JSON.stringify([...namespace, key]);
}

/** Checks what came from outside. */
export function isChange(value: unknown): value is Change {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, namespace, key, tags, prefix, pattern } = value as Record<string, unknown>;
  if (!isStrings(namespace)) return false;
  switch (kind) {
    case 'delete':
    case 'set':
    case 'expire':
      return typeof key === 'string';
    case 'tags':
      return isStrings(tags);
    case 'prefix':
      return typeof prefix === 'string';
    case 'pattern':
      return typeof pattern === 'string';
    default:
      return kind === 'clear';
  }
}

export function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
