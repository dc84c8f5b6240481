// What can fail: the server, the network, a process or a thread; and three of them at once.
import { setTimeout as pause } from 'node:timers/promises';
import { ROLES } from './fleet.mjs';
import { NETWORK_FAULTS } from './network-faults.mjs';
import { PROCESS_FAULTS } from './process-faults.mjs';
import { SERVER_FAULTS } from './server-faults.mjs';

/** @typedef {import('./fleet.mjs').Fleet} Fleet */

/**
 * @typedef {{ bus?: string[], remote?: string[] }} Sick names of actors
 * @typedef {object} Fault
 * @property {(fleet: Fleet) => unknown} [prepare] what has to be there before, which may take a while
 * @property {(fleet: Fleet, i: number, prepared: any) => unknown} inflict i: how often it was inflicted before; prepared (any, as each fault has a type of its own):
 *   what `prepare` resolved to; may resolve to what a course has to know of it
 * @property {(fleet: Fleet, i: number) => unknown} [heal]
 * @property {(fleet: Fleet, i: number) => Sick | undefined} [sick] actors that have to say that they hear nothing,
 *   or get no answer, just before it is healed: all others have to say that they are well. Left out, or undefined: nobody
 *   can tell
 * @property {boolean} [losesLocks] whether the locks of the server may be lost
 * @property {boolean} [kills] whether it ends a process or a thread
 * @property {boolean} [isLong] whether it takes so long that a test suffers it once
 * @property {boolean} [isOurs] whether it is about what only Tiercel has: locks, threads, write-behind
 * @property {boolean} [isAlone] whether it cannot be had together with others
 */

/** @type {Readonly<Record<string, Fault>>} */
export const FAULTS = {
  none: { inflict: () => undefined, sick: () => ({}), isAlone: true },
  ...SERVER_FAULTS,
  ...NETWORK_FAULTS,
  ...PROCESS_FAULTS,
};

/** Who is away says nothing. */
const nobody = () => ({});

/** A process that is away until everything else is well again: it could not come back before. @type {Readonly<Record<string, Fault>>} */
const AWAY = {
  'a process is killed': {
    async inflict(fleet, i) {
      await fleet.end(fleet.members[i % fleet.members.length], 'SIGKILL');
    },
    heal: (fleet, i) => fleet.start(fleet.members[i % fleet.members.length]),
    sick: nobody,
    kills: true,
  },
  'a process stands still': {
    inflict: ({ members }, i) => members[i % members.length].child.kill('SIGSTOP'),
    heal: ({ members }, i) => members[i % members.length].child.kill('SIGCONT'),
    sick: nobody,
  },
};

const togetherOf = (faults) => Object.entries(faults).filter(([, { isAlone, isLong }]) => !isAlone && !isLong);

/** A number of 0 to below 1 for each call, the same ones for a seed (mulberry32). @param {number} seed */
function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t ^= t + Math.imul(t ^ (t >>> 7), 61 | t);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One fault of the server, one of the network and one of a process, at once. @param {number} seed the same ones each time */
export function compositionOf(seed) {
  const random = randomOf(seed);
  const parts = [SERVER_FAULTS, NETWORK_FAULTS, AWAY].map((faults) => {
    const all = togetherOf(faults);
    return { of: all[Math.floor(random() * all.length)], i: Math.floor(random() * 4), after: random() * 200 };
  });
  return {
    names: parts.map(({ of: [name] }) => name),
    /** @param {Fleet} fleet */
    async inflict(fleet) {
      await Promise.all(
        parts.map(async ({ of: [, fault], i, after }) => {
          await pause(after);
          await fault.inflict(fleet, i, undefined);
        }),
      );
    },
    /** @param {Fleet} fleet */
    async heal(fleet) {
      for (const {
        of: [, fault],
        i,
      } of parts)
        await fault.heal?.(fleet, i);
      for (const role of ROLES) for (const member of fleet.members) await member[role].pass();
    },
    /** Those of each, if of each it can be told. @param {Fleet} fleet @returns {Sick | undefined} */
    sick(fleet) {
      const all = parts.map(({ of: [, fault], i }) => fault.sick?.(fleet, i));
      if (all.includes(undefined)) return undefined;
      const who = (/** @type {'bus' | 'remote'} */ tier) => [...new Set(all.flatMap((sick) => sick?.[tier] ?? []))];
      return { bus: who('bus'), remote: who('remote') };
    },
  };
}

/**
 * A fault by its name; `three at once, seed N` is another composition in each round, of the seeds from N on.
 * @param {string} name
 * @returns {Fault}
 */
export function faultOf(name) {
  const seed = /^three at once, seed (\d+)$/.exec(name)?.[1];
  if (seed === undefined) return FAULTS[name];
  const compositions = new Map();
  const at = (i) => {
    const composition = compositions.get(i) ?? compositionOf(Number(seed) + i);
    compositions.set(i, composition);
    return composition;
  };
  return {
    async inflict(fleet, i) {
      await at(i).inflict(fleet);
      return { note: `seed ${Number(seed) + i}: ${at(i).names.join('; ')}` };
    },
    heal: (fleet, i) => at(i).heal(fleet),
    sick: (fleet, i) => at(i).sick(fleet),
    losesLocks: true,
    kills: true,
  };
}
