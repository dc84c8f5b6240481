/**
 * Whether a client that sent this If-None-Match has what the entity tag stands for (RFC 9110, 13.1.2). The
 * comparison is weak: a `W/` before a tag makes no difference.
 *
 * @param {string | undefined} ifNoneMatch
 * @param {string} etag Strong.
 */
export function isNotModified(ifNoneMatch, etag) {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === '*') return true;
  return ifNoneMatch.match(/"[\x21\x23-\x7e\x80-\xff]*"/g)?.includes(etag) ?? false;
}
