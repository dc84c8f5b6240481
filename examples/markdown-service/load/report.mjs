/** @typedef {import('./drive.mjs').RunResult} RunResult */

const MIN_HIT_RATE = 0.8;
const MIN_P50_FALL = 0.7;
const MIN_RENDERS_FALL = 0.6;

/**
 * @param {Float64Array} sorted
 * @param {number} fraction
 */
export function percentile(sorted, fraction) {
  const index = Math.max(0, Math.ceil(sorted.length * fraction) - 1);
  return sorted[index] ?? Number.NaN;
}

/**
 * Both runs side by side.
 *
 * @param {RunResult} without
 * @param {RunResult} cached
 */
export function formatTable(without, cached) {
  /** @type {[string, string, string, string][]} */
  const rows = [
    ['', 'without cache', 'with cache', ''],
    [
      'requests/s',
      count(without.perSecond),
      count(cached.perSecond),
      `x ${(cached.perSecond / without.perSecond).toFixed(1)}`,
    ],
    ['p50 ms', ms(without.p50), ms(cached.p50), change(without.p50, cached.p50)],
    ['p99 ms', ms(without.p99), ms(cached.p99), change(without.p99, cached.p99)],
    ['p50 ms, one connection', ms(without.p50Alone), ms(cached.p50Alone), change(without.p50Alone, cached.p50Alone)],
    ['renders', count(without.renders), count(cached.renders), change(without.renders, cached.renders)],
    ['hit rate', 'none', `${(cached.hitRate * 100).toFixed(1)} %`, ''],
    ['slowest edit to be seen', ms(without.slowestEdit), ms(cached.slowestEdit), ''],
  ];
  return rows.map(([name, ...cells]) => name.padEnd(24) + cells.map((cell) => cell.padStart(15)).join('')).join('\n');
}

/**
 * What the cache did not reach of what it is there for.
 *
 * @param {RunResult} without
 * @param {RunResult} cached
 * @returns {string[]}
 */
export function shortfalls(without, cached) {
  const found = [];
  if (!(cached.hitRate > MIN_HIT_RATE)) found.push(`hit rate not above ${MIN_HIT_RATE * 100} %`);
  if (!(fall(without.p50, cached.p50) >= MIN_P50_FALL)) found.push(`p50 fell by less than ${MIN_P50_FALL * 100} %`);
  if (!(fall(without.p50Alone, cached.p50Alone) >= MIN_P50_FALL)) {
    found.push(`p50 on one connection fell by less than ${MIN_P50_FALL * 100} %`);
  }
  if (!(fall(without.renders, cached.renders) >= MIN_RENDERS_FALL)) {
    found.push(`renders fell by less than ${MIN_RENDERS_FALL * 100} %`);
  }
  return found;
}

/**
 * @param {number} before
 * @param {number} after
 */
function fall(before, after) {
  return 1 - after / before;
}

/**
 * @param {number} before
 * @param {number} after
 */
function change(before, after) {
  const percent = -fall(before, after) * 100;
  return `${percent > 0 ? '+' : ''}${percent.toFixed(1)} %`;
}

/** @param {number} value */
function count(value) {
  return Math.round(value).toLocaleString('en');
}

/** @param {number} value */
function ms(value) {
  return value.toFixed(2);
}
