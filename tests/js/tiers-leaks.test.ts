import { type Cache, memoryBus, memoryRemote } from 'tiercel';
import { foreign } from './support/bad-loaders.js';
import { isShared } from './support/cache.js';
import { deferred, settled } from './support/deferred.js';
import { collectGarbage } from './support/gc.js';
import { Random } from './support/random.js';
import { openTiers } from './support/tiers.js';

const WARM_UP = 50_000;
// The engine of the shared caches is one of those that have had a million.
const CALLS = isShared ? 100_000 : 1_000_000;

type Ask = (cache: Cache<number>, key: string, loader: () => number | Promise<number>) => Promise<unknown>;

/** Ways to ask, each of which makes something that must go again: timers, listeners of signals, refreshes, batches. */
const ways: Ask[] = [
  (cache, key, loader) => cache.getOrSet(key, loader),
  (cache, key, loader) => cache.getOrSet(key, loader, { tags: ['t'], ttl: '1h' }),
  (cache, key, loader) =>
    cache.getOrSet(key, loader, {
      grace: '1h',
      softTimeout: '1m',
      hardTimeout: '2m',
      signal: new AbortController().signal,
    }),
  (cache, key, loader) => cache.getOrSet(key, loader, { forceRefresh: true, waitTimeout: '1m' }),
  (cache, key) => cache.getOrSetMany([key, 'other'], async (keys) => new Map(keys.map((each) => [each, 1]))),
  (cache, key) => {
    // Its caller leaves, and the load, which nobody waits for any more, never ends.
    const controller = new AbortController();
    const asking = cache.getOrSet(`left ${key}`, () => deferred<number>().promise, { signal: controller.signal });
    controller.abort(foreign);
    return asking;
  },
];

test(`${CALLS} getOrSet calls leave nothing behind, in any tier`, async () => {
  const remote = memoryRemote();
  const cache = await openTiers<number>({ remote, bus: memoryBus().connect(), memory: { maxEntries: 100 } });
  const random = new Random(1);
  const round = async (calls: number) => {
    for (let i = 0; i < calls; i++) {
      const ask = i % 8 === 0 ? random.pick(ways) : (ways[0] as Ask);
      const loader = () => {
        if (i % 11 === 0) throw foreign;
        return i;
      };
      await ask(cache, `k${random.below(110)}`, loader).catch(() => undefined);
    }
    await settled();
    await collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const before = await round(WARM_UP);
  const after = await round(CALLS);
  // Some kilobytes are the runtime's own; a million of anything would be tens of megabytes.
  expect(after - before).toBeLessThan(2_000_000);
  expect(cache.stats().loading).toBe(0);
  expect(cache.health()).toMatchObject({ remote: { inFlight: 0 }, pending: { changes: 0 } });
});
