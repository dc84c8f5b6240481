// What becomes of processes and threads.
import { setTimeout as pause } from 'node:timers/promises';
import { now } from './clock.mjs';

/** @typedef {import('./faults.mjs').Fault} Fault */

const nobody = () => ({});
const member = ({ members }, i) => members[i % members.length];

/** For longer than a silent bus takes to be noticed. */
async function stop({ child }) {
  child.kill('SIGSTOP');
  await pause(2_500);
  child.kill('SIGCONT');
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
    inflict: (fleet, i) => stop(member(fleet, i)),
  },
  // What it has in memory when it goes on is older than any timer has told it.
  'a process stands still while its bus falls silent': {
    async inflict({ members }) {
      members[0].bus.blackhole();
      await stop(members[0]);
    },
    heal: ({ members }) => members[0].bus.pass(),
  },
  'a process is killed while it loads': killedAt('load'),
  'a process is killed while it writes behind': { ...killedAt('store'), isOurs: true },
  'a process is killed while it holds a lock': {
    async inflict(fleet, i) {
      const killed = member(fleet, i);
      await fleet.ask(killed, 0, { hold: 'held' }, 'holds');
      const others = fleet.members.filter((other) => other !== killed);
      const waiting = others.map((other) => fleet.ask(other, 0, { contend: 'held' }, 'contended'));
      await pause(100);
      const diedAt = now();
      await fleet.replace(killed);
      await Promise.all(waiting);
      return { diedAt };
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
