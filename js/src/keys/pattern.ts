import { asPattern } from '../memory/arguments.js';

/** Matches whatever means something in a pattern. */
const SPECIAL = /[*?[\]\\]/g;

/**
 * A pattern, for {@link MemoryCache.invalidatePattern}, that matches just this text: put it around what comes from
 * users. Not needed for what {@link buildKey} returned, which is the same in a pattern as elsewhere.
 */
export function escapePattern(text: string): string {
  return asPattern(text).replace(SPECIAL, '\\$&');
}

/** A pattern taken apart, as far as there is a simpler way to the same end. */
export interface ParsedPattern {
  /** `'key'`: matches just `text`. `'prefix'`: whatever begins with it. `'pattern'`: neither, and `text` is the pattern. */
  readonly kind: 'key' | 'prefix' | 'pattern';
  readonly text: string;
}

/** A single key or prefix can be longer than a pattern, and needs no comparing with other keys. */
export function parsePattern(pattern: string): ParsedPattern {
  const literal = pattern.endsWith('*') && !isEscaped(pattern, pattern.length - 1) ? pattern.slice(0, -1) : pattern;
  if (/(?<!\\)(?:\\\\)*[*?[]/.test(literal)) return { kind: 'pattern', text: pattern };
  const text = literal.replace(/\\(.)/gs, '$1');
  return { kind: literal === pattern ? 'key' : 'prefix', text };
}

/** Whether an odd number of backslashes comes before. */
function isEscaped(pattern: string, at: number): boolean {
  let count = 0;
  while (pattern[at - 1 - count] === '\\') count++;
  return count % 2 === 1;
}
