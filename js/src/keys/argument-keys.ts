import { escapePart, SEPARATOR, shortened, textOf } from './build-key.js';
import { fingerprint } from './fingerprint.js';

/** Texts that could be those of another kind of value. */
const MISTAKABLE = /^(?:-?\d.*|'.*|-?Infinity|NaN|true|false|null|undefined|)$/s;

/**
 * A key of a list of arguments that tells different lists apart: primitives are written out, objects are `#` and their
 * {@link fingerprint}.
 * @param typed 1 and `'1'` are different
 */
export function argumentsKey(first: string | undefined, args: readonly unknown[], typed: boolean): string {
  let key = first === undefined ? '' : escapePart(first);
  for (let i = 0; i < args.length; i++) {
    if (i > 0 || first !== undefined) key += SEPARATOR;
    key += argumentPart(args[i], typed, i);
  }
  return shortened(key);
}

function argumentPart(value: unknown, typed: boolean, i: number): string {
  if (value === undefined || value === null) return String(value);
  if (typeof value === 'object') return `#${fingerprint(value)}`;
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  const place = () => `args[${i}]`;
  return escapePart(typed ? typedText(value, place) : textOf(value, place));
}

/** The text of a primitive, with quotes if it is a string that could be taken for another kind. */
export function typedText(value: unknown, place: string | (() => string)): string {
  const text = textOf(value, place);
  if (typeof value === 'bigint') return `${text}n`;
  return typeof value === 'string' && MISTAKABLE.test(text) ? `'${text}'` : text;
}
