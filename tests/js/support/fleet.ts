import { type Cache, type CacheOptions, memoryBus, memoryRemote } from 'tiercel';
import { FakeClock } from './clock.js';
import { openTiers } from './tiers.js';

/** Several caches on one bus, with or without a second tier. */
export async function fleet(count: number, options: CacheOptions = {}, withRemote = true) {
  const clock = new FakeClock();
  const hub = memoryBus();
  const remote = memoryRemote(clock.now);
  const caches: Cache[] = [];
  for (let i = 0; i < count; i++) {
    const tiers = { bus: hub.connect(), now: clock.now, ...(withRemote && { remote }), ...options };
    caches.push(await openTiers(tiers));
  }
  return { clock, hub, remote, caches, a: caches[0] as Cache, b: caches[1] as Cache };
}
