// P1 to P10 of the second tier, each told from what all processes logged of one course of a fault: what broke it, and the
// figure that it is about.
import { stalledOf } from './clock.mjs';
import { BREAKER } from './fleet.mjs';
import { describe, judge } from './oracle.mjs';
import { isOfFleet } from './places.mjs';

/** Milliseconds, and bytes. */
const LIMITS = { converged: 1_000, well: 8_000, hang: 1_000, memory: 16 * 2 ** 20, reacquired: 100 };
/**
 * How long a load waits for the lock of the fleet before it goes on without, in milliseconds: FLEET_WAIT of
 * js/src/tiers/load.ts. A holder that died has it for 10 s, and others that wait may have it first.
 */
const FLEET_WAIT = 30_000;
/**
 * And so many milliseconds more, for a machine that does other things as well; those in which somebody was kept from running
 * do not count at all. Freshness has no such excuse: what memory serves is as old as the last sign of life that came back on
 * the bus, at most, whoever does not run.
 */
const SLACK = 2_000;
/** If an actor could not run for so long before health is judged, in milliseconds, it may not have come to see what is so. */
const MOST_STALLED = 150;
/** Timers that come and go while everybody rests. */
const TIMERS = 8;

export const PROMISES = {
  P1: 'nothing is served that was invalidated longer ago than the grace',
  P2: 'all read the newest soon after all is well',
  P3: 'no acknowledged invalidation is lost',
  P4: 'no read fails, nothing hangs, nothing is thrown that nobody catches',
  P5: 'one load of a key at a time, in a process and in the fleet',
  P6: 'memory, sockets and timers are what they were',
  P7: 'fences of grants and writes only grow, and a lock outlives its holder by its ttl at most',
  P8: 'what is written behind arrives, each key in order',
  P9: 'no key and no tenant gets a value of another',
  P10: 'health says what is so, and counts it',
};

/**
 * @typedef {object} Course of one fault
 * @property {any[]} log
 * @property {number} grace see {@link judge}
 * @property {number} inflictedAt @property {number} healedAt
 * @property {any[]} before what each actor said of itself when all was well @property {any[]} facts and at the end
 * @property {{ bus?: string[], remote?: string[] } | undefined} sick names of actors that have to say so; undefined: nobody
 *   can tell
 * @property {boolean} keepsLocks whether the fault leaves the locks of the server as they are
 * @property {boolean} kills whether a holder may have died
 * @property {boolean} [isToldOfLoads] whether each cache is told of what others load, which overtakes a load of its own that
 *   is under way: whoever asks after that loads again
 * @property {ReadonlyMap<string, { at: number, how: string }>} ended
 * @property {string} note what else is to be said of it where a promise was broken
 * @property {number} [goneAt] when the holder of the lock `held` was ended or stopped @property {number} [ttl] of that
 * @property {string} [lateHolder] who held it, stood still for longer than that, and wrote when others had written
 *
 * @typedef {{ violations: string[], figure?: number }} Verdict
 */

/** @param {Course} course @returns {Record<string, Verdict> & { staleness: number[], isUnjudged: boolean }} */
export function judgeCourse(course) {
  const { violations, staleness } = judge(
    course.log.filter(({ type }) => ['change', 'read', 'load', 'doubt'].includes(type)),
    course.grace,
  );
  const { isUnjudged, ...P10 } = health(course);
  const freshness = violations.length > 0 ? [describe(violations)] : [];
  return /** @type {any} */ ({
    P1: { violations: freshness, figure: Math.max(0, ...staleness) },
    P2: converged(course),
    P3: notLost(course),
    P4: nothingFails(course),
    P5: oneLoad(course),
    P6: backToBaseline(course),
    P7: fences(course),
    P9: ofItsOwn(course),
    P10,
    staleness,
    isUnjudged,
  });
}

/** What took longer than `most` without what others took of it. @param {number} took @param {number} most @param {() => number} stalled */
const discounted = (took, most, stalled) => (took > most ? took - stalled() : took);

