/**
 * `POST /__invalidate?tag=a&tag=b` with `Authorization: Bearer TOKEN`: the entries with any of the tags, and
 * loads that are on their way to becoming such, are not served any more. Tags are those of the origin's
 * `Cache-Tag` field, and the path with its query.
 *
 * @param {Request} request
 * @param {string | undefined} token Without one, nothing can be invalidated.
 * @param {{ invalidateTags(...tags: string[]): number }} cache
 * @returns {Promise<Response>}
 */
export async function invalidate(request, token, cache) {
  if (!token) return reply(404, { error: 'Invalidation is off: INVALIDATE_TOKEN is not set.' });
  if (request.method !== 'POST') return reply(405, { error: 'Use POST.' }, { allow: 'POST' });
  if (!(await same(request.headers.get('authorization') ?? '', `Bearer ${token}`))) {
    return reply(401, { error: 'A bearer token is needed.' }, { 'www-authenticate': 'Bearer' });
  }
  const tags = new URL(request.url).searchParams.getAll('tag').filter((tag) => tag !== '');
  if (tags.length === 0) return reply(400, { error: 'Name at least one tag: ?tag=' });
  return reply(200, { removed: cache.invalidateTags(...tags) });
}

/**
 * Compares digests, so that the time taken tells nothing of how much of a guess was right.
 *
 * @param {string} a
 * @param {string} b
 */
async function same(a, b) {
  const encoder = new TextEncoder();
  const [x, y] = await Promise.all([a, b].map((text) => crypto.subtle.digest('SHA-256', encoder.encode(text))));
  const left = new Uint8Array(/** @type {ArrayBuffer} */ (x));
  const right = new Uint8Array(/** @type {ArrayBuffer} */ (y));
  return left.reduce((difference, byte, i) => difference | (byte ^ /** @type {number} */ (right[i])), 0) === 0;
}

/**
 * @param {number} status
 * @param {object} body
 * @param {Record<string, string>} [headers]
 */
function reply(status, body, headers) {
  return Response.json(body, { status, headers: { 'cache-control': 'no-store', ...headers } });
}
