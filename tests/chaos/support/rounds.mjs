// A fault in its course: changes while all is well, changes during the fault, then none, so that what is served late shows
// for as long as it is, and at last everything is well again. A fleet suffers it as often as it is told.
import { setTimeout as pause } from 'node:timers/promises';
import { CONTROLLER, now, Stalls, stalledOf } from './clock.mjs';
import { faultOf } from './faults.mjs';
import { isOfFleet } from './places.mjs';
import { judgeCourse, PROMISES, writtenBehind } from './promises.mjs';
import { LOCK_TTL, WRITE_INTERVAL } from './tiercel-subject.mjs';

const WELL = 300;
const DURING = 500;
/** What has to happen in that time; where the machine has other things to do it takes up to ten times as long. */
const RECORDS = 100;
const CHANGES = 20;
/** Between changes of the source. */
const PACE = 15;
/** How long what a process accepted before its end may have been on its way to the store. */
const WINDOW = WRITE_INTERVAL + 2_000;

/**
 * @typedef {object} Outcome
 * @property {string} name of the fault
 * @property {number} rounds @property {number} unjudged those in which of some it could not be told whether their health was
 *   right, as the machine kept them from running
 * @property {Record<string, { violations: string[], figures: number[] }>} promises
 * @property {number[]} staleness milliseconds that reads were late by
 * @property {number} reads @property {number} changes @property {number} acknowledged @property {number} later
 * @property {number} grants of locks @property {number} locked loads that had the lock of the fleet
 * @property {Record<string, string>} engines of the actors that there ever were
 */

/**
 * @param {import('./fleet.mjs').Fleet} fleet
 * @param {string} name of a fault
 * @param {{ grace: number, repeat?: number, until?: (outcome: Outcome) => boolean }} options grace: as of {@link judge};
 *   until: no further round if this is so
 * @returns {Promise<Outcome>}
 */
export async function suffer(fleet, name, { grace, repeat = 1, until = () => false }) {
  /** @type {Outcome} */
  const outcome = {
    name,
    ...{ rounds: 0, unjudged: 0 },
    promises: Object.fromEntries(Object.keys(PROMISES).map((id) => [id, { violations: [], figures: [] }])),
    staleness: [],
    ...{ reads: 0, changes: 0, acknowledged: 0, later: 0, grants: 0, locked: 0, engines: {} },
  };
  const { changes, acknowledged, later } = fleet;
  const fault = faultOf(name);
  const stalls = new Stalls((from, to) => fleet.log.push({ type: 'stall', process: CONTROLLER, from, to }));
  const writing = new Writing(fleet);
  try {
    await pause(WELL);
    writing.isOn = false;
    let before = await fleet.settle();
    for (let i = 0; i < repeat && !until(outcome); i++) {
      fleet.log = carriedOver(fleet.log);
      fleet.renewed.clear();
      const course = await inflict(fleet, fault, { i, grace, writing, stalls });
      // What memory a thread that ends leaves to its process is no matter of ours.
      before = before.map((one) => (fleet.renewed.has(one.process) ? { ...one, memory: undefined } : one));
      add(outcome, fleet, { ...course, before });
      // What came new into the fleet is compared with itself from now on.
      const facts = new Map(course.facts.map((one) => [one.name, one]));
      before = before.map((one) => ({ ...one, memory: one.memory ?? facts.get(one.name)?.memory }));
      const known = new Set(before.map((one) => one.name));
      before = [...before, ...course.facts.filter((one) => !known.has(one.name))];
    }
  } finally {
    stalls.end();
    await writing.end();
  }
  outcome.changes = fleet.changes - changes;
  outcome.acknowledged = fleet.acknowledged - acknowledged;
  outcome.later = fleet.later - later;
  outcome.engines = fleet.engines;
  return outcome;
}

/** Changes of the source, one after the other. */
class Writing {
  isOn = true;
  #isOver = false;
  #done;

  /** @param {import('./fleet.mjs').Fleet} fleet */
  constructor(fleet) {
    this.#done = this.#go(fleet);
  }