/** The newest version of each place that was acknowledged, and when. @param {readonly any[]} log */
function newestOf(log) {
  /** @type {Map<string, { version: number, end: number }>} */
  const newest = new Map();
  for (const { type, key, version, end } of log)
    if (type === 'change' && version > (newest.get(key)?.version ?? 0)) newest.set(key, { version, end });
  return newest;
}

/** @param {Course} course @returns {Verdict} */
export function converged({ log, healedAt }) {
  const newest = newestOf(log);
  const stalled = stalledOf(log);
  let last = 0;
  let who = '';
  for (const { type, process, key, version, begin, cold } of log) {
    if (type !== 'read' || cold || begin < healedAt || version >= (newest.get(key)?.version ?? 0)) continue;
    const after = discounted(begin - healedAt, LIMITS.converged + SLACK, () => stalled(healedAt, begin));
    if (after <= last) continue;
    last = after;
    who = `${process} still read version ${version} of ${key}, not ${newest.get(key)?.version}, ${last.toFixed(0)} ms after all was well`;
  }
  return { violations: last > LIMITS.converged + SLACK ? [who] : [], figure: last };
}

/** @param {Course} course @returns {Verdict} */
export function notLost({ log }) {
  const newest = newestOf(log);
  const violations = log
    .filter(({ type, cold }) => type === 'read' && cold)
    .filter(({ key, version, begin }) => {
      const { version: known = 0, end = 0 } = newest.get(key) ?? {};
      return version < known && end < begin;
    })
    .map(({ process, key, version }) => {
      const known = newest.get(key)?.version;
      return `${process}, with nothing in memory, read version ${version} of ${key}, though ${known} was acknowledged`;
    });
  return { violations };
}

/** @param {Course} course @returns {Verdict} */
export function nothingFails({ facts, log }) {
  const violations = facts.flatMap(({ name, failures, failure, unhandled = [], longest, slowest }) => [
    ...(failures > 0 ? [`${failures} calls of ${name} failed: ${failure}`] : []),
    ...unhandled.map((what) => `${name}: ${what}`),
    ...(longest > LIMITS.hang + SLACK ? [`${slowest} took ${name} ${longest.toFixed(0)} ms`] : []),
  ]);
  for (const { type, process, key, took } of log)
    if (type === 'wait' && took > FLEET_WAIT + LIMITS.hang + SLACK)
      violations.push(`${process} waited ${took.toFixed(0)} ms for a load of ${key} with the lock of the fleet`);
  return { violations, figure: Math.max(0, ...facts.map(({ longest = 0 }) => longest)) };
}

/** @param {Course} course @returns {Verdict} */
export function oneLoad({ log, keepsLocks, kills, isToldOfLoads = false, ended }) {
  const doubts = log.filter(({ type }) => type === 'doubt');
  const loads = log.filter(({ type }) => type === 'load');
  const inProcess = groups(
    loads.filter(({ key, isCutOff }) => /\/quiet /.test(key) && !isCutOff && !isToldOfLoads),
    ({ process, key }) => `${process}: ${key}`,
  );
  /** What memory was told to forget since the first call is loaded again at once; whose loader begins first is chance. */
  const mayOverlap = (first, second) => {
    const asked = Math.min(first.asked, second.asked);
    return doubts.some(({ process, from, at }) => process === second.process && at > asked && from <= second.begin);
  };
  const hasDied = ({ process, actor, isCutOff }) => isCutOff || ended.has(process) || ended.has(actor);
  const violations = [];
  for (const [where, all] of inProcess)
    for (const [first, second] of overlaps(all))
      if (!mayOverlap(first, second))
        violations.push(`${where} was loaded ${apart(first, second)}${drops(doubts, first, second)}`);
  const inFleet = groups(
    loads.filter(({ key, isUnlocked }) => isOfFleet(key) && !isUnlocked),
    ({ key }) => key,
  );
  let most = 0;
  for (const [key, all] of inFleet) {
    for (const open of atATime(all)) {
      const last = open.at(-1);
      const others = open.slice(0, -1).filter((load) => !(load.process === last.process && mayOverlap(load, last)));
      most = Math.max(most, others.length + 1);
      const [first] = others;
      if (first === undefined || !keepsLocks) continue;
      // Whoever held the lock is gone: what it had begun may still be under way at the source, beside that of the next.
      const holderDied = kills && [...others, last].some(hasDied);
      if (!holderDied)
        violations.push(`${key} was loaded by ${first.process} and ${last.process} ${apart(first, last)}`);
      else if (others.length > 1) {
        const who = [...others, last].map(({ process }) => process).join(', ');
        violations.push(`${key} was loaded by ${who} at a time: more than one beside the holder that died`);
      }
    }
  }
  return { violations, figure: most };
}

