// get, and on a miss set: Zipf 0.9 over 2 N keys in a full cache of N entries, keys built for each call, objects by
// reference. Policies differ, and with them the hits: who hits less sets more.
import { peers, strictLru, tiercel } from './caches.mjs';
import { count, ratio, Table } from './measure.mjs';
import { options } from './options.mjs';
import { getElseSetTimes, hitRatios } from './steady.mjs';

const caches = { ...peers, ...tiercel() };

for (const entries of options.quick ? [1_000, 100_000] : [1_000, 100_000, 1_000_000]) {
  const hits = hitRatios(caches, entries);
  if (new Set(strictLru.map((name) => hits.get(name))).size !== 1)
    throw new Error(`strict LRU caches do not agree: ${strictLru.map((name) => `${name} ${hits.get(name)} % hits`)}`);
  const times = await getElseSetTimes(caches, entries);
  console.log(`\nN = ${count(entries)}`);
  const table = new Table('', 'ns', 'speed of lru-cache', 'hits %');
  for (const [name, ns] of times)
    table.row(name, ns.toFixed(0), ratio(times.get('lru-cache') / ns), hits.get(name).toFixed(2));
  table.print();
}
