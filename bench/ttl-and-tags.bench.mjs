// What a ttl and two tags for each entry cost: get-else-set as in get-else-set, each cache against itself without.
import { LRUCache } from 'lru-cache';
import { tiercel } from './caches.mjs';
import { count, ratio, Table } from './measure.mjs';
import { engines, options } from './options.mjs';
import { getElseSetTimes, hitRatios } from './steady.mjs';

const TTL = 3_600_000;

const renamed = (/** @type {ReturnType<typeof tiercel>} */ caches, /** @type {string} */ suffix) =>
  Object.fromEntries(Object.entries(caches).map(([name, make]) => [`${name}${suffix}`, make]));

/** @type {Record<string, import('./caches.mjs').Make>} */
const caches = {
  'lru-cache': (max) => new LRUCache({ max }),
  'lru-cache, ttl': (max) => new LRUCache({ max, ttl: TTL }),
  ...tiercel(),
  ...renamed(tiercel({ ttl: TTL }), ', ttl'),
  ...renamed(tiercel(), ', 2 tags'),
};

for (const entries of options.quick ? [100_000] : [1_000, 100_000, 1_000_000]) {
  hitRatios(caches, entries);
  const times = await getElseSetTimes(caches, entries, (name) =>
    name.endsWith('tags') ? 'getElseSetTagged' : 'getElseSet',
  );
  console.log(`\nN = ${count(entries)}`);
  const table = new Table('', 'ns', 'of without');
  for (const base of ['lru-cache', ...engines.map((engine) => `tiercel ${engine}`)])
    for (const [name, ns] of times)
      if (name.startsWith(base)) table.row(name, ns.toFixed(0), ratio(ns / times.get(base)));
  table.print();
}
