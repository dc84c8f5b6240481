import type { LoadContext, MemoryCache } from 'tiercel';
import { badLoaders } from './support/bad-loaders.js';
import { expectBalanced, openCache } from './support/cache.js';
import { deferred } from './support/deferred.js';
import { Random, times } from './support/random.js';

/** Calls whose loader misbehaves. */
const LOADS = Number(process.env.TIERCEL_LOADS ?? times(100_000));

type Misbehaviour = (cache: MemoryCache<number>, key: string, context: LoadContext) => unknown;

/** What a loader may do, none of which may leave a key that cannot be computed again. */
const misbehaviours: Misbehaviour[] = [
  ...badLoaders,
  (_, __, { skip }) => {
    skip();
    return 1;
  },
  (cache, key) => {
    cache.set(key, 2);
    return 1;
  },
  (cache, key) => {
    cache.delete(key);
    return 1;
  },
  (cache) => {
    cache.clear();
    return 1;
  },
  (cache, _, { setTags }) => {
    setTags('t');
    cache.invalidateTags('t');
    return 1;
  },
  (cache, key) => cache.getOrSet(`${key}, nested`, () => 3),
  (cache, key) => [...cache.entries()].length + (cache.get(key) ?? 0),
  (_, __, { setTtl }) => {
    setTtl(-1);
    return 1;
  },
  (cache, _, { setTags }) => {
    for (let i = 0; i < 20; i++) cache.set(`filler ${i}`, i);
    setTags('x');
    return 1;
  },
];

describe('whatever a loader does', () => {
  test(`its key can be loaded again, nothing stays in flight, and the weights are exact: ${LOADS} times`, async () => {
    const random = new Random(1);
    const cache = openCache<number>({ maxEntries: 16, maxBytes: 100_000, sizeOf: () => 10 });
    let stuck = 0;
    for (let i = 0; i < LOADS; i++) {
      const key = `k${random.below(8)}`;
      const misbehave = random.pick(misbehaviours);
      const loader = (context: LoadContext) => misbehave(cache, key, context) as number;
      await cache.getOrSet(key, loader, { forceRefresh: true }).catch(() => undefined);
      if (cache.stats().loading !== 0) stuck++;
    }
    expect(stuck).toBe(0);
    for (let i = 0; i < 8; i++) expect(await cache.getOrSet(`k${i}`, () => 7, { forceRefresh: true })).toBe(7);
    let bytes = 0;
    // For an entry 80, and 24 for its part of the column and for each tag.
    for (const key of cache.keys()) bytes += 80 + 10 + (cache.tagsOf(key)?.length ? 12 + 24 : 0);
    expect(cache.bytes).toBe(bytes);
    expectBalanced(cache);
  });

  test('a load that never settles gives way to the next once its key is invalidated', async () => {
    const cache = openCache<number>();
    for (let i = 0; i < 10_000; i++) {
      const never = deferred<number>();
      cache.getOrSet('k', () => never.promise).catch(() => undefined);
      cache.delete('k');
    }
    expect(await cache.getOrSet('k', () => 1)).toBe(1);
    expect(cache.get('k')).toBe(1);
  });
});