const apart = (first, second) =>
  `again ${(second.begin - first.begin).toFixed(0)} ms after a load began that took ${(first.end - first.begin).toFixed(0)} ms`;

/** When memory was dropped in that process, about then: by milliseconds after the first load began. */
function drops(doubts, first, second) {
  const about = doubts.filter(
    ({ process, from, at }) => process === second.process && from < first.end && at > first.asked - 1_000,
  );
  const after = (/** @type {number} */ time) => (time - first.begin).toFixed(0);
  return about.map(({ from, at }) => `; memory was dropped from ${after(from)} to ${after(at)}`).join('');
}

/** The loads that are under way when one begins, that one at the end. */
function* atATime(loads) {
  const sorted = [...loads].sort((a, b) => a.begin - b.begin);
  for (const [i, last] of sorted.entries()) yield [...sorted.slice(0, i).filter(({ end }) => end > last.begin), last];
}

function* overlaps(loads) {
  for (const open of atATime(loads)) if (open.length > 1) yield [open[0], open.at(-1)];
}

function groups(records, keyOf) {
  /** @type {Map<string, any[]>} */
  const all = new Map();
  for (const record of records) {
    const key = keyOf(record);
    const group = all.get(key);
    if (group === undefined) all.set(key, [record]);
    else group.push(record);
  }
  return all;
}

/** @param {Course} course @returns {Verdict} */
export function backToBaseline({ before, facts }) {
  const violations = [];
  let most = Number.NEGATIVE_INFINITY;
  for (const { name, memory, sockets, timers, waits } of facts) {
    const was = before.find((one) => one.name === name);
    // A process that was put in the place of another has no past to be compared with.
    if (was === undefined || memory === undefined) continue;
    const growth = was.memory === undefined ? 0 : memory - was.memory;
    most = Math.max(most, growth);
    if (growth > LIMITS.memory) violations.push(`${name} has ${(growth / 2 ** 20).toFixed(1)} MiB more than before`);
    // Who waits for a lock has a connection to hear of its release.
    const more = waits > 0 ? 1 : 0;
    if (sockets > was.sockets + more) violations.push(`${name} has ${sockets} sockets, and had ${was.sockets}`);
    if (timers > was.timers + TIMERS) violations.push(`${name} has ${timers} timers, and had ${was.timers}`);
  }
  return { violations, figure: most / 2 ** 20 };
}

/** @param {Course} course @returns {Verdict} */
export function fences(course) {
  const { log, goneAt, ttl = 0 } = course;
  const violations = fencedWrites(course);
  let figure;
  for (const [lock, grants] of groups(
    log.filter(({ type }) => type === 'grant'),
    (grant) => grant.lock,
  )) {
    const byEnd = [...grants].sort((a, b) => a.end - b.end);
    for (const { process, token, begin } of grants) {
      const older = byEnd.filter(({ end }) => end < begin).find((other) => other.token >= token);
      if (older !== undefined)
        violations.push(`${process} got ${lock} with fence ${token}, after ${older.process} had got ${older.token}`);
    }
    const tokens = grants.map(({ token }) => token);
    if (new Set(tokens).size < tokens.length) violations.push(`a fence of ${lock} was given twice`);
    if (lock !== 'held' || goneAt === undefined) continue;
    const next = byEnd.find(({ end }) => end > goneAt);
    const end = next?.end ?? Number.POSITIVE_INFINITY;
    figure = discounted(end - goneAt - ttl, LIMITS.reacquired + SLACK, () => stalledOf(log)(goneAt, end));
    if (figure > LIMITS.reacquired + SLACK)
      violations.push(`a lock was granted again ${figure.toFixed(0)} ms later than its ttl after its holder was gone`);
  }
  return { violations, ...(figure !== undefined && { figure }) };
}

