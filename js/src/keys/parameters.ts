import type { Path } from './template.js';

const NAME = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;

/**
 * What the parameters of a function are called in its source, and where their values are in its arguments: `userId` of
 * `(userId, page = 1)` is the first, `id` of `({ id, name: label })` the member `id` of the first. Nested patterns and
 * rest parameters have no name. Of a function whose source cannot be read there are none; a minifier changes them.
 */
export function parameterNames(fn: (...args: never[]) => unknown): Map<string, Path> {
  const names = new Map<string, Path>();
  for (const [i, parameter] of split(parameterList(Function.prototype.toString.call(fn))).entries()) {
    if (parameter.startsWith('{') && endOf(parameter, 0) > 0) {
      for (const member of split(parameter.slice(1, endOf(parameter, 0) - 1))) {
        const [key, binding = key] =
          member
            .split(/=(?!>)/, 1)[0]
            ?.split(':')
            .map((name) => name.trim()) ?? [];
        if (key !== undefined && binding !== undefined && NAME.test(key) && NAME.test(binding))
          names.set(binding, [String(i), key]);
      }
      continue;
    }
    const name = parameter.split('=', 1)[0]?.trim() ?? '';
    if (NAME.test(name)) names.set(name, [String(i)]);
  }
  return names;
}

/** What is between the parentheses of the source of a function. */
function parameterList(source: string): string {
  const text = withoutComments(source);
  const single = /^(?:async\s+)?([^\s(=]+)\s*=>/.exec(text)?.[1];
  if (single !== undefined) return single;
  for (let i = 0; i < text.length; i++) {
    const end = endOf(text, i);
    if (text[i] === '(') return text.slice(i + 1, end - 1);
    // A computed name, or one in quotes.
    if (end > i + 1) i = end - 1;
  }
  return '';
}

/** The parts between commas that are in no brackets and no quotes. */
function split(text: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === ',') {
      parts.push(text.slice(start, i).trim());
      start = i + 1;
    } else i = Math.max(i, endOf(text, i) - 1);
  }
  const last = text.slice(start).trim();
  return last === '' ? parts : [...parts, last];
}

const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/** Behind what begins at `at`: brackets with what is in them, a text in quotes, or a single character. */
function endOf(text: string, at: number): number {
  const first = text[at] as string;
  if (first === '"' || first === "'" || first === '`') {
    for (let i = at + 1; i < text.length; i++) {
      if (text[i] === '\\') i++;
      else if (text[i] === first) return i + 1;
    }
    return text.length;
  }
  const closing = CLOSING[first];
  if (closing === undefined) return at + 1;
  for (let i = at + 1; i < text.length; i = endOf(text, i)) if (text[i] === closing) return i + 1;
  return text.length;
}

/** Comments as blanks; what only looks like one, in quotes, stays. */
function withoutComments(source: string): string {
  return source.replace(
    /(["'`])(?:\\.|(?!\1)[^\\])*\1|\/\/[^\n]*|\/\*[\s\S]*?\*\//g,
    (found, quote: string | undefined) => (quote === undefined ? ' ' : found),
  );
}
