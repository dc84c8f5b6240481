// get of strings of 100 bytes: kept as bytes against kept by reference, each engine, hits only, keys built for each call.
import { tiercel } from './caches.mjs';
import { ownLoops } from './loop.mjs';
import { count, inTurns, ratio, Table, time } from './measure.mjs';
import { engines, options } from './options.mjs';
import { text } from './payloads.mjs';
import { zipfRanks } from './zipf.mjs';

const REQUESTS = options.quick ? 300_000 : 2_000_000;
const LENGTH = 100;

const modes = ['reference', 'bytes'];
const caches = Object.fromEntries(
  modes.flatMap((values) =>
    Object.entries(tiercel({ values: /** @type {'bytes'} */ (values) })).map(([name, make]) => [
      `${name}, ${values}`,
      make,
    ]),
  ),
);
const loops = new Map();
for (const name of Object.keys(caches)) loops.set(name, (await ownLoops(name)).getBuilt);

for (const entries of [1_000, 100_000]) {
  const draws = zipfRanks(entries, 0.9, REQUESTS, 42);
  const live = new Map(
    Object.entries(caches).map(([name, make]) => {
      const cache = make(entries);
      for (let i = 0; i < entries; i++) cache.set(`user:${i}:profile`, text(i, LENGTH));
      for (let i = 0; i < entries; i++)
        if (cache.get(`user:${i}:profile`) !== text(i, LENGTH))
          throw new Error(`${name}: entry ${i} has another value`);
      return [name, cache];
    }),
  );
  const times = inTurns([...live.keys()], (name) => {
    const loop = loops.get(name);
    const cache = live.get(name);
    return (time(() => loop(cache, draws)) * 1e6) / draws.length;
  });
  for (const cache of live.values()) cache.close?.();
  console.log(`\nN = ${count(entries)}`);
  const table = new Table('', 'reference ns', 'bytes ns', 'bytes / reference');
  for (const engine of engines) {
    const [reference, bytes] = modes.map((mode) => times.get(`tiercel ${engine}, ${mode}`));
    table.row(`tiercel ${engine}`, reference.toFixed(0), bytes.toFixed(0), ratio(bytes / reference));
  }
  table.print();
}