/** Of what was written with the fence of a lock. @param {Course} course */
function fencedWrites({ log, lateHolder }) {
  const violations = [];
  const writes = log.filter(({ type }) => type === 'fenced');
  for (const [lock, all] of groups(writes, (write) => write.lock)) {
    /** @type {Map<number, string>} */
    const writers = new Map();
    let last = 0;
    for (const { process, token, asked, isAccepted, newest } of all) {
      // Whoever was overtaken while it had the lock is rightly refused; who asked for it after that is not.
      if (!isAccepted && newest.since < asked)
        violations.push(`${process} got ${lock} with fence ${token}, after ${newest.token} had been written with`);
      if (!isAccepted) continue;
      const writer = writers.get(token) ?? process;
      if (writer !== process) violations.push(`${writer} and ${process} wrote with fence ${token} of ${lock}`);
      if (token < last) violations.push(`${process} wrote with fence ${token} of ${lock} after ${last}`);
      writers.set(token, writer);
      last = Math.max(last, token);
    }
  }
  if (lateHolder === undefined) return violations;
  const late = writes.find(({ process, isLate }) => isLate && process === lateHolder);
  if (late === undefined) violations.push(`${lateHolder} held a lock, and has not written late`);
  else if (late.isAccepted)
    violations.push(`${lateHolder} wrote with fence ${late.token} when others had had its lock`);
  return violations;
}

/** @param {Course} course @returns {Verdict} */
export function ofItsOwn({ log }) {
  return {
    violations: log
      .filter(({ type }) => type === 'foreign')
      .map(({ process, key, found }) => `${process} asked for ${key} and got ${found}`),
  };
}

/** How long before everything is healed those that are well have to have said so once. */
const LATELY = 800;
/** And how long before that who is kept from running may come to see late what is so. */
const DETECTION = 1_000;

/** @param {Course} course @returns {Verdict & { isUnjudged: boolean }} isUnjudged: of some it cannot be told, as they were kept from running */
export function health({ log, before, inflictedAt, healedAt, sick, facts }) {
  const stalled = stalledOf(log);
  const violations = [];
  let figure = 0;
  for (const { name, settledAt, wellAt, health: said } of facts) {
    // It ended.
    if (settledAt === undefined) continue;
    const after = discounted((wellAt ?? settledAt) - healedAt, LIMITS.well + SLACK, () => stalled(healedAt, settledAt));
    figure = Math.max(figure, after);
    if (wellAt === undefined || after > LIMITS.well + SLACK)
      violations.push(
        `${name} did not say that it was well again within ${after.toFixed(0)} ms, but: ${JSON.stringify(said)}`,
      );
  }
  if (sick === undefined) return { violations, figure, isUnjudged: false };
  const { bus = [], remote = [] } = sick;
  let isUnjudged = false;
  const lately = groups(
    log.filter(({ type, at }) => type === 'health' && at < healedAt && at > healedAt - LATELY),
    ({ process }) => process,
  );
  for (const [name, said] of lately) {
    if (stalled(healedAt - LATELY - DETECTION, healedAt, [name]) > MOST_STALLED) {
      isUnjudged = true;
      continue;
    }
    const last = said.reduce((a, b) => (a.at > b.at ? a : b));
    if (bus.includes(name) && last.bus === 'live')
      violations.push(`${name} says that its bus is live, and it hears nothing`);
    const since = log.filter(({ type, process, at }) => type === 'health' && process === name && at <= last.at);
    if (remote.includes(name) && last.remote === 'closed') {
      const failed = failedOf(since, inflictedAt);
      // Of threads that share a cache one may do all loads: the others have not come to ask often enough.
      if (failed < BREAKER.failures) isUnjudged = true;
      else violations.push(`${name} says that the second tier answers, and ${failed} calls of it have failed`);
    }
    const found = uncounted(since, inflictedAt, { bus: bus.includes(name), remote: remote.includes(name) });
    violations.push(...found.map((what) => `${name} has not counted that ${what}: ${JSON.stringify(last.counts)}`));
    // A moment in which something waits, or took too long, is no lie.
    if (bus.includes(name) || remote.includes(name) || said.some(({ ok }) => ok)) continue;
    // One that took the place of another has not connected to everything yet. For how long it may is judged above.
    const isNew = !before.some((one) => one.name === name);
    if (!isNew || log.some(({ type, process, ok, at }) => type === 'health' && process === name && ok && at < healedAt))
      violations.push(`${name} says it is not well, and nothing is wrong with it: ${JSON.stringify(last)}`);
    else isUnjudged = true;
  }
  return { violations, figure, isUnjudged };
}

