import type { Change } from '../tiers/change.js';

/*
 * What things are called in Redis, after the prefix of the tier. Only ASCII, so that a script can compare names without
 * knowing of encodings, and each name is that of one place only, as JSON of the path is. In a Cluster the prefix ends with
 * the hash tag of a shard, which comes before any other braces.
 *
 *   e:{[…path,key]}   string: the entry, see scripts.ts
 *   l:{[…path,key]}   string: the token that leases of the key have; gone once it gets another value
 *   k:{[…path,key]}   string: the token of the key for entries that depend on it
 *   t:{[…path,tag]}   string: the token of a tag
 *   n:{[…path]}       hash: the token of a namespace, and what happened in it lately
 *   b:…               string: changed by a bus again and again, to see that it is told of keys
 *   o                 hash: `c` counts all writes and changes, `e` is a token of the count
 *   x:{[…path,key]}   string: who has the lock
 *   f                 string: the last fencing token of all locks, and the reign of the server that it was granted in
 *   w                 string, in a Cluster: the sign of the server that serves the slot
 */

/** JSON of strings, in ASCII. */
export function asciiJson(strings: string | readonly string[]): string {
  if (typeof strings === 'string' && PLAIN.test(strings)) return `"${strings}"`;
  return JSON.stringify(strings).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Of characters that JSON has as they are. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** Names that each key of a namespace needs, by its path. */
interface Path {
  /** Of an id all but the name. */
  readonly start: string;
  readonly scope: string;
  /** Of the namespace and those above it, its own last. */
  readonly scopes: readonly string[];
}

const paths = new WeakMap<readonly string[], Path>();

export function pathOf(namespace: readonly string[]): Path {
  const known = paths.get(namespace);
  if (known !== undefined) return known;
  const scopes = namespace.map((_, i) => `n:{${asciiJson(namespace.slice(0, i + 1))}}`);
  const json = asciiJson(namespace);
  const path = {
    start: namespace.length === 0 ? '[' : `${json.slice(0, -1)},`,
    scope: `n:{${json}}`,
    scopes,
  };
  paths.set(namespace, path);
  return path;
}

/** What stands between the braces for a key, or a tag, of a namespace. */
export function idOf(namespace: readonly string[], name: string): string {
  return `${pathOf(namespace).start}${asciiJson(name)}]`;
}

export const keyScope = (namespace: readonly string[], key: string) => `k:{${idOf(namespace, key)}}`;
export const tagScope = (namespace: readonly string[], tag: string) => `t:{${idOf(namespace, tag)}}`;
export const namespaceScope = (namespace: readonly string[]) => pathOf(namespace).scope;

/** Of a namespace and those above it, its own last. */
export const namespaceScopes = (namespace: readonly string[]) => pathOf(namespace).scopes;

/** The key that a scope is of, if it is one of a key. */
export function keyOfScope(scope: string): string | undefined {
  if (!scope.startsWith('k:{')) return undefined;
  return (JSON.parse(scope.slice(3, -1)) as string[]).at(-1);
}

/** A change that concerns keys that nobody has a list of: what a namespace remembers of it. */
export type Barrier = Extract<Change, { readonly kind: 'prefix' | 'pattern' }>;

export function barrierText(barrier: Barrier): string {
  return barrier.kind === 'prefix' ? `p${asciiJson(barrier.prefix)}` : `g${asciiJson(barrier.pattern)}`;
}

/** Undefined if it is none. */
export function parseBarrier(text: string): { readonly isPrefix: boolean; readonly text: string } | undefined {
  try {
    const parsed: unknown = JSON.parse(text.slice(1));
    if (typeof parsed === 'string' && /^[pg]/.test(text)) return { isPrefix: text[0] === 'p', text: parsed };
  } catch {
    // Not ours.
  }
  return undefined;
}
