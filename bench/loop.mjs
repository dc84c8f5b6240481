// The loops that are timed. Each cache has a copy of its own: V8 compiles a function for the objects that it has met,
// and a loop that has met all caches would be slower for each of them.

/** @typedef {import('./caches.mjs').Cache} Cache */

/** The copy of a cache. @param {string} name @returns {Promise<typeof import('./loop.mjs')>} */
export const ownLoops = (name) => import(`./loop.mjs?${encodeURIComponent(name)}`);

/** @param {Cache} cache @param {Uint32Array} draws @returns {number} hits */
export function getElseSet(cache, draws) {
  let hits = 0;
  for (const i of draws) {
    const key = `user:${i}:profile`;
    if (cache.get(key) == null) cache.set(key, { i });
    else hits++;
  }
  return hits;
}

/** As getElseSet; each entry has two tags. @param {Cache} cache @param {Uint32Array} draws @returns {number} hits */
export function getElseSetTagged(cache, draws) {
  let hits = 0;
  for (const i of draws) {
    const key = `user:${i}:profile`;
    if (cache.get(key) == null) cache.set(key, { i }, { tags: ['users', `team:${i % 1000}`] });
    else hits++;
  }
  return hits;
}

/** @param {Cache} cache @param {string[]} keys @param {Uint32Array} draws indices of `keys` @returns {number} hits */
export function getOnly(cache, keys, draws) {
  let hits = 0;
  for (const i of draws) if (cache.get(keys[i]) != null) hits++;
  return hits;
}

/** As getOnly, with keys built for each call. @param {Cache} cache @param {Uint32Array} draws @returns {number} hits */
export function getBuilt(cache, draws) {
  let hits = 0;
  for (const i of draws) if (cache.get(`user:${i}:profile`) != null) hits++;
  return hits;
}
