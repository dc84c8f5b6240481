// How cost grows with the number of entries: nanoseconds of a get-else-set as in get-else-set, and bytes of memory for
// each entry of a 30-byte key and 200 bytes of text. Plotted to bench/results/growth.svg.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { peers, tiercel } from './caches.mjs';
import { lineCharts } from './chart.mjs';
import { count, Table } from './measure.mjs';
import { engines, options } from './options.mjs';
import { inProcess } from './processes/process.mjs';
import { getElseSetTimes, hitRatios } from './steady.mjs';

const SIZES = options.quick ? [1_000, 10_000, 100_000] : [1_000, 10_000, 100_000, 1_000_000, 4_000_000];
/** Below, what the process itself needs makes more of a difference than the entries. */
const FEWEST_FOR_MEMORY = 10_000;

const names = [...engines.map((engine) => `tiercel ${engine}`), 'lru-cache'];
const caches = { ...tiercel(), 'lru-cache': peers['lru-cache'] };

/** @type {Map<string, [number, number][]>} */
const times = new Map(names.map((name) => [name, []]));
/** @type {Map<string, [number, number][]>} */
const bytes = new Map(names.map((name) => [name, []]));

const table = new Table('N', ...names.map((name) => `${name} ns`), ...names.map((name) => `${name} bytes`));
for (const entries of SIZES) {
  hitRatios(caches, entries);
  const measured = await getElseSetTimes(caches, entries);
  for (const name of names) {
    times.get(name).push([entries, measured.get(name)]);
    if (entries < FEWEST_FOR_MEMORY) continue;
    const { resident } = inProcess('memory', name, 'text', entries);
    bytes.get(name).push([entries, resident / entries]);
  }
  const cells = [times, bytes].flatMap((figures) =>
    names.map((name) => {
      const last = figures.get(name).at(-1);
      return last?.[0] === entries ? last[1].toFixed(0) : '';
    }),
  );
  table.row(count(entries), ...cells);
}
table.print();

const panel = (/** @type {string} */ title, /** @type {Map<string, [number, number][]>} */ figures) => ({
  title,
  x: 'entries N (logarithmic)',
  lines: names.map((name) => ({ name, points: figures.get(name) })),
});
const results = new URL('results/', import.meta.url);
mkdirSync(results, { recursive: true });
const file = fileURLToPath(new URL('growth.svg', results));
writeFileSync(
  file,
  lineCharts({
    title: 'Growth of cost',
    subtitle: `${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown CPU'}`,
    panels: [
      panel('ns for a get-else-set, Zipf 0.9 over 2 N keys', times),
      panel('resident bytes an entry, 30-byte key and 200-byte value', bytes),
    ],
  }),
);
console.log(`plotted to ${relative(process.cwd(), file)}`);
