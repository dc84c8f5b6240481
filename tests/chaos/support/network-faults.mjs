// What a network can do, or a proxy in it that answers in the server's place.
import { setTimeout as pause } from 'node:timers/promises';

/** @typedef {import('./faults.mjs').Fault} Fault */

const each = (fleet, role, act) => Promise.all(fleet.members.map((member) => act(member[role])));
const everybody = ({ members }) => members.flatMap(({ actors }) => actors);
const nobody = () => ({});
const only = (tier, member) => (fleet) => ({ [tier]: fleet.members[member].actors });
const pass = (role) => (fleet) => each(fleet, role, (proxy) => proxy.pass());

/**
 * All that the second tier asks for is answered with an error.
 * @param {string} error @param {readonly string[]} commands @param {Fault['sick']} [sick] @returns {Fault}
 */
const answered = (error, commands, sick = (fleet) => ({ remote: everybody(fleet) })) => ({
  inflict: (fleet) => each(fleet, 'data', (proxy) => proxy.answer(error, commands)),
  heal: pass('data'),
  sick,
});
const SCRIPTS = ['EVAL', 'EVALSHA'];

/** @type {Readonly<Record<string, Fault>>} */
export const NETWORK_FAULTS = {
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
  'what others say comes late': {
    inflict: (fleet) => each(fleet, 'bus', (proxy) => proxy.delay(80, { up: false })),
    heal: pass('bus'),
    sick: nobody,
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
    heal: pass('data'),
  },
  'everything comes byte by byte': {
    inflict({ members }, i) {
      const { data, bus } = members[i % members.length];
      data.split(1);
      bus.split(1);
    },
    async heal(fleet) {
      await pass('data')(fleet);
      await pass('bus')(fleet);
    },
  },
  'much comes at once': {
    async inflict(fleet) {
      for (const role of /** @type {const} */ (['data', 'bus'])) await each(fleet, role, (proxy) => proxy.coalesce(30));
    },
    async heal(fleet) {
      await pass('data')(fleet);
      await pass('bus')(fleet);
    },
    sick: nobody,
  },
  'one half of connections is closed': {
    inflict({ members }, i) {
      members[i % members.length].data.halfClose('down');
      members[(i + 1) % members.length].data.halfClose('up');
      members[(i + 2) % members.length].bus.halfClose('down');
      members[(i + 3) % members.length].bus.halfClose('up');
    },
    sick: nobody,
  },
  'the way to locks is cut': {
    inflict: (fleet) => each(fleet, 'lock', (proxy) => proxy.refuse()),
    heal: pass('lock'),
    sick: nobody,
    isOurs: true,
  },
  'the way to locks falls silent': {
    inflict: (fleet) => each(fleet, 'lock', (proxy) => proxy.blackhole()),
    heal: pass('lock'),
    sick: nobody,
    isOurs: true,
  },
  'the server says that it is loading': answered('LOADING Redis is loading the dataset in memory', SCRIPTS),
  'the server says that it is a replica': answered('READONLY You can not write against a read only replica.', SCRIPTS),
  'the server says that it has no memory': answered('OOM command not allowed when used memory > maxmemory.', SCRIPTS),
  'the server says that it has no scripts': answered('NOSCRIPT No matching script.', ['EVALSHA'], nobody),
  'the server says that keys have moved': answered('MOVED 3999 127.0.0.1:1', SCRIPTS),
};
