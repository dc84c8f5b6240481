// What is right, told from the merged log of all processes. Times are milliseconds of the one monotonic clock that all
// processes of a machine share.

/**
 * A source changed and an invalidation of it was acknowledged, durably: `version` is what the source had from `begin` on.
 * @typedef {{ type: 'change', process: string, key: string, version: number, begin: number, end: number }} Change
 * @typedef {{ type: 'read', process: string, key: string, version: number, begin: number, end: number }} Read
 * @typedef {{ process: string, key: string, version: number, newest: number, late: number, timeline: (Change | Read)[] }} Violation
 */

/**
 * Reads that gave less than what was acknowledged more than `grace` milliseconds before they began; and how late the
 * others were that gave less than what was acknowledged before.
 *
 * @param {readonly (Change | Read)[]} log in any order
 * @param {number} grace
 * @returns {{ violations: Violation[], staleness: number[] }}
 */
export function judge(log, grace) {
  const violations = [];
  const staleness = [];
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
      violations.push({ process, key, version, newest, late, timeline: timelineOf(records, read) });
    }
  }
  violations.sort((a, b) => a.timeline.length - b.timeline.length);
  return { violations, staleness };
}

/** @param {readonly (Change | Read)[]} log */
function byKey(log) {
  /** @type {Map<string, (Change | Read)[]>} */
  const keys = new Map();
  for (const record of log) {
    const records = keys.get(record.key);
    if (records === undefined) keys.set(record.key, [record]);
    else records.push(record);
  }
  return keys;
}

/** What the process read of the key, and what happened to it, from the change that it still knew to the read. */
function timelineOf(records, read) {
  const from = records.find(({ type, version }) => type === 'change' && version === read.version)?.begin ?? 0;
  return records
    .filter(
      ({ type, begin, process }) =>
        begin >= from && begin <= read.begin && (type === 'change' || process === read.process),
    )
    .sort((a, b) => a.begin - b.begin);
}

/** The first violation as text, and how many there are. @param {readonly Violation[]} violations */
export function describe(violations) {
  if (violations.length === 0) return 'no violation';
  const [{ process, key, version, newest, late, timeline }] = violations;
  const start = timeline[0]?.begin ?? 0;
  const lines = timeline.map((record) => {
    const what = `${record.type === 'change' ? 'acknowledged to' : 'read by'} ${record.process}`;
    return `  ${(record.begin - start).toFixed(1)} to ${(record.end - start).toFixed(1)} ms: version ${record.version} ${what}`;
  });
  // The last of many reads tell no more than the first.
  const shown =
    lines.length > 20 ? [...lines.slice(0, 10), `  ... ${lines.length - 20} more`, ...lines.slice(-10)] : lines;
  return [
    `${violations.length} violations; the shortest: ${process} read version ${version} of ${key} ${late.toFixed(0)} ms after version ${newest} was acknowledged`,
    ...shown,
  ].join('\n');
}
