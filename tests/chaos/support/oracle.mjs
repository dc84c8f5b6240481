// What is right, told from the merged log of all processes. Times are milliseconds of the one monotonic clock that all
// processes of a machine share.

/**
 * A source changed and an invalidation of it was acknowledged, durably: `version` is what the source had from `begin` on.
 * @typedef {{ type: 'change', process: string, key: string, version: number, begin: number, end: number, way?: string }} Change
 * @typedef {{ type: 'read' | 'load', process: string, key: string, version: number, begin: number, end: number }} Seen
 * @typedef {{ type: 'doubt', process: string, from: number, at: number }} Doubt memory was dropped
 * @typedef {{ process: string, key: string, version: number, newest: number, late: number, timeline: Event[] }} Violation
 * @typedef {{ begin: number, end: number, text: string }} Event
 */

/**
 * Reads that gave less than what was acknowledged more than `grace` milliseconds before they began; and how late the
 * others were that gave less than what was acknowledged before.
 *
 * @param {readonly (Change | Seen | Doubt)[]} log in any order; loads and doubts only tell how a violation came to be
 * @param {number} grace
 * @returns {{ violations: Violation[], staleness: number[] }}
 */
export function judge(log, grace) {
  const violations = [];
  const staleness = [];
  const doubts = /** @type {Doubt[]} */ (log.filter(({ type }) => type === 'doubt'));
  for (const [key, records] of byKey(log)) {
    const changes = /** @type {Change[]} */ (records.filter(({ type }) => type === 'change'));
    changes.sort((a, b) => a.version - b.version);
    for (const read of records) {
      if (read.type !== 'read') continue;
      // The first change that the read does not know of is the one that it is late by.
      const missed = changes.filter(({ version, end }) => version > read.version && end < read.begin);
      if (missed.length === 0) continue;
      const late = read.begin - Math.min(...missed.map(({ end }) => end));
      staleness.push(late);
      if (late <= grace) continue;
      const newest = Math.max(...missed.map(({ version }) => version));
      const { process, version } = read;
      violations.push({ process, key, version, newest, late, timeline: timelineOf(records, doubts, read) });
    }
  }
  violations.sort((a, b) => a.timeline.length - b.timeline.length);
  return { violations, staleness };
}

/** @param {readonly (Change | Seen | Doubt)[]} log */
function byKey(log) {
  /** @type {Map<string, (Change | Seen)[]>} */
  const keys = new Map();
  for (const record of log) {
    if (record.type === 'doubt') continue;
    const records = keys.get(record.key);
    if (records === undefined) keys.set(record.key, [record]);
    else records.push(record);
  }
  return keys;
}

/** The process that an actor is in, whose threads share its memory. @param {string} name */
const home = (name) => name.replace(/, thread .*/, '');

/**
 * What became of the key, and what the process of a read had to do with it, from the change that it still knew to the read.
 * @param {readonly (Change | Seen)[]} records @param {readonly Doubt[]} doubts @param {Seen} read
 * @returns {Event[]}
 */
function timelineOf(records, doubts, read) {
  const from = records.find(({ type, version }) => type === 'change' && version === read.version)?.begin ?? 0;
  const isOurs = ({ process }) => home(process) === home(read.process);
  const events = records
    .filter((record) => record.type === 'change' || isOurs(record))
    .map((record) => ({ begin: record.begin, end: record.end, text: textOf(record) }));
  for (const { process, from: begin, at: end } of doubts.filter(isOurs))
    events.push({ begin, end, text: `memory dropped by ${process}` });
  return events.filter(({ begin, end }) => end >= from && begin <= read.begin).sort((a, b) => a.begin - b.begin);
}

/** @param {Change | Seen} record */
function textOf(record) {
  const { version, process } = record;
  if (record.type === 'change') return `version ${version} acknowledged to ${process}, ${record.way ?? 'changed'}`;
  return `version ${version} ${record.type === 'read' ? 'read' : 'loaded'} by ${process}`;
}

/** The first violation as text, and how many there are. @param {readonly Violation[]} violations */
export function describe(violations) {
  if (violations.length === 0) return 'no violation';
  const [{ process, key, version, newest, late, timeline }] = violations;
  const start = timeline[0]?.begin ?? 0;
  const lines = timeline.map(
    ({ begin, end, text }) => `  ${(begin - start).toFixed(1)} to ${(end - start).toFixed(1)} ms: ${text}`,
  );
  // The last of many reads tell no more than the first.
  const shown =
    lines.length > 40 ? [...lines.slice(0, 30), `  ... ${lines.length - 40} more`, ...lines.slice(-10)] : lines;
  return [
    `${violations.length} violations; the shortest: ${process} read version ${version} of ${key} ${late.toFixed(0)} ms after version ${newest} was acknowledged`,
    ...shown,
  ].join('\n');
}