  async #go(fleet) {
    while (!this.#isOver) {
      if (this.isOn) fleet.change();
      await pause(PACE);
    }
  }

  async end() {
    this.#isOver = true;
    await this.#done;
  }
}

/** @param {import('./fleet.mjs').Fleet} fleet @returns {Promise<Omit<import('./promises.mjs').Course, 'before'>>} */
async function inflict(fleet, fault, { i, grace, writing, stalls }) {
  const { sick, losesLocks = false, kills = false } = fault;
  writing.isOn = true;
  const { length } = fleet.log;
  await atLeast(WELL, () => fleet.log.length > length + RECORDS);
  const prepared = await fault.prepare?.(fleet);
  const inflictedAt = now();
  const inflicting = fault.inflict(fleet, i, prepared);
  const { changes } = fleet;
  await atLeast(DURING, () => fleet.changes > changes + CHANGES);
  writing.isOn = false;
  const { goneAt, lateHolder, note } = (await inflicting) ?? {};
  await unstalled(grace + 300, stalls);
  const ill = sick?.(fleet, i);
  const healedAt = now();
  await fault.heal?.(fleet, i);
  const facts = await fleet.settle();
  return {
    ...{
      log: fleet.log,
      ended: fleet.ended,
      grace,
      inflictedAt,
      healedAt,
      facts,
      sick: ill,
      kills,
      goneAt,
      lateHolder,
    },
    note: note === undefined ? '' : ` (${note})`,
    keepsLocks: !losesLocks,
    isToldOfLoads: fleet.isToldOfLoads,
    ttl: LOCK_TTL,
  };
}

/** @param {number} ms in which this thread could run @param {Stalls} stalls */
async function unstalled(ms, stalls) {
  const begin = now() - stalls.total;
  for (let left = ms; left > 0; left = ms - (now() - stalls.total - begin)) await pause(Math.ceil(left));
}

/** @param {number} ms @param {() => boolean} isEnough */
async function atLeast(ms, isEnough) {
  const end = now() + 10 * ms;
  await pause(ms);
  while (!isEnough() && now() < end) await pause(20);
}

/** @param {Outcome} outcome @param {import('./fleet.mjs').Fleet} fleet @param {import('./promises.mjs').Course} course */
function add(outcome, fleet, course) {
  const { staleness, isUnjudged, ...verdicts } = judgeCourse(course);
  const settled = new Map(course.facts.map(({ name, settledAt }) => [name, settledAt]));
  const written = writtenBehind(fleet.source, settled, fleet.ended, WINDOW, stalledOf(course.log));
  fleet.source.forgetWrites(fleet.ended);
  for (const [id, { violations, figure }] of Object.entries({ ...verdicts, P8: written })) {
    outcome.promises[id].violations.push(...violations.map((what) => `${what}${course.note}`));
    if (figure !== undefined) outcome.promises[id].figures.push(figure);
  }
  outcome.staleness.push(...staleness);
  outcome.reads += course.facts.reduce((sum, { reads = 0 }) => sum + reads, 0);
  const loads = course.log.filter(({ type, key }) => type === 'load' && isOfFleet(key));
  outcome.locked += loads.filter(({ isUnlocked, isCutOff }) => !isUnlocked && !isCutOff).length;
  outcome.grants += course.log.filter(({ type }) => type === 'grant').length;
  outcome.rounds++;
  if (isUnjudged) outcome.unjudged++;
}

/** How long what happened in one round may make a difference to another, in milliseconds. */
const REMEMBERED = 60_000;

/**
 * What the next round has to know of those before: the newest of each place, what loads that go on were overtaken by, and
 * who may have left a lock behind.
 */
function carriedOver(log) {
  /** @type {Map<string, any>} */
  const newest = new Map();
  for (const record of log)
    if (record.type === 'change' && record.version > (newest.get(record.key)?.version ?? 0))
      newest.set(record.key, record);
  const since = now() - REMEMBERED;
  const isRemembered = ({ type, at, isCutOff, end }) => (type === 'doubt' ? at : isCutOff ? end : 0) > since;
  return [...newest.values(), ...log.filter(isRemembered)];
}
