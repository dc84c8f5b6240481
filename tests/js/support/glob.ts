/** Whether a text matches a glob without sets: the plainest matcher there is, which tries everything. */
export function matchesPlainly(pattern: string, text: string): boolean {
  if (pattern === '') return text === '';
  const [head, rest] = [pattern[0] as string, pattern.slice(1)];
  if (head === '*') return matchesPlainly(rest, text) || (text !== '' && matchesPlainly(pattern, text.slice(1)));
  if (text === '') return false;
  if (head === '?') return matchesPlainly(rest, text.slice(1));
  if (head === '\\' && rest !== '') return rest[0] === text[0] && matchesPlainly(rest.slice(1), text.slice(1));
  return head === text[0] && matchesPlainly(rest, text.slice(1));
}
