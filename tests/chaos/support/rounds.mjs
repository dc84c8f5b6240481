// A fault in its course: changes while all is well, changes during the fault, then none, so that what is served late shows
// for as long as it is, and at last everything is well again.
import { setTimeout as pause } from 'node:timers/promises';
import { Fleet } from './fleet.mjs';
import { judge } from './oracle.mjs';

/** @typedef {{ inflict(fleet: Fleet): unknown, heal?(fleet: Fleet): unknown }} Fault */

const each = (fleet, role, act) => Promise.all(fleet.members.map((member) => act(member[role])));

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
  for (const command of ways[i % ways.length]) await server.command(...command);
}

/** @type {Readonly<Record<string, Fault>>} */
export const FAULTS = {
  none: { inflict: () => undefined },
  'the server is killed and starts with nothing': { inflict: ({ server }) => server.restart() },
  'the server stands still': {
    inflict: ({ server }) => server.suspend(),
    heal: ({ server }) => server.resume(),
  },
  'the server forgets everything': { inflict: ({ server }) => server.command('FLUSHALL') },
  'the server has no memory, and evicts all that it may': {
    inflict: ({ server }) => server.command('CONFIG', 'SET', 'maxmemory', 1),
    heal: ({ server }) => server.command('CONFIG', 'SET', 'maxmemory', '100mb'),
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
  },
  'the server ends connections': {
    inflict: ({ server }) => server.command('CLIENT', 'KILL', 'TYPE', 'pubsub'),
  },
  'a bus is cut': { inflict: ({ members }) => members[0].bus.refuse(), heal: ({ members }) => members[0].bus.pass() },
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
  },
  'data is cut': { inflict: ({ members }) => members[2].data.refuse(), heal: ({ members }) => members[2].data.pass() },
  'data falls silent': {
    inflict: ({ members }) => members[3].data.blackhole(),
    heal: ({ members }) => members[3].data.pass(),
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

const WELL = 300;
const DURING = 500;

/**
 * @param {string} name of a fault
 * @param {{ breaks?: string, slowest?: number, grace: number, repeat?: number }} options grace: as of {@link judge}; the
 *   others as of {@link Fleet}
 */
export async function suffer(name, { breaks, slowest, grace, repeat = 1 }) {
  const fleet = await Fleet.open({ breaks, slowest });
  let isOver = false;
  let isWriting = true;
  const writing = (async () => {
    while (!isOver) {
      // Not waited for: a process that is cut off must not hold up the others.
      if (isWriting) void fleet.change();
      await pause(15);
    }
  })();
  try {
    const { inflict, heal } = FAULTS[name];
    for (let i = 0; i < repeat; i++) {
      isWriting = true;
      await pause(WELL);
      const fault = inflict(fleet);
      await pause(DURING);
      isWriting = false;
      await fault;
      await pause(grace + 500);
      await heal?.(fleet);
    }
    await pause(300);
  } finally {
    isOver = true;
    await writing;
    await fleet.close();
  }
  const { changes, acknowledged, members, log } = fleet;
  return { ...judge(log, grace), changes, acknowledged, facts: members.map((member) => member.facts) };
}
