// What becomes of processes and threads.
import { setTimeout as pause } from 'node:timers/promises';
import { now } from './clock.mjs';
import { CHANGING, FLEET } from './places.mjs';
import { LOCK_TTL } from './tiercel-subject.mjs';

/** @typedef {import('./faults.mjs').Fault} Fault */

const nobody = () => ({});
const member = ({ members }, i) => members[i % members.length];

/** Longer than a silent bus takes to be noticed; and than a lock outlives its holder. */
const LONG = 2_500;
const BEYOND_TTL = LOCK_TTL + 300;

/**
 * It goes on once the time is over and what happens meanwhile is done.
 * @param {import('./fleet.mjs').Member} member @param {number} ms @param {() => unknown} [meanwhile]
 */
async function stop({ child }, ms, meanwhile = () => undefined) {
  child.kill('SIGSTOP');
  try {
    await Promise.all([pause(ms), meanwhile()]);
  } finally {
    child.kill('SIGCONT');
  }
}

/** Stopped as soon as it does something, and goes on. @param {'load' | 'store'} what @returns {Fault} */
const stoppedAt = (what) => ({
  async inflict(fleet, i) {
    const stopped = member(fleet, i);
    // What is changed meanwhile, which has to be refused when it goes on; and what it has a lock for.
    const places = (i + Math.floor(i / fleet.members.length)) % 2 === 0 ? CHANGING : FLEET;
    await fleet.next(stopped, what, ({ place }) => what !== 'load' || places.includes(place));
    await stop(stopped, BEYOND_TTL);
  },
  sick: nobody,
});

/** A process holds the lock `held`, and the others wait for that. @param {import('./fleet.mjs').Fleet} fleet */
async function heldBy(fleet, i) {
  const holder = member(fleet, i);
  await fleet.ask(holder, 0, { hold: 'held' }, 'holds');
  const waiting = fleet.members
    .filter((other) => other !== holder)
    .map((other) => fleet.ask(other, 0, { contend: 'held' }, 'contended'));
  await pause(100);
  return { holder, others: Promise.all(waiting) };
}

/** Killed as soon as it does something, and another put in its place. @param {'load' | 'store'} what @returns {Fault} */
const killedAt = (what) => ({
  async inflict(fleet, i) {
    const killed = member(fleet, i);
    await fleet.next(killed, what);
    await fleet.replace(killed);
  },
  sick: nobody,
  kills: true,
});

/** @type {Readonly<Record<string, Fault>>} */
export const PROCESS_FAULTS = {
  'a process stands still': {
    inflict: (fleet, i) => stop(member(fleet, i), LONG),
  },
  // What it has in memory when it goes on is older than any timer has told it.
  'a process stands still while its bus falls silent': {
    async inflict({ members }) {
      members[0].bus.blackhole();
      await stop(members[0], LONG);
    },
    heal: ({ members }) => members[0].bus.pass(),
  },
  'a process stands still while it loads': stoppedAt('load'),
  'a process stands still while it writes behind': { ...stoppedAt('store'), isOurs: true },
  'a process stands still while it holds a lock': {
    async inflict(fleet, i) {
      const { holder, others } = await heldBy(fleet, i);
      const goneAt = now();
      let late;
      await stop(holder, BEYOND_TTL, async () => {
        await others;
        // The first that it hears when it goes on.
        late = fleet.ask(holder, 0, { late: 'held' }, 'late');
      });
      await late;
      return { goneAt, lateHolder: holder.actors[0] };
    },
    sick: nobody,
    isOurs: true,
  },
  'a process is killed while it loads': killedAt('load'),
  'a process is killed while it writes behind': { ...killedAt('store'), isOurs: true },
  'a process is killed while it holds a lock': {
    async inflict(fleet, i) {
      const { holder, others } = await heldBy(fleet, i);
      const goneAt = now();
      await fleet.replace(holder);
      await others;
      return { goneAt };
    },
    sick: nobody,
    kills: true,
    isOurs: true,
  },
  // Threads are not told: the signal is the process's.
  'a process is told to end': {
    inflict: (fleet, i) => fleet.replace(fleet.members[2 + (i % 2)], 'SIGTERM'),
    sick: nobody,
    kills: true,
    isOurs: true,
  },
  'a thread is terminated': {
    inflict: (fleet, i) => fleet.terminate(fleet.members[i % 2], Math.floor(i / 2) % 2),
    sick: nobody,
    kills: true,
    isOurs: true,
  },
};
