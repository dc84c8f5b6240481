// Protections switched off, one at a time, so that the harness can show that it would notice.
import { busLike, tierLike } from './like.mjs';

/**
 * @param {string | undefined} what `'flush'`: memory is kept when the bus has missed something; `'lease'`: a load stores its
 *   value whatever happened since it began; `'tags'`: the second tier gives what it has, though a tag of it was invalidated;
 *   `'check'`: only timers tell that a bus is silent; `'heartbeat'` is a matter of the bus's options; for what else there is
 *   see {@link brokenUse}
 * @param {import('tiercel').CacheOptions & { remote: import('tiercel').RemoteTier, bus: import('tiercel').Bus }} options
 */
export function broken(what, options) {
  if (what === 'flush') return { ...options, bus: deafToDoubt(options.bus) };
  if (what === 'check') return { ...options, bus: busLike(options.bus, { check: () => undefined }) };
  if (what === 'lease') return { ...options, remote: withoutLeases(options.remote) };
  if (what === 'tags') return { ...options, remote: withoutTags(options.remote) };
  return options;
}

/**
 * @template {{ lock(name: string, wait: number): Promise<any>, health(): object }} T what an actor uses
 * @param {string | undefined} what `'fences'`: everybody counts the grants of locks for himself; `'counts'`: nothing is counted
 * @param {T} use @returns {T}
 */
export function brokenUse(what, use) {
  if (what === 'fences') return { ...use, lock: countingAlone(use.lock) };
  if (what === 'counts')
    return { ...use, health: () => ({ ...use.health(), counts: { failures: 0, timeouts: 0, refused: 0, doubts: 0 } }) };
  return use;
}

/** @param {(name: string, wait: number) => Promise<any>} lock */
function countingAlone(lock) {
  let token = 0;
  return async (/** @type {string} */ name, /** @type {number} */ wait) => {
    const held = await lock(name, wait);
    return held && { token: ++token, release: () => held.release() };
  };
}

/** A bus that has a thread of its own for the memory empties that by itself all the same. @param {import('tiercel').Bus} bus */
function deafToDoubt(bus) {
  let wasLive = false;
  return busLike(bus, {
    open: (listener, memory) =>
      bus.open(
        {
          changed: (...changes) => listener.changed(...changes),
          live() {
            if (!wasLive) listener.live();
            wasLive = true;
          },
          missed() {
            // Not passed on.
          },
          down() {
            // Not passed on.
          },
        },
        memory,
      ),
  });
}

/** @param {import('tiercel').RemoteTier} tier */
const withoutLeases = (tier) =>
  tierLike(tier, {
    write: (writes, call) =>
      tier.write(
        writes.map(({ lease: _, ...write }) => write),
        call,
      ),
  });

/** Stored without its tags, a value is good whatever becomes of them; who reads it gets them back. @param {import('tiercel').RemoteTier} tier */
const withoutTags = (tier) =>
  tierLike(tier, {
    write: (writes, call) =>
      tier.write(
        writes.map((write) => ({ ...write, entry: { ...write.entry, tags: [] } })),
        call,
      ),
    async read(reads, call) {
      const all = await tier.read(reads, call);
      return all.map(({ entry, lease }, i) => ({ entry: entry && { ...entry, tags: reads[i]?.tags ?? [] }, lease }));
    },
  });
