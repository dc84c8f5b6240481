// What came of faults, as text: a table of the promises, how late reads were, and what broke a promise.
import { PROMISES } from './promises.mjs';

/** @typedef {import('./rounds.mjs').Outcome} Outcome */

/** What the figure of a promise is. */
const FIGURES = {
  P1: ['latest read', 'ms'],
  P2: ['last old read after healing', 'ms'],
  P4: ['longest call', 'ms'],
  P5: ['loads at a time in the fleet', ''],
  P6: ['growth of memory', 'MiB'],
  P7: ['lock granted again, beyond its ttl', 'ms'],
  P8: ['writes lost with processes', ''],
  P10: ['all well again', 'ms'],
};

/** Two outcomes of one fault as one. @param {Outcome | undefined} one @param {Outcome} other @returns {Outcome} */
export function merge(one, other) {
  if (one === undefined) return other;
  const sum = (
    /** @type {'rounds' | 'unjudged' | 'reads' | 'changes' | 'acknowledged' | 'later' | 'grants' | 'locked'} */ what,
  ) => one[what] + other[what];
  return {
    name: one.name,
    promises: Object.fromEntries(
      Object.entries(one.promises).map(([id, { violations, figures }]) => [
        id,
        {
          violations: [...violations, ...other.promises[id].violations],
          figures: [...figures, ...other.promises[id].figures],
        },
      ]),
    ),
    staleness: [...one.staleness, ...other.staleness],
    engines: { ...one.engines, ...other.engines },
    ...{ rounds: sum('rounds'), unjudged: sum('unjudged'), reads: sum('reads'), changes: sum('changes') },
    ...{ acknowledged: sum('acknowledged'), later: sum('later'), grants: sum('grants'), locked: sum('locked') },
  };
}

const rank = (/** @type {number[]} */ sorted, /** @type {number} */ part) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
const number = (/** @type {number} */ n) => (Number.isInteger(n) ? String(n) : n.toFixed(1));

/** @param {readonly Outcome[]} outcomes */
export const violationsOf = (outcomes) =>
  outcomes.flatMap(({ name, promises }) =>
    Object.entries(promises).flatMap(([id, { violations }]) => violations.map((what) => `${id}, ${name}: ${what}`)),
  );

/** A row for each promise: how often it was broken, and the median, the 99th percentile and the worst of its figure. @param {readonly Outcome[]} outcomes */
export function table(outcomes) {
  const rounds = outcomes.reduce((sum, outcome) => sum + outcome.rounds, 0);
  const rows = Object.entries(PROMISES).map(([id, text]) => {
    const broken = outcomes.reduce((sum, { promises }) => sum + promises[id].violations.length, 0);
    const figures = outcomes.flatMap(({ promises }) => promises[id].figures).sort((a, b) => a - b);
    const [what, unit] = FIGURES[id] ?? [];
    const figure =
      what === undefined || figures.length === 0
        ? ''
        : `${what}: ${[0.5, 0.99, 1].map((part) => number(rank(figures, part))).join(' / ')} ${unit}`.trim();
    return [id, String(broken), text, figure];
  });
  const widths = [0, 1, 2].map((i) => Math.max(...rows.map((row) => row[i].length)));
  const lines = rows.map(([id, broken, text, figure]) =>
    `${id.padEnd(widths[0])}  ${broken.padStart(widths[1])} broken  ${text.padEnd(widths[2])}  ${figure}`.trimEnd(),
  );
  const unjudged = outcomes.reduce((sum, outcome) => sum + outcome.unjudged, 0);
  const but = unjudged > 0 ? `; in ${unjudged} the machine kept some from running, whose health was not judged` : '';
  const title = `${rounds} rounds of ${outcomes.length} faults${but}; figures: median / 99 % / worst of a round`;
  return [title, ...lines].join('\n');
}

const BUCKETS = [5, 10, 25, 50, 100, 250, 600, 1_000, Number.POSITIVE_INFINITY];

/** How late reads were that gave what was invalidated before they began. @param {readonly Outcome[]} outcomes */
export function histogram(outcomes) {
  const reads = outcomes.reduce((sum, outcome) => sum + outcome.reads, 0);
  const late = outcomes.flatMap(({ staleness }) => staleness).sort((a, b) => a - b);
  if (late.length === 0) return `none of ${reads} reads was late`;
  const counts = BUCKETS.map((most, i) => late.filter((ms) => ms <= most && ms > (BUCKETS[i - 1] ?? -1)).length);
  const width = 50 / Math.max(...counts);
  const lines = counts.map((count, i) => {
    const upTo = BUCKETS[i] === Number.POSITIVE_INFINITY ? 'more' : `<= ${BUCKETS[i]} ms`;
    return `${upTo.padStart(10)}  ${String(count).padStart(6)}  ${'#'.repeat(Math.ceil(count * width))}`;
  });
  return [
    `${late.length} of ${reads} reads were late: median ${number(rank(late, 0.5))} ms, 99 % ${number(rank(late, 0.99))} ms, most ${number(rank(late, 1))} ms`,
    ...lines,
  ].join('\n');
}

/** What every cache with a second tier promises, or lets one believe. */
const COMPARED = ['P1', 'P3', 'P4', 'P9'];

/**
 * A row for each fault: which promises of those were broken, and how late reads were, of each subject.
 * @param {Readonly<Record<string, readonly Outcome[]>>} subjects
 */
export function besideEachOther(subjects) {
  const faults = [...new Set(Object.values(subjects).flatMap((outcomes) => outcomes.map(({ name }) => name)))];
  const cell = (outcome) => {
    if (outcome === undefined) return '';
    const broken = COMPARED.filter((id) => outcome.promises[id].violations.length > 0);
    const late = Math.max(0, ...outcome.staleness).toFixed(0);
    return `${broken.join(' ') || 'kept'}; ${outcome.staleness.length} of ${outcome.reads} reads late, by up to ${late} ms`;
  };
  const rows = faults.map((fault) => [
    fault,
    ...Object.values(subjects).map((outcomes) => cell(outcomes.find(({ name }) => name === fault))),
  ]);
  const line = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`;
  const head = ['fault', ...Object.keys(subjects)];
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** The facts of one fault in a line. @param {Outcome} outcome */
export function summary({ name, rounds, unjudged, reads, changes, acknowledged, later, staleness, promises }) {
  const broken = Object.entries(promises).filter(([, { violations }]) => violations.length > 0);
  const verdict = broken.length === 0 ? 'kept' : `BROKEN: ${broken.map(([id]) => id).join(', ')}`;
  const latest = Math.max(0, ...staleness).toFixed(0);
  return `${name}: ${verdict}; ${rounds} rounds${unjudged > 0 ? ` (in ${unjudged} not all could be told)` : ''}, ${reads} reads, ${staleness.length} late by at most ${latest} ms, ${acknowledged} of ${changes} changes acknowledged and ${later} later`;
}
