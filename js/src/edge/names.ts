import { hashText } from '../keys/sha256.js';
import type { RemotePlace } from '../tiers/remote.js';

/*
 * What things are called, after the prefix of the tier: a letter and a path in JSON, so that each name is that of one
 * place only.
 *
 *   e[…path,key]   the entry
 *   k[…path,key]   the token of a key
 *   t[…path,tag]   the token of a tag
 *   n[…path]       the token of a namespace, which is of those below it as well
 *   b[…path]       the token of its prefixes and patterns: it is not known which keys there are, so a change of some is one
 *                  of all
 */

/** Characters in a URL: with a prefix of 128 it is still a key of KV, which has 512 bytes. */
const LONGEST = 380;

function nameOf(kind: string, path: readonly string[]): string {
  const name = kind + JSON.stringify(path);
  return encodeURIComponent(name).length <= LONGEST ? name : `${kind}#${hashText(name)}`;
}

export const entryName = ({ namespace, key }: RemotePlace) => nameOf('e', [...namespace, key]);
export const keyScope = ({ namespace, key }: RemotePlace) => nameOf('k', [...namespace, key]);
export const tagScope = (namespace: readonly string[], tag: string) => nameOf('t', [...namespace, tag]);
export const namespaceScope = (namespace: readonly string[]) => nameOf('n', namespace);
export const barrierScope = (namespace: readonly string[]) => nameOf('b', namespace);

/** All that may invalidate a value with these tags. */
export function scopesOf(place: RemotePlace, tags: readonly string[]): string[] {
  const { namespace } = place;
  return [
    ...namespace.map((_, i) => namespaceScope(namespace.slice(0, i + 1))),
    barrierScope(namespace),
    keyScope(place),
    ...new Set(tags.map((tag) => tagScope(namespace, tag))),
  ];
}
