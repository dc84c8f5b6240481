// Hits only, with keys that V8 has interned, so that it keeps their hashes: the best case of a cache on a Map.
import { peers, tiercel } from './caches.mjs';
import { ownLoops } from './loop.mjs';
import { count, inTurns, ratio, Table, time } from './measure.mjs';
import { options } from './options.mjs';
import { item, zipfRanks } from './zipf.mjs';

const REQUESTS = options.quick ? 300_000 : 3_000_000;
const caches = { ...peers, ...tiercel() };
const names = Object.keys(caches);
const loops = new Map();
for (const name of names) loops.set(name, (await ownLoops(name)).getOnly);

for (const entries of [1_000, 100_000]) {
  // Names of properties are interned.
  const keys = Object.keys(
    Object.fromEntries(Array.from({ length: entries }, (_, rank) => [`user:${item(rank)}:profile`, 0])),
  );
  const draws = zipfRanks(entries, 0.9, REQUESTS, 42);
  const live = new Map(
    names.map((name) => {
      const cache = caches[name](entries);
      for (const key of keys) cache.set(key, { key });
      for (const key of keys)
        if (cache.get(key)?.key !== key) throw new Error(`${name}: ${key} is not there, or has another's value`);
      return [name, cache];
    }),
  );
  const times = inTurns(names, (name) => {
    const loop = loops.get(name);
    const cache = live.get(name);
    return (time(() => loop(cache, keys, draws)) * 1e6) / draws.length;
  });
  for (const cache of live.values()) cache.close?.();
  console.log(`\nN = ${count(entries)}`);
  const table = new Table('', 'ns', 'speed of lru-cache');
  for (const [name, ns] of times) table.row(name, ns.toFixed(0), ratio(times.get('lru-cache') / ns));
  table.print();
}
