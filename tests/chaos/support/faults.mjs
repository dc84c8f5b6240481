// What can fail, and what is so while it does.
import { setTimeout as pause } from 'node:timers/promises';
import { ROLES } from './fleet.mjs';

/** @typedef {import('./fleet.mjs').Fleet} Fleet @typedef {import('./fleet.mjs').Member} Member */

/**
 * @typedef {object} Fault
 * @property {(fleet: Fleet, i: number) => unknown} inflict i: how often it was inflicted before
 * @property {(fleet: Fleet, i: number) => unknown} [heal]
 * @property {(fleet: Fleet) => { bus?: string[], remote?: string[] }} [sick] actors that have to say that they hear nothing,
 *   or get no answer, just before it is healed: all others have to say that they are well. Left out: nobody can tell
 * @property {boolean} [losesLocks] whether the locks of the server may be lost
 * @property {boolean} [kills] whether it ends a process
 */

const each = (fleet, role, act) => Promise.all(fleet.members.map((member) => act(member[role])));
const everybody = ({ members }) => members.flatMap(({ actors }) => actors);
const nobody = () => ({});
const allOf = (/** @type {number} */ member) => (fleet) => fleet.members[member].actors;
const only = (tier, member) => (fleet) => ({ [tier]: allOf(member)(fleet) });

/** For longer than a silent bus takes to be noticed. */
async function stop({ child }) {
  child.kill('SIGSTOP');
  await pause(2_500);
  child.kill('SIGCONT');
}

/** Another type, other bytes, nothing, and other fields, by turns. */
async function vandalise(server, name, i) {
  const ways = [
    [
      ['DEL', name],
      ['LPUSH', name, 'x'],
    ],
    [['SET', name, '{"version":1}']],
    [['DEL', name]],
    [
      ['DEL', name],
      ['HSET', name, 'f', 'x', 's', 'y'],
    ],
  ];
  for (const command of ways[i % ways.length]) await server.command(...command).catch(() => undefined);
}

/** @type {Readonly<Record<string, Fault>>} */
export const FAULTS = {
  none: { inflict: () => undefined, sick: nobody },
  'the server is killed and starts with nothing': {
    inflict: ({ server }) => server.restart(),
    losesLocks: true,
  },
  'the server stands still': {
    inflict: ({ server }) => server.suspend(),
    heal: ({ server }) => server.resume(),
    sick: (fleet) => ({ bus: everybody(fleet), remote: everybody(fleet) }),
  },
  'the server forgets everything': {
    inflict: ({ server }) => server.command('FLUSHALL'),
    sick: nobody,
    losesLocks: true,
  },
  'the server has no memory, and evicts all that it may': {
    inflict: ({ server }) => server.command('CONFIG', 'SET', 'maxmemory', 1),
    heal: ({ server }) => server.command('CONFIG', 'SET', 'maxmemory', '100mb'),
    losesLocks: true,
  },
  'the server is made a replica of nobody that is there': {
    inflict: ({ server }) => server.command('REPLICAOF', '127.0.0.1', 1),
    heal: ({ server }) => server.command('REPLICAOF', 'NO', 'ONE'),
  },
  'others write to what is stored': {
    async inflict({ server }) {
      const names = await server.command('KEYS', 'tiercel:*');
      for (const [i, name] of names.entries()) await vandalise(server, name, i);
    },
    losesLocks: true,
  },
  'the server ends connections': {
    inflict: ({ server }) => server.command('CLIENT', 'KILL', 'TYPE', 'pubsub'),
    sick: nobody,
  },
  'a bus is cut': {
    inflict: ({ members }) => members[0].bus.refuse(),
    heal: ({ members }) => members[0].bus.pass(),
    sick: only('bus', 0),
  },
  'all buses are cut for a moment': {
    async inflict(fleet) {
      await each(fleet, 'bus', (proxy) => proxy.refuse());
      await pause(150);
      await each(fleet, 'bus', (proxy) => proxy.pass());
    },
  },
  'a bus falls silent': {
    inflict: ({ members }) => members[1].bus.blackhole(),
    heal: ({ members }) => members[1].bus.pass(),
    sick: only('bus', 1),
  },
  'data is cut': {
    inflict: ({ members }) => members[2].data.refuse(),
    heal: ({ members }) => members[2].data.pass(),
    sick: only('remote', 2),
  },
  'data falls silent': {
    inflict: ({ members }) => members[3].data.blackhole(),
    heal: ({ members }) => members[3].data.pass(),
    sick: only('remote', 3),
  },
  'answers come late and in pieces': {
    inflict: (fleet) =>
      each(fleet, 'data', (proxy) => {
        proxy.delay(30, { up: false });
        proxy.split(7);
      }),
    heal: (fleet) => each(fleet, 'data', (proxy) => proxy.pass()),
  },
  'a process stands still': {
    inflict: (fleet) => stop(fleet.members[0]),
  },
  // What it has in memory when it goes on is older than any timer has told it.
  'a process stands still while its bus falls silent': {
    async inflict({ members }) {
      members[0].bus.blackhole();
      await stop(members[0]);
    },
    heal: ({ members }) => members[0].bus.pass(),
  },
};

/** Everything passes again, whatever was inflicted. @param {Fleet} fleet */
export async function passAll(fleet) {
  await Promise.all(ROLES.map((role) => each(fleet, role, (proxy) => proxy.pass())));
}
