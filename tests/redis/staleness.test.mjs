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

/** What brings back what Redis had: nobody hears anything meanwhile, which is noticed. */
const RESTARTS = ['killed and started with nothing', 'killed and started from an older dump'];

/** One that hears of changes, some time after they were made, and what those are that it has not heard of yet. */
class Hearer {
  hears = true;
  /** @type {Set<ReturnType<typeof setTimeout>>} */
  #late = new Set();

  /** @param {import('tiercel/redis').RedisTier} tier */
  constructor(tier) {
    this.floors = Array(KEYS).fill(1);
    this.follower = tier.follow(() => this.hears);
  }

  changing(changes) {
    this.follower.changed(changes);
  }

  /** @param {number} late milliseconds; 0: now */
  hear(changes, versions, late) {
    const heard = () => {
      this.#late.delete(timer);
      this.follower.changed(changes);
      for (const [n, version] of versions) this.floors[n] = Math.max(this.floors[n], version);
    };
    const timer = setTimeout(heard, late);
    this.#late.add(timer);
    if (late > 0) return;
    clearTimeout(timer);
    heard();
  }

  /** Whatever was on its way does not come any more. */
  loses(floors) {
    for (const timer of this.#late) clearTimeout(timer);
    this.#late.clear();
    this.hears = false;
    this.follower.forget();
    this.floors = [...floors];
  }

  hearsAgain() {
    this.hears = true;
    this.follower.forget();
  }
}

/**
 * @typedef {object} Users
 * @property {(tier: import('tiercel').RemoteTier) => import('tiercel').RemoteTier} [make] what readers and writers use
 * @property {(tier: import('tiercel/redis').RedisTier) => Hearer} [follow] they read through what hears of changes, late
 */

/** @param {Users} [users] */
async function run(seed, users = {}) {
  const { make = (tier) => tier, follow } = users;
  const random = randomOf(seed);
  const clients = [];
  for (const connect of Object.values(CLIENTS)) clients.push(await connect(proxy.port), await connect(server.port));
  const tiers = clients.map((client) => make(redisTier(client, { timeout: 40 })));
  const hearers = follow === undefined ? [] : tiers.map((tier) => follow(/** @type {any} */ (tier)));
  // A version of each key that only grows, and the one that was invalidated last.
  const versions = Array(KEYS).fill(1);
  const floors = Array(KEYS).fill(1);
  const tagOf = (key) => `t${key % TAGS}`;
  const stats = { reads: 0, hits: 0, stale: 0, failed: 0, changes: 0, judged: 0, faults: {} };
  let isOver = false;
  const pace = follow ? 10 : 1;

  const reader = async () => {
    while (stats.reads < (follow ? 2 : 1) * READS) {
      const at = random(tiers.length);
      const tier = tiers[at];
      const reader = hearers[at]?.hears ? hearers[at].follower : tier;
      const n = random(KEYS);
      const key = `k${n}`;
      // Who hears of changes may give what he has not heard of.
      const floor = hearers[at]?.hears ? hearers[at].floors[n] : floors[n];
      stats.reads++;
      try {
        const wanted = { namespace: NS, key, lease: follow ? /** @type {const} */ ('missing') : true };
        const [{ entry, lease }] = await reader.read([{ ...wanted, tags: [tagOf(n)], dependsOn: [] }], CALL);
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
      // What is judged without Redis has to be right for a while before it is.
      const isTag = follow ? random(3) > 0 : random(3) === 0;
      const changed = isTag ? [...versions.keys()].filter((other) => tagOf(other) === tag) : [n];
      const now = changed.map((each) => [each, ++versions[each]]);
      /** @type {import('tiercel').Change[][]} */
      const ways = [
        [{ kind: 'tags', namespace: NS, tags: [tag] }],
        [{ kind: 'delete', namespace: NS, key: `k${n}` }],
        [{ kind: 'prefix', namespace: NS, prefix: `k${n}` }],
      ];
      const changes = ways[isTag ? 0 : 1 + (follow && random(8) > 0 ? 0 : random(2))];
      // Until it is acknowledged, by whichever connection.
      while (!isOver) {
        try {
          const at = random(tiers.length);
          hearers[at]?.changing(changes);
          await tiers[at].change(changes, CALL);
          stats.changes++;
          for (const [each, version] of now) floors[each] = Math.max(floors[each], version);
          for (const [i, hearer] of hearers.entries()) hearer.hear(changes, now, i === at ? 0 : random(20));
          break;
        } catch {
          await pause(2);
        }
      }
      await pause(random(10 * pace));
    }
  };

  const saboteur = async () => {
    while (!isOver) {
      await pause(30 * pace + random(60));
      const [name, fault] = Object.entries(FAULTS)[random(Object.keys(FAULTS).length)];
      const isUnheard = RESTARTS.includes(name);
      if (isUnheard) for (const hearer of hearers) hearer.loses(floors);
      await fault();
      if (isUnheard) for (const hearer of hearers) hearer.hearsAgain();
      stats.faults[name] = (stats.faults[name] ?? 0) + 1;
    }
  };

  const others = [writer(), writer(), saboteur()];
  await Promise.all(Array.from({ length: 6 }, reader));
  isOver = true;
  await Promise.all(others);
  await proxy.pass();
  for (const client of clients) client[Symbol.dispose]();
  for (const { follower } of hearers) stats.judged += /** @type {any} */ (follower).health().tokens.judged;
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
    const make = (tier) => ({
      read: (reads, call) => tier.read(reads, call),
      change: (changes, call) => tier.change(changes, call),
      write: (writes, call) =>
        tier.write(
          writes.map(({ lease, ...write }) => write),
          call,
        ),
    });
    const stats = await run(2, { make });
    t.diagnostic(JSON.stringify(stats));
    assert.ok(stats.stale > 0);
  });

  it('nothing is read by those who hear of changes, once they have heard of it', async (t) => {
    const stats = await run(3, { follow: (tier) => new Hearer(tier) });
    t.diagnostic(JSON.stringify(stats));
    assert.equal(stats.stale, 0);
    assert.ok(stats.judged > READS / 50 && stats.changes > 50, JSON.stringify(stats));
  });

  it('much is read by those who are told of nothing: so this test would notice', async (t) => {
    const stats = await run(4, {
      follow: (tier) => {
        const hearer = new Hearer(tier);
        const { follower } = hearer;
        hearer.follower = {
          read: (reads, call) => follower.read(reads, call),
          changed: () => undefined,
          forget: () => follower.forget(),
          health: () => follower.health(),
        };
        return hearer;
      },
    });
    t.diagnostic(JSON.stringify(stats));
    assert.ok(stats.stale > 0);
  });
});
