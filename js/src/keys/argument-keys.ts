import { escapePart, joined, textOf } from './build-key.js';
import { fingerprint } from './fingerprint.js';

/** Texts that could be those of another kind of value. */
const MISTAKABLE = /^(?:-?\d.*|'.*|-?Infinity|NaN|true|false|null|undefined|)$/s;

/**
 * A key of a list of arguments that tells different lists apart: primitives are written out, objects are `#` and their
 * {@link fingerprint}.
 * @param typed 1 and `'1'` are different
 */
export function argumentsKey(first: string | undefined, args: readonly unknown[], typed: boolean): string {
  const parts = first === undefined ? [] : [escapePart(first)];
  for (let i = 0; i < args.length; i++) parts.push(argumentPart(args[i], typed, `args[${i}]`));
  return joined(parts);
}

function argumentPart(value: unknown, typed: boolean, place: string): string {
  if (value === undefined || value === null) return String(value);
  if (typeof value === 'object') return `#${fingerprint(value)}`;
  if (typeof value !== 'number') return escapePart(typed ? typedText(value, place) : textOf(value, place));
  return Object.is(value, -0) ? '-0' : String(value);
}

/** The text of a primitive, with quotes if it is a string that could be taken for another kind. */
export function typedText(value: unknown, place: string): string {
  const text = textOf(value, place);
  if (typeof value === 'bigint') return `${text}n`;
  return typeof value === 'string' && MISTAKABLE.test(text) ? `'${text}'` : text;
}
