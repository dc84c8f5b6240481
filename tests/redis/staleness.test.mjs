// Readers and writers over a server that is killed, restarted from an older dump, emptied and cut off, again and again: no read
// may give what was invalidated before it began.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { redisTier } from 'tiercel/redis';
import { CLIENTS } from './support/clients.mjs';
import { startProxy } from './support/proxy.mjs';
import { startServer } from './support/server.mjs';

const CALL = { signal: new AbortController().signal };
const NS = ['cache'];
const KEYS = 20;
const TAGS = 4;
const READS = Number(process.env.TIERCEL_READS ?? 6_000);

let server;
let proxy;
before(async () => {
  server = await startServer();
  proxy = await startProxy(server.port);
});
after(async () => {
  await proxy.close();
  await server.stop();
});

/** The same numbers each time; what they meet depends on the machine all the same. */
function randomOf(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const FAULTS = {
  'killed and started with nothing': () => server.restart(),
  async 'killed and started from an older dump'() {
    await server.command('SAVE');
    await pause(20);
    await server.kill();
    await server.start();
  },
  emptied: () => server.command('FLUSHALL'),
  async 'bereft of some keys'() {
    const names = await server.command('KEYS', 'tiercel:*');
    const some = names.filter((_, i) => i % 3 === 0);
    if (some.length > 0) await server.command('DEL', ...some);
  },
  'bereft of its scripts': () => server.command('SCRIPT', 'FLUSH'),
  'without connections': () => server.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'),
  async 'cut off'() {
    proxy.drop();
  },
  async 'not to be reached'() {
    proxy.blackhole();
    await pause(60);
    await proxy.pass();
  },
  async 'answering late'() {
    proxy.blackhole({ up: false });
    await pause(60);
    proxy.drop();
    await proxy.pass();
  },
};

/** @param {(tier: import('tiercel').RemoteTier) => import('tiercel').RemoteTier} make what readers and writers use */
async function run(seed, make = (tier) => tier) {
  const random = randomOf(seed);
  const clients = [];
  for (const connect of Object.values(CLIENTS)) clients.push(await connect(proxy.port), await connect(server.port));
  const tiers = clients.map((client) => make(redisTier(client, { timeout: 40 })));
  // A version of each key that only grows, and the one that was invalidated last.
  const versions = Array(KEYS).fill(1);
  const floors = Array(KEYS).fill(1);
  const tagOf = (key) => `t${key % TAGS}`;
  const stats = { reads: 0, hits: 0, stale: 0, failed: 0, changes: 0, faults: {} };
  let isOver = false;

  const reader = async () => {
    while (stats.reads < READS) {
      const tier = tiers[random(tiers.length)];
      const n = random(KEYS);
      const key = `k${n}`;
      const floor = floors[n];
      stats.reads++;
      try {
        const [{ entry, lease }] = await tier.read(
          [{ namespace: NS, key, lease: true, tags: [tagOf(n)], dependsOn: [] }],
          CALL,
        );
        if (entry !== undefined) {
          stats.hits++;
          if (entry.value < floor) stats.stale++;
          continue;
        }
        const value = versions[n];
        await pause(random(8));
        const loaded = { value, ttl: 3_600_000, stale: 0, tags: [tagOf(n)], dependsOn: [] };
        await tier.write([{ namespace: NS, key, entry: loaded, lease }], CALL);
      } catch {
        stats.failed++;
        await pause(2);
      }
    }
  };

  const writer = async () => {
    while (!isOver) {
      const n = random(KEYS);
      const tag = tagOf(n);
      const isTag = random(3) === 0;
      const changed = isTag ? [...versions.keys()].filter((other) => tagOf(other) === tag) : [n];
      const now = changed.map((each) => [each, ++versions[each]]);
      /** @type {import('tiercel').Change[][]} */
      const ways = [
        [{ kind: 'tags', namespace: NS, tags: [tag] }],
        [{ kind: 'delete', namespace: NS, key: `k${n}` }],
        [{ kind: 'prefix', namespace: NS, prefix: `k${n}` }],
      ];
      const changes = ways[isTag ? 0 : 1 + random(2)];
      // Until it is acknowledged, by whichever connection.
      while (!isOver) {
        try {
          await tiers[random(tiers.length)].change(changes, CALL);
          stats.changes++;
          for (const [each, version] of now) floors[each] = Math.max(floors[each], version);
          break;
        } catch {
          await pause(2);
        }
      }
      await pause(random(10));
    }
  };

  const saboteur = async () => {
    while (!isOver) {
      await pause(30 + random(60));
      const [name, fault] = Object.entries(FAULTS)[random(Object.keys(FAULTS).length)];
      await fault();
      stats.faults[name] = (stats.faults[name] ?? 0) + 1;
    }
  };

  const others = [writer(), writer(), saboteur()];
  await Promise.all(Array.from({ length: 6 }, reader));
  isOver = true;
  await Promise.all(others);
  await proxy.pass();
  for (const client of clients) client[Symbol.dispose]();
  return stats;
}

describe('of what was invalidated before a read began', () => {
  it('nothing is read, whatever happens to the server and on the way to it', async (t) => {
    const stats = await run(1);
    t.diagnostic(JSON.stringify(stats));
    assert.equal(stats.stale, 0);
    assert.ok(stats.hits > READS / 20 && stats.changes > 50, JSON.stringify(stats));
    assert.ok(Object.values(stats.faults).reduce((sum, n) => sum + n, 0) > 10, JSON.stringify(stats));
  });

  it('much is read from a tier that takes values without a lease: so this test would notice', async (t) => {
    const stats = await run(2, (tier) => ({
      read: (reads, call) => tier.read(reads, call),
      change: (changes, call) => tier.change(changes, call),
      write: (writes, call) =>
        tier.write(
          writes.map(({ lease, ...write }) => write),
          call,
        ),
    }));
    t.diagnostic(JSON.stringify(stats));
    assert.ok(stats.stale > 0);
  });
});