/** How many calls of one actor have failed since then. @param {readonly any[]} said its health @param {number} from */
function failedOf(said, from) {
  const [was, is] = edges(said, from);
  return is.failures - was.failures;
}

const NO_COUNTS = { failures: 0, timeouts: 0, refused: 0, doubts: 0 };

/** The counters of one actor before the fault and now. @param {readonly any[]} said @param {number} from */
function edges(said, from) {
  const sorted = [...said].sort((a, b) => a.at - b.at);
  const was = sorted.findLast(({ at }) => at < from)?.counts ?? NO_COUNTS;
  return [was, sorted.findLast(({ at }) => at >= from)?.counts ?? was];
}

/**
 * What the counters of one actor do not show.
 * @param {readonly any[]} said its health, up to the last that counts @param {number} from when the fault began
 * @param {{ bus: boolean, remote: boolean }} isSick
 */
function uncounted(said, from, isSick) {
  const sorted = [...said].sort((a, b) => a.at - b.at);
  const was = sorted.findLast(({ at }) => at < from);
  const since = sorted.filter(({ at }) => at >= from);
  const [{ failures, refused, doubts }, is] = edges(said, from);
  const what = [];
  // Timeouts are failures as well.
  if (isSick.remote && is.failures + is.refused <= failures + refused) what.push('the second tier does not answer');
  // Nothing comes into doubt before it was live: a bus that is new is down at first.
  const live = was?.bus === 'live' ? was : since.find(({ bus }) => bus === 'live');
  const isInDoubt = live !== undefined && since.some(({ bus, at }) => bus === 'down' && at > live.at);
  if (((isSick.bus && was?.bus === 'live') || isInDoubt) && is.doubts <= doubts) what.push('its bus was in doubt');
  return what;
}

/**
 * Of all that was accepted until each actor came to rest.
 * @param {import('./source.mjs').Source} source
 * @param {ReadonlyMap<string, number>} settled when each actor of which that is known had nothing left to write
 * @param {ReadonlyMap<string, { at: number, how: string }>} ended
 * @param {number} window how long before its end a process may have accepted what it then loses, in milliseconds
 * @param {import('./clock.mjs').Stalled} stalled that time does not count
 * @returns {Verdict}
 */
export function writtenBehind(source, settled, ended, window, stalled) {
  const violations = [];
  let lost = 0;
  for (const [actor, { accepted, stored }] of source.writers) {
    const numbers = new Set(stored.map(({ number }) => number));
    const missing = accepted.filter(({ number }) => !numbers.has(number));
    const end = ended.get(actor);
    if (end === undefined || end.how === 'SIGTERM') {
      const known = end === undefined ? (settled.get(actor) ?? 0) : Number.POSITIVE_INFINITY;
      const due = missing.filter(({ at }) => at < known);
      if (due.length > 0) violations.push(`${due.length} of ${accepted.length} writes of ${actor} are lost`);
    } else {
      lost += missing.length;
      const early = missing.filter(
        ({ at }) => discounted(end.at - at, window, () => stalled(at, end.at, [actor])) > window,
      );
      if (early.length > 0)
        violations.push(`${early.length} writes are lost that ${actor} accepted more than ${window} ms before its end`);
    }
    for (const [key, all] of groups(stored, ({ key: of }) => of)) {
      const first = [...new Set(all.map(({ number }) => number))];
      if (first.some((number, i) => i > 0 && number < first[i - 1]))
        violations.push(`writes of ${key} came in the order ${first.join(', ')}`);
    }
  }
  if (source.givenUp > 0) violations.push(`${source.givenUp} writes were given up`);
  return { violations, figure: lost };
}
