// Tiercel, as an actor uses what is under test.
import { createCache } from 'tiercel';
import { writeBehind } from 'tiercel/patterns';
import { DistributedLock, redisBus, redisTier } from 'tiercel/redis';
import { CLIENTS } from '../../redis/support/clients.mjs';
import { broken, brokenUse } from './broken.mjs';
import { now } from './clock.mjs';
import { busLike } from './like.mjs';
import { partsOf } from './places.mjs';

/** Longest that what was accepted waits for others, in milliseconds: what the end of a process may lose. */
export const WRITE_INTERVAL = 100;
/** For a server that answers, on a machine that does other things as well; in production 100 ms. */
const TIMEOUT = 400;
/** How long it may be between that a thread drops memory and that others can see it, on a machine that does other things as well. */
const UNTOLD = 500;
/** How long a lock outlives its holder, in milliseconds. */
export const LOCK_TTL = 1_000;

/** The module that makes a client for the thread of the bus. */
const moduleFor = (library, port) => new URL(`./bus-client.mjs?library=${library}&port=${port}`, import.meta.url);

const NEVER = { heartbeat: '1h', patience: '1h' };

export async function open({ library, ports, breaks, heartbeat, patience, breaker, shared, listens, ...more }) {
  const { mode = 'pubsub', onDoubt = 'flush', publishValue = false } = more;
  const connect = CLIENTS[library];
  const [data, bus, lock] = [await connect(ports.data), await connect(ports.bus), await connect(ports.lock)];
  /** @type {((from: number) => void)[]} */
  const doubters = [];
  const cache = await createCache(
    broken(breaks, {
      memory: shared === undefined ? {} : { shared },
      remote: redisTier(data, { timeout: TIMEOUT }),
      bus: observed(
        redisBus(bus, {
          mode,
          timeout: TIMEOUT,
          ...(breaks === 'heartbeat' ? NEVER : { heartbeat, patience }),
          ...(listens === 'for all' && { thread: moduleFor(library, ports.bus) }),
        }),
        (from) => {
          for (const doubt of doubters) doubt(from);
        },
      ),
      remoteTimeout: TIMEOUT,
      ...{ breaker, onDoubt, publishValue },
      defaults: { ttl: '10m' },
    }),
  );
  const tenants = new Map();
  const tenantOf = (name) => {
    const tenant = tenants.get(name) ?? cache.namespace('tenant', name);
    tenants.set(name, tenant);
    return tenant;
  };
  const of = (place) => {
    const [tenant, key] = partsOf(place);
    return { tenant: tenantOf(tenant), key };
  };
  /** How each way changes a key; says whether all know. */
  const ways = {
    key: ({ tenant, key }) => tenant.invalidateKeys(key),
    tag: ({ tenant, key }) => tenant.invalidateTags(`tag of ${key}`),
    prefix: ({ tenant, key }) => tenant.invalidatePrefix(key),
    pattern: ({ tenant, key }) => tenant.invalidatePattern(`*${key}`),
    async set({ tenant, key }, value) {
      await tenant.set(key, value, { tags: [`tag of ${key}`] });
      return { pending: !(await cache.acknowledged()) };
    },
  };
  let lastLockFailure = Number.NEGATIVE_INFINITY;
  cache.on('error', ({ operation }) => {
    if (operation === 'lock' || operation === 'read') lastLockFailure = now();
  });
  return brokenUse(breaks, {
    engine: cache.memory.engine,
    read(place, load, { isCold: _, ...more } = /** @type {any} */ ({})) {
      const { tenant, key } = of(place);
      return tenant.getOrSet(key, load, { tags: [`tag of ${key}`], ...more });
    },
    /** Whether all know; undefined if nobody can tell. */
    async change(place, way, value) {
      const { pending } = await ways[way](of(place), value);
      return !pending;
    },
    acknowledged: () => cache.acknowledged(),
    forget: () => void cache.memory.clear(),
    health() {
      const { ok, remote, bus: busHealth, pending } = cache.health();
      const { failures = 0, timeouts = 0, refused = 0 } = remote ?? {};
      return {
        ...{ ok, remote: remote?.state, bus: busHealth?.state, pending: pending.changes, details: remote?.details },
        counts: { failures, timeouts, refused, doubts: cache.stats().doubts },
      };
    },
    /** @param {(from: number) => void} doubt told when memory was dropped because something may have been missed: since then */
    onDoubt: (doubt) => void doubters.push(doubt),
    /** Whether the lock of the fleet may not have been had since then: a load goes on without. @param {number} since */
    isUnlocked: (since) => lastLockFailure >= since || cache.health().remote?.state !== 'closed',
    /** @param {string} name @param {number} wait */
    lock: (name, wait) => new DistributedLock(lock, name, { ttl: LOCK_TTL, timeout: TIMEOUT }).tryAcquire({ wait }),
    /** @param {(operations: readonly { key: string, value: unknown }[]) => Promise<void>} write */
    writeBehind: (write, deadLetter) =>
      writeBehind(/** @type {any} */ (tenantOf('written behind')), {
        write: /** @type {any} */ (write),
        deadLetter,
        interval: WRITE_INTERVAL,
        backoff: 20,
        maxBackoff: 100,
        attempts: 0,
      }),
    async close() {
      await cache.close();
      for (const client of [data, bus, lock]) client[Symbol.dispose]();
    },
  });
}

/** A bus that says when the cache is told that it may have missed something. @param {import('tiercel').Bus} bus @returns {import('tiercel').Bus} */
function observed(bus, doubted) {
  let checked = now();
  const around = (tell) => {
    // Another thread may have dropped it since this one looked last, and before it had told of it.
    const from = bus.keepsMemory ? checked - UNTOLD : now();
    tell();
    doubted(from);
  };
  return busLike(bus, {
    open: (listener, memory) =>
      bus.open(
        {
          changed: (...changes) => listener.changed(...changes),
          live: () => around(() => listener.live()),
          missed: (reason) => around(() => listener.missed(reason)),
          down: (reason) => around(() => listener.down(reason)),
        },
        memory,
      ),
    check() {
      bus.check?.();
      checked = now();
    },
  });
}
