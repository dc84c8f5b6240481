/**
 * What a shared cache may keep (RFC 9111), decided so that doubt means "no": a field that cannot be parsed
 * is taken as one that forbids.
 */

/** Statuses whose responses are kept. Errors are not: a cache should not make an outage longer. */
const STORED_STATUSES = new Set([200, 203, 300, 301, 308]);

/** The cache takes 64 tags an entry, one of which is its URL. */
const MAX_TAGS = 63;
const MAX_TAG_LENGTH = 1024;

/**
 * @typedef {object} Limits
 * @property {number} ttl Milliseconds a response stays fresh if the origin does not say.
 * @property {number} stale Longest time, in milliseconds, that a response is served past that.
 */

/**
 * @typedef {object} Verdict
 * @property {boolean} shareable Other clients may see the response.
 * @property {boolean} storable It may also be kept.
 * @property {number} ttl Milliseconds it stays fresh.
 * @property {number} stale Milliseconds it may be served past that.
 * @property {string[]} tags Names by which it can be invalidated.
 */

/** @type {Verdict} */
const FORBIDDEN = { shareable: false, storable: false, ttl: 0, stale: 0, tags: [] };

/**
 * Whether a GET or HEAD may be answered from a cache that many clients share. One that carries credentials,
 * asks for a part or another protocol, or forbids storing goes to the origin as it is.
 *
 * @param {Headers} headers
 */
export function mayUseCache(headers) {
  for (const name of ['authorization', 'cookie', 'range', 'upgrade']) if (headers.has(name)) return false;
  const directives = parseCacheControl(headers.get('cache-control'));
  return directives !== undefined && !directives.has('no-store');
}

/**
 * @param {Response} response The origin's answer to a request that {@link mayUseCache}.
 * @param {object} context
 * @param {readonly string[]} context.keyedHeaders Request header fields that are part of the key.
 * @param {Limits} context.limits
 * @returns {Verdict}
 */
export function judge(response, { keyedHeaders, limits }) {
  const { headers, status } = response;
  const directives = parseCacheControl(headers.get('cache-control'));
  if (directives === undefined || headers.has('set-cookie')) return FORBIDDEN;
  for (const name of ['private', 'no-store', 'no-cache']) if (directives.has(name)) return FORBIDDEN;
  for (const name of list(headers.get('vary'))) {
    // The runtime negotiates the coding with the origin and with the client by itself.
    const field = name.toLowerCase();
    if (field !== 'accept-encoding' && !keyedHeaders.includes(field)) return FORBIDDEN;
  }
  const tags = [...new Set(list(headers.get('cache-tag')))];
  // Kept without one of its tags, it could not be invalidated by that.
  if (tags.length > MAX_TAGS || tags.some((tag) => tag.length > MAX_TAG_LENGTH)) return FORBIDDEN;

  const age = headers.get('age');
  const ttl =
    freshness(headers, directives, limits) - 1000 * (age === null ? 0 : (seconds(age) ?? Number.POSITIVE_INFINITY));
  const storable = ttl > 0 && STORED_STATUSES.has(status);
  return { shareable: true, storable, ttl, stale: staleness(directives, limits), tags };
}

/**
 * Milliseconds from the origin's sending to the end of freshness (RFC 9111, section 4.2.1).
 *
 * @param {Headers} headers
 * @param {Map<string, string>} directives
 * @param {Limits} limits
 */
function freshness(headers, directives, limits) {
  for (const name of ['s-maxage', 'max-age']) {
    if (directives.has(name)) return 1000 * (seconds(directives.get(name)) ?? 0);
  }
  const expires = headers.get('expires');
  if (expires === null) return limits.ttl;
  const sent = Date.parse(headers.get('date') ?? '');
  const left = Date.parse(expires) - (Number.isNaN(sent) ? Date.now() : sent);
  return Number.isNaN(left) ? 0 : left;
}

/**
 * The origin may shorten the stale time or forbid it (RFC 9111, section 4.2.4; RFC 5861).
 *
 * @param {Map<string, string>} directives
 * @param {Limits} limits
 */
function staleness(directives, limits) {
  if (directives.has('must-revalidate') || directives.has('proxy-revalidate')) return 0;
  if (directives.has('stale-while-revalidate')) {
    return Math.min(limits.stale, 1000 * (seconds(directives.get('stale-while-revalidate')) ?? 0));
  }
  return directives.has('s-maxage') ? 0 : limits.stale;
}

// One element of the list and the comma after it. No two repetitions meet, so a hostile field costs linear time.
const DIRECTIVE =
  /[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:=(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)|"((?:[^"\\]|\\.)*)"))?[ \t]*)?(?:,|$)/y;

/**
 * The directives of a Cache-Control field by their names in lower case; those without an argument have ''.
 *
 * @param {string | null} field
 * @returns {Map<string, string> | undefined} Undefined if it is not well-formed or contradicts itself.
 */
export function parseCacheControl(field) {
  const directives = new Map();
  if (field === null) return directives;
  DIRECTIVE.lastIndex = 0;
  while (DIRECTIVE.lastIndex < field.length) {
    const match = DIRECTIVE.exec(field);
    if (match === null) return undefined;
    const name = match[1]?.toLowerCase();
    if (name === undefined) continue;
    const argument = match[2] ?? match[3] ?? '';
    if (directives.has(name) && directives.get(name) !== argument) return undefined;
    directives.set(name, argument);
  }
  return directives;
}

/** @param {string | null} field A comma-separated list of names. */
function list(field) {
  return (field ?? '').split(',').flatMap((item) => item.trim() || []);
}

/**
 * @param {string | null | undefined} text Delta seconds (RFC 9111, section 1.2.2).
 * @returns {number | undefined} Undefined if it is not a whole number.
 */
function seconds(text) {
  return text && /^\d+$/.test(text) ? Math.min(Number(text), 2 ** 31) : undefined;
}
