import { describe, invalidArgument, TiercelError } from '../errors.js';
import { typedText } from './argument-keys.js';
import { escapePart, LONGEST_HEAD, SEPARATOR, shortened, textOf } from './build-key.js';
import { fingerprint } from './fingerprint.js';
import { escapePattern, type ParsedPattern, parsePattern } from './pattern.js';

/** Where in a scope a value is: names of members, one within the other. */
export type Path = readonly string[];

/** What placeholders are filled from. */
export type Scope = Readonly<Record<string, unknown>>;

interface Placeholder {
  readonly name: string;
  readonly path: Path;
}

const PIECE = /\{\{|\}\}|\{([^{}]*)\}|[{}]/g;
const NAME = /^[^\s.{}]+(?:\.[^\s.{}]+)*$/;

/**
 * A text with placeholders: `user:{0}`, `files:{userId}:*`, `tenant:{this.tenant.id}`. `{{` and `}}` are braces.
 * It is read once, when what uses it is made, so that a placeholder that can never be filled shows there and then.
 */
export class Template {
  readonly text: string;
  /** Of the option or argument, for messages. */
  readonly #name: string;
  readonly #pieces: (string | Placeholder)[] = [];

  /**
   * @param find where the value is that a placeholder's first name stands for; undefined if there is none
   * @param accepted what names there are, for messages
   */
  constructor(text: unknown, name: string, find: (first: string) => Path | undefined, accepted: string) {
    if (typeof text !== 'string') throw invalidArgument(name, text, 'a text such as "user:{0}"');
    this.text = text;
    this.#name = name;
    let end = 0;
    let literal = '';
    for (const match of text.matchAll(PIECE)) {
      literal += text.slice(end, match.index);
      end = match.index + match[0].length;
      if (match[0] === '{{' || match[0] === '}}') {
        literal += match[0][0];
        continue;
      }
      const inner = match[1];
      if (inner === undefined || !NAME.test(inner))
        throw invalidArgument(name, text, 'placeholders such as {0} or {user.id}; {{ and }} for braces');
      const [first, ...rest] = inner.split('.') as [string, ...string[]];
      const path = find(first);
      if (path === undefined)
        throw new TiercelError(
          'ERR_TIERCEL_INVALID_ARGUMENT',
          `${name}: nothing is known as {${first}} in ${JSON.stringify(text)}; accepted: ${accepted}`,
        );
      this.#pieces.push(literal, { name: inner, path: [...path, ...rest] });
      literal = '';
    }
    this.#pieces.push(literal + text.slice(end));
  }

  /** Whether a placeholder is filled from this member of the scope. */
  uses(member: string): boolean {
    return this.#pieces.some((piece) => typeof piece === 'object' && piece.path[0] === member);
  }

  /** Whether what it makes is a single key, and no pattern of several. */
  get isKey(): boolean {
    const literals = this.#pieces.map((piece) => (typeof piece === 'string' ? piece : '-'));
    return parsePattern(literals.join('')).kind === 'key';
  }

  /**
   * Refuses a template of which two lists of values could make one key: a separator, which is escaped in values, has to
   * be between any two.
   */
  refuseAmbiguous(): void {
    for (let i = 2; i < this.#pieces.length - 1; i += 2) {
      if ((this.#pieces[i] as string).includes(SEPARATOR)) continue;
      throw invalidArgument(this.#name, this.text, `a "${SEPARATOR}" between any two placeholders`);
    }
  }

  /** The key; values are written as in {@link buildKey}. @param typed 1 and `'1'` are not to make one key */
  key(scope: Scope, typed = false): string {
    return shortened(this.#fill(scope, (value, place) => escaped(value, place, typed)));
  }

  /** The text with values as they are. */
  plain(scope: Scope): string {
    return this.#fill(scope, textOf);
  }

  /**
   * What to look for to find the keys with these values, be the values as they are in them or written as in
   * {@link buildKey}: one pattern, or two if that makes a difference. No value is more than itself in them.
   * @throws TiercelError `ERR_TIERCEL_LIMIT` if the keys are so long that they end in a hash where the pattern does not
   */
  patterns(scope: Scope, typed = false): ParsedPattern[] {
    const plain = this.#fill(scope, (value, place) =>
      typeof value === 'object' ? escaped(value, place, typed) : escapePattern(text(value, place, typed)),
    );
    const built = this.#fill(scope, (value, place) => escaped(value, place, typed));
    const parsed = parsePattern(built);
    const key = parsed.kind === 'key' ? { ...parsed, text: shortened(parsed.text) } : parsed;
    if (parsed.kind !== 'key' && parsed.text.search(/[*?[]|$/) > LONGEST_HEAD)
      throw new TiercelError(
        'ERR_TIERCEL_LIMIT',
        `${this.#name}: ${describe(built)} begins with more than ${LONGEST_HEAD} characters, which long keys do not spell out; use a tag`,
      );
    const other = parsePattern(plain);
    return other.kind === key.kind && other.text === key.text ? [key] : [other, key];
  }

  #fill(scope: Scope, write: (value: unknown, place: () => string) => string): string {
    let filled = '';
    for (const piece of this.#pieces) {
      if (typeof piece === 'string') {
        filled += piece;
        continue;
      }
      const value = valueAt(scope, piece.path);
      const place = () => `${this.#name}: {${piece.name}}`;
      if (value === undefined || value === null) throw invalidArgument(place(), value, 'a value to put there');
      filled += write(value, place);
    }
    return filled;
  }
}

function valueAt(scope: Scope, path: Path): unknown {
  let value: unknown = scope;
  for (const name of path) {
    if (value === undefined || value === null) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

/** As a part of a key. */
function escaped(value: unknown, place: () => string, typed: boolean): string {
  return typeof value === 'object' ? `#${fingerprint(value)}` : escapePart(text(value, place, typed));
}

function text(value: unknown, place: () => string, typed: boolean): string {
  return typed ? typedText(value, place) : textOf(value, place);
}
