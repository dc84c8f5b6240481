/**
 * One member of a `Cache-Status` field (RFC 9211). `hit` and `fwd` exclude each other: either the cache
 * answered, be it with a stale response, or the request went forward.
 *
 * @typedef {object} CacheStatus
 * @property {true} [hit] The cache answered by itself.
 * @property {'bypass' | 'method' | 'uri-miss' | 'stale'} [fwd] Why the request went to the origin.
 * @property {boolean | undefined} [stored] The response is in the cache now.
 * @property {boolean | undefined} [collapsed] The request joined another one's; false: in vain, it had to go by itself.
 * @property {number} [ttl] Milliseconds the response stays fresh, negative once it is stale.
 * @property {'HIT' | 'MISS' | 'STALE' | 'EXPIRED' | 'BYPASS' | 'ERROR'} detail The same in one word, for people.
 */

/** @param {CacheStatus} status */
export function formatCacheStatus({ hit, fwd, stored, collapsed, ttl, detail }) {
  const parameters = ['tiercel'];
  if (hit) parameters.push('hit');
  if (fwd) parameters.push(`fwd=${fwd}`);
  if (stored) parameters.push('stored');
  if (collapsed !== undefined) parameters.push(collapsed ? 'collapsed' : 'collapsed=?0');
  // Rounded down: what has been stale for a tenth of a second is not fresh any more. 15 digits are RFC 8941's limit.
  if (ttl !== undefined && Number.isFinite(ttl)) parameters.push(`ttl=${Math.floor(ttl / 1000)}`);
  parameters.push(`detail=${detail}`);
  return parameters.join('; ');
}
