import { invalidArgument } from '../errors.js';
import { fingerprint } from './fingerprint.js';
import { hashText } from './sha256.js';

/** What a key may be made of. Objects stand for what is in them. */
export type KeyPart = string | number | bigint | boolean | null | undefined | object;

/** Longest key, in characters, that is written out. */
const LONGEST = 200;
/** Of which these are left for whole parts, if the rest is `~` and a hash of 32 characters. */
export const LONGEST_HEAD = 167;
export const SEPARATOR = ':';

/** The separator, and what means something in patterns, placeholders and cluster slots; and what these are escaped by. */
const RESERVED = /[%:*?[\]\\{}]/g;
/** Whether anything is to be escaped: most parts have nothing, and to see that is cheaper than to replace it. */
const UNSAFE = /[%:*?[\]\\{}]|^[#~]/;

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
  let key = '';
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    if (part === '' || part === null || part === undefined) continue;
    if (key !== '') key += SEPARATOR;
    key += typeof part === 'object' ? `#${fingerprint(part)}` : escapePart(textOf(part, () => `parts[${i}]`));
  }
  return shortened(key);
}

/** A text such that it can be a part of a key, or of a pattern, and mean just itself. */
export function escapePart(text: string): string {
  if (!UNSAFE.test(text)) return text;
  const escaped = text.replace(RESERVED, percent);
  const first = escaped[0];
  return first === '#' || first === '~' ? percent(first) + escaped.slice(1) : escaped;
}

/** Of one unit below U+0080. */
function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** @throws TiercelError `ERR_TIERCEL_INVALID_ARGUMENT` naming `name`, for what has no text of its own */
export function textOf(value: unknown, name: string | (() => string)): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  const place = typeof name === 'string' ? name : name();
  throw invalidArgument(place, value, 'a string, a finite number, a bigint, a boolean');
}

/** A key that is not too long: its parts, as many as fit, and the hash of all that come after. */
export function shortened(key: string): string {
  if (key.length <= LONGEST) return key;
  const parts = key.split(SEPARATOR);
  let head = '';
  let i = 0;
  for (; i < parts.length; i++) {
    const next = `${head}${parts[i]}${SEPARATOR}`;
    if (next.length > LONGEST_HEAD) break;
    head = next;
  }
  return `${head}~${hashText(parts.slice(i).join(SEPARATOR))}`;
}
