import { invalidArgument } from '../errors.js';
import { fingerprint } from './fingerprint.js';
import { hashText } from './sha256.js';

/** What a key may be made of. Objects stand for what is in them. */
export type KeyPart = string | number | bigint | boolean | null | undefined | object;

/** Longest key, in characters, that is written out. */
const LONGEST = 200;
/** Of which these are left for whole parts, if the rest is `~` and a hash. */
export const LONGEST_HEAD = LONGEST - 33;
export const SEPARATOR = ':';

/** The separator, and what means something in patterns, placeholders and cluster slots; and what these are escaped by. */
const RESERVED = /[%:*?[\]\\{}]/g;

/**
 * A key of parts, joined by `:`. Parts that are empty (`''`, null, undefined) are left out. In the others the characters
 * `% : * ? [ ] \ { }`, and a `#` or `~` at the beginning, are written as in URLs (`%3A`); so different lists of parts are
 * different keys, and a key is, as a pattern or a part of one, just itself. Numbers and booleans are their texts: 1 and
 * `'1'` are the same part. Objects are `#` and their {@link fingerprint}.
 *
 * A key of more than 200 characters keeps as many of its first parts as leave room for a hash of the rest (`~` and 32
 * characters), so that prefixes go on to match it. O(length).
 *
 * @throws TiercelError `ERR_TIERCEL_INVALID_ARGUMENT` for functions, symbols, NaN and infinite numbers
 */
export function buildKey(...parts: readonly KeyPart[]): string {
  const texts: string[] = [];
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    if (part === '' || part === null || part === undefined) continue;
    texts.push(typeof part === 'object' ? `#${fingerprint(part)}` : escapePart(textOf(part, `parts[${i}]`)));
  }
  return joined(texts);
}

/** A text such that it can be a part of a key, or of a pattern, and mean just itself. */
export function escapePart(text: string): string {
  const escaped = text.replace(RESERVED, percent);
  const first = escaped[0];
  return first === '#' || first === '~' ? percent(first) + escaped.slice(1) : escaped;
}

/** Of one unit below U+0080. */
function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** @throws TiercelError `ERR_TIERCEL_INVALID_ARGUMENT` naming `name`, for what has no text of its own */
export function textOf(value: unknown, name: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  throw invalidArgument(name, value, 'a string, a finite number, a bigint, a boolean');
}

/** As many whole parts as fit, and the hash of all that come after. @param texts escaped */
export function joined(texts: readonly string[]): string {
  const key = texts.join(SEPARATOR);
  if (key.length <= LONGEST) return key;
  let head = '';
  let i = 0;
  for (; i < texts.length; i++) {
    const next = `${head}${texts[i]}${SEPARATOR}`;
    if (next.length > LONGEST_HEAD) break;
    head = next;
  }
  return `${head}~${hashText(texts.slice(i).join(SEPARATOR))}`;
}
