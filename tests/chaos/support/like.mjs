// A bus or a second tier that is another one, but for what is said to be otherwise.

/** @param {import('tiercel').Bus} bus @param {Partial<import('tiercel').Bus>} but @returns {import('tiercel').Bus} */
export const busLike = (bus, but) => ({
  name: bus.name ?? 'bus',
  open: (listener, memory) => bus.open(listener, memory),
  publish: (changes, carried) => bus.publish(changes, carried),
  check: () => bus.check?.(),
  get keepsMemory() {
    return bus.keepsMemory === true;
  },
  cover: (change) => bus.cover?.(change),
  covers: (namespace, key) => bus.covers?.(namespace, key) === true,
  get isUnsettled() {
    return bus.isUnsettled === true;
  },
  get heard() {
    return bus.heard ?? 0;
  },
  health: () => bus.health?.() ?? {},
  close: () => bus.close(),
  ...but,
});

/**
 * It does not remember anything for a cache, as that would go round what is otherwise.
 * @param {import('tiercel').RemoteTier} tier @param {Partial<import('tiercel').RemoteTier>} but @returns {import('tiercel').RemoteTier}
 */
export const tierLike = (tier, but) => ({
  name: tier.name ?? 'remote',
  isPipelined: tier.isPipelined === true,
  read: (reads, call) => tier.read(reads, call),
  write: (writes, call) => tier.write(writes, call),
  change: (changes, call) => tier.change(changes, call),
  lock: (request, call) => tier.lock?.(request, call) ?? Promise.resolve(undefined),
  health: () => tier.health?.() ?? {},
  ...but,
});
