import { invalidArgument } from '../errors.js';

/** As of patterns of the core. */
const LONGEST = 256;
const MOST_STARS = 8;

type Step =
  | '*'
  | '?'
  | { readonly literal: string }
  | { readonly ranges: readonly (readonly [string, string])[]; readonly not: boolean };

/**
 * A function that tells whether a key matches a glob, which means what it means for `invalidatePattern`: `*` is any text,
 * `?` any character, `[abc]`, `[a-z]` and `[^a]` one of a set, `\` makes the next character itself.
 *
 * It remembers the last `*` only, so that a match takes at most length x stars steps: the first place where what follows
 * a star matches is as good as any later one.
 */
export function keyPattern(pattern: unknown): (key: string) => boolean {
  if (typeof pattern !== 'string') throw invalidArgument('pattern', pattern, 'a glob such as "user:*"');
  const steps = parse(pattern);
  if (pattern.length > LONGEST || steps.filter((step) => step === '*').length > MOST_STARS)
    throw invalidArgument('pattern', pattern, `a glob of at most ${LONGEST} characters with ${MOST_STARS} "*"`);
  return (key) => matches(steps, key);
}

function matches(steps: readonly Step[], key: string): boolean {
  let step = 0;
  let star = -1;
  let retry = 0;
  for (let at = 0; at < key.length; ) {
    if (steps[step] === '*') {
      star = step++;
      retry = at;
    } else if (isOne(steps[step], key[at] as string)) {
      step++;
      at++;
    } else if (star >= 0) {
      step = star + 1;
      at = ++retry;
    } else return false;
  }
  while (steps[step] === '*') step++;
  return step === steps.length;
}

function isOne(step: Step | undefined, character: string): boolean {
  if (step === undefined || step === '*') return false;
  if (step === '?') return true;
  if ('literal' in step) return step.literal === character;
  return step.ranges.some(([from, to]) => from <= character && character <= to) !== step.not;
}

function parse(pattern: string): Step[] {
  const steps: Step[] = [];
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i] as string;
    if (character === '*') {
      // Several in a row are one.
      if (steps.at(-1) !== '*') steps.push('*');
    } else if (character === '?') steps.push('?');
    else if (character === '[') {
      const [set, end] = parseSet(pattern, i + 1);
      steps.push(set);
      i = end;
    } else {
      // A backslash at the end is itself.
      const literal = character === '\\' && i + 1 < pattern.length ? (pattern[++i] as string) : character;
      steps.push({ literal });
    }
  }
  return steps;
}

/** A set from after its bracket on, and where it ends; one that is not closed ends with the pattern. */
function parseSet(pattern: string, begin: number): [Step, number] {
  const ranges: [string, string][] = [];
  const not = pattern[begin] === '^';
  let i = not ? begin + 1 : begin;
  for (; i < pattern.length && pattern[i] !== ']'; i++) {
    let from = pattern[i] as string;
    let to = from;
    if (from === '\\' && i + 1 < pattern.length) {
      from = to = pattern[++i] as string;
    } else if (pattern[i + 1] === '-' && i + 2 < pattern.length) {
      i += 2;
      to = pattern[i] as string;
    }
    ranges.push(from <= to ? [from, to] : [to, from]);
  }
  return [{ ranges, not }, i];
}
