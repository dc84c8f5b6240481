// Hit ratios in percent on access traces, through the public API, beside what the policies' definitions give, the best
// published policy of each cell and the optimum (Belady). Ends with exit code 1 if a promise about them does not hold.
import { MemoryCache } from 'tiercel';
import { count, fail, Table } from './measure.mjs';
import { engines, options } from './options.mjs';
import { expected, requests, sized, sizes, tracesFolder } from './traces.mjs';

/** Policies without chance, whose hit ratios are those of their definitions to four decimals; and their columns. */
const EXACT = { lru: 'LRU', sieve: 'SIEVE', s3fifo: 'S3-FIFO(t2)' };
/** Points that `adaptive`, which decides by hashes, may be below its reference: in a cell, and on average. */
const MOST_BELOW = 0.3;
const MOST_BELOW_ON_AVERAGE = 0.05;
/** Budgets in bytes, as parts of the bytes of all objects. */
const PARTS = [0.01, 0.03, 0.1, 0.3];

const engine = engines[0];
const seed = new Uint8Array(16).fill(42);

/**
 * Gets each key, and sets it on a miss, with its weight if there are weights.
 * @param {import('tiercel').MemoryCacheOptions} bounds
 * @param {Uint32Array} trace
 * @param {Float64Array} [weights]
 * @returns {{ objects: number, bytes: number }} percent of requests, and of their weights, that hit
 */
function replay(bounds, trace, weights) {
  const cache = MemoryCache.createSync({ engine, seed, ...bounds });
  let hits = 0;
  let hitBytes = 0;
  let bytes = 0;
  for (const id of trace) {
    const key = String(id);
    const weight = weights ? weights[id] : 0;
    bytes += weight;
    if (cache.get(key) === undefined) {
      cache.set(key, id, weights && { weight });
    } else {
      hits++;
      hitBytes += weight;
    }
  }
  cache.close();
  return { objects: (100 * hits) / trace.length, bytes: (100 * hitBytes) / bytes };
}

function byEntries() {
  const table = new Table(
    'trace',
    'entries',
    ...['lru', 'sieve', 's3fifo', 'adaptive', 'reference', 'difference', 'best published', '', 'optimum'],
  );
  /** @type {{ cell: string, difference: number }[]} */
  const adaptive = [];
  /** @type {Record<string, string[]>} */
  const wrong = { lru: [], sieve: [], s3fifo: [] };
  const cells = expected().filter(({ entries }) => !options.quick || Number(entries) <= 1_000);
  let trace = { name: '', keys: new Uint32Array() };
  for (const cell of cells) {
    if (trace.name !== cell.trace) trace = { name: cell.trace, keys: requests(cell.trace) };
    const at = `${cell.trace} ${cell.entries}`;
    const ratio = (/** @type {any} */ policy) =>
      replay({ policy, maxEntries: Number(cell.entries) }, trace.keys).objects;
    const exact = Object.entries(EXACT).map(([policy, column]) => {
      const found = ratio(policy).toFixed(4);
      if (found === cell[column]) return found;
      wrong[policy].push(`${at}: ${found} instead of ${cell[column]}`);
      return `${found} !`;
    });
    const found = ratio('adaptive');
    const difference = found - Number(cell.adaptive_reference);
    adaptive.push({ cell: at, difference });
    table.row(
      cell.trace,
      cell.entries,
      ...exact,
      found.toFixed(4),
      cell.adaptive_reference,
      difference.toFixed(4),
      cell.best_published,
      cell.best_published_policy,
      cell.OPT,
    );
  }
  table.print();
  for (const [policy, cells] of Object.entries(wrong)) {
    console.log(`${policy}: ${adaptive.length - cells.length} of ${adaptive.length} cells equal to four decimals`);
    for (const cell of cells) fail(`${policy}, ${cell}`);
  }
  const average = adaptive.reduce((sum, { difference }) => sum + difference, 0) / adaptive.length;
  const worst = adaptive.reduce((a, b) => (b.difference < a.difference ? b : a));
  console.log(
    `adaptive against its reference: ${average.toFixed(4)} on average, at worst ${worst.difference.toFixed(4)} (${worst.cell})`,
  );
  if (average < -MOST_BELOW_ON_AVERAGE) fail(`adaptive: at most ${MOST_BELOW_ON_AVERAGE} below on average`);
  for (const { cell, difference } of adaptive)
    if (difference < -MOST_BELOW) fail(`adaptive, ${cell}: ${difference.toFixed(4)}`);
}

function byBytes() {
  const policies = ['adaptive', 'lru', 's3fifo', 'sieve'];
  console.log('\nBounded by bytes (keys and metadata included): percent of requests, and of bytes, that hit');
  const table = new Table('trace', 'budget', ...policies.flatMap((policy) => [policy, 'bytes']));
  for (const name of sized()) {
    const trace = requests(name);
    const weights = sizes(name);
    const all = weights.reduce((sum, size) => sum + size, 0);
    for (const part of PARTS) {
      const maxBytes = Math.round(part * all);
      const cells = policies.flatMap((policy) => {
        const { objects, bytes } = replay({ policy: /** @type {any} */ (policy), maxBytes }, trace, weights);
        return [objects.toFixed(2), bytes.toFixed(2)];
      });
      table.row(name, count(maxBytes), ...cells);
    }
  }
  table.print();
}

if (tracesFolder === undefined) {
  console.log('Skipped: no access traces here; --traces says where they are.');
} else {
  console.log(`tiercel ${engine}`);
  byEntries();
  byBytes();
}
