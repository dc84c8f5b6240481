// Protections switched off, so that the harness can show that it would notice.

/**
 * @param {string | undefined} what `'flush'`: memory is kept when the bus has missed something; `'lease'`: a load stores its
 *   value whatever happened since it began; `'check'`: only timers tell that a bus is silent; `'heartbeat'` is a matter of
 *   the bus's options
 * @param {import('tiercel').CacheOptions & { remote: import('tiercel').RemoteTier, bus: import('tiercel').Bus }} options
 */
export function broken(what, options) {
  if (what === 'flush') return { ...options, bus: deafToDoubt(options.bus) };
  if (what === 'check') return { ...options, bus: unchecked(options.bus) };
  if (what === 'lease') return { ...options, remote: withoutLeases(options.remote) };
  return options;
}

/** @param {import('tiercel').Bus} bus @returns {import('tiercel').Bus} */
function deafToDoubt(bus) {
  let wasLive = false;
  return {
    open: (listener) =>
      bus.open({
        changed: (changes) => listener.changed(changes),
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
      }),
    publish: (changes) => bus.publish(changes),
    close: () => bus.close(),
  };
}

/** @param {import('tiercel').Bus} bus @returns {import('tiercel').Bus} */
function unchecked(bus) {
  return {
    open: (listener) => bus.open(listener),
    publish: (changes) => bus.publish(changes),
    close: () => bus.close(),
  };
}

/** @param {import('tiercel').RemoteTier} tier @returns {import('tiercel').RemoteTier} */
function withoutLeases(tier) {
  return {
    read: (reads, call) => tier.read(reads, call),
    write: (writes, call) =>
      tier.write(
        writes.map(({ lease: _, ...write }) => write),
        call,
      ),
    change: (changes, call) => tier.change(changes, call),
  };
}
