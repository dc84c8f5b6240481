// What a server can do, or have done to it.
import { setTimeout as pause } from 'node:timers/promises';
import { send } from '../../redis/support/resp.mjs';
import { until } from '../../redis/support/server.mjs';
import { startSentinel } from '../../redis/support/topologies.mjs';
import { ASKED_AGAIN } from './fleet.mjs';
import { shapes } from './shapes.mjs';

/** @typedef {import('./faults.mjs').Fault} Fault */

const everybody = ({ members }) => members.flatMap(({ actors }) => actors);
const nobody = () => ({});
const all = (fleet) => ({ bus: everybody(fleet), remote: everybody(fleet) });

/** It ends connections as well, to have more memory: perhaps the one that it is told by. */
const limitMemory = (server, bytes) =>
  until(`the server has ${bytes} of memory`, () => server.command('CONFIG', 'SET', 'maxmemory', bytes));

/** @param {number} ms @returns {Fault} */
const stopped = (ms) => ({
  async inflict({ server }) {
    server.suspend();
    await pause(ms);
    server.resume();
    // Until then who has not asked it again rightly says that it does not answer.
    await pause(ASKED_AGAIN);
  },
  sick: nobody,
  isAlone: true,
});

/** @type {Readonly<Record<string, Fault>>} */
export const SERVER_FAULTS = {
  'the server is killed and starts with nothing': {
    inflict: ({ server }) => server.restart(),
    losesLocks: true,
  },
  'the server is down': {
    inflict: ({ server }) => server.kill(),
    heal: ({ server }) => server.start(),
    sick: all,
    losesLocks: true,
  },
  'the server is down for 10 s': {
    async inflict({ server }) {
      await server.kill();
      await pause(10_000);
    },
    heal: ({ server }) => server.start(),
    sick: all,
    losesLocks: true,
    isLong: true,
  },
  'the server stands still': {
    inflict: ({ server }) => server.suspend(),
    heal: ({ server }) => server.resume(),
    sick: all,
  },
  'the server stands still for 50 ms': stopped(50),
  'the server stands still for 3 s': stopped(3_000),
  'the server stands still for 30 s': { ...stopped(30_000), isLong: true },
  'the server forgets everything': {
    inflict: ({ server }) => server.command('FLUSHALL'),
    sick: nobody,
    losesLocks: true,
  },
  'the server has no memory, and evicts all that it may': {
    inflict: ({ server }) => limitMemory(server, '1'),
    heal: ({ server }) => limitMemory(server, '100mb'),
    losesLocks: true,
    isAlone: true,
  },
  'the server is made a replica of nobody that is there': {
    inflict: ({ server }) => server.command('REPLICAOF', '127.0.0.1', 1),
    heal: ({ server }) => server.command('REPLICAOF', 'NO', 'ONE'),
    isAlone: true,
  },
  'a replica that lags takes the place of the server': {
    prepare: (fleet) => fleet.replicate(),
    async inflict(fleet) {
      // What is acknowledged from now on the replica does not get.
      fleet.link.blackhole();
      await pause(300);
      await fleet.failOver();
    },
    losesLocks: true,
    isAlone: true,
  },
  // The proxies do what a client of Sentinel does: they go where the primary is.
  'a Sentinel has a replica that lags take the place of the server': {
    async prepare(fleet) {
      await fleet.replicate();
      return startSentinel(fleet.server.port);
    },
    async inflict(fleet, _, sentinel) {
      fleet.link.blackhole();
      await pause(300);
      await fleet.failOver(async (replica) => {
        await until('the replica is the primary', async () => (await replica.command('ROLE'))[0] === 'master');
        // Or it would have a say in what becomes of the server that was.
        await sentinel.stop();
      });
    },
    losesLocks: true,
    isAlone: true,
  },
  'others write to what is stored': {
    async inflict({ server }, i) {
      const names = await server.command('KEYS', 'tiercel:*');
      const others = shapes(i);
      for (const name of names) await others(server.port, name, names);
    },
    losesLocks: true,
    isAlone: true,
  },
  'the server ends connections to buses': {
    inflict: ({ server }) => server.command('CLIENT', 'KILL', 'TYPE', 'pubsub'),
    sick: nobody,
  },
  'the server ends all connections': {
    inflict: ({ server }) => send(server.port, [['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes']]),
    sick: nobody,
  },
};
