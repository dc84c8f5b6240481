import type { MemoryCacheOptions, Policy } from 'tiercel';
import { expectBalanced, openCache } from './support/cache.js';
import { forEachSeed, Random } from './support/random.js';

const POLICIES: Policy[] = ['adaptive', 'lru', 'sieve', 's3fifo'];

test('the policy is adaptive by default', () => {
  expect(openCache().stats().policy).toBe('adaptive');
});

describe.each(POLICIES)('the policy %s', (policy) => {
  test('is the one that the statistics name', () => {
    expect(openCache({ policy }).stats().policy).toBe(policy);
  });

  test.each<[string, MemoryCacheOptions<number>]>([
    ['entries', { maxEntries: 50 }],
    ['bytes', { maxBytes: 50 * 200, sizeOf: (value) => value % 300 }],
    ['both', { maxEntries: 40, maxBytes: 50 * 200, sizeOf: (value) => value % 300 }],
  ])('keeps the bounds of %s, and gives back what was stored', (_, options) => {
    forEachSeed(8, (random) => {
      const cache = openCache<number>({ ...options, policy });
      const values = new Map<string, number>();
      for (let i = 0; i < 2000; i++) {
        const key = `k${Math.floor(random.next() ** 2 * 300)}`;
        const found = cache.get(key);
        if (found !== undefined && found !== values.get(key)) throw new Error(`${key}: ${found}`);
        if (found === undefined && cache.set(key, i)) values.set(key, i);
        if (random.chance(0.02)) cache.delete(key);
      }
      expectBalanced(cache);
      expect(cache.size).toBeGreaterThan(20);
    });
  });

  test('makes room for what is new: a value is there once it was set', () => {
    const cache = openCache<number>({ maxEntries: 20, policy });
    for (let i = 0; i < 1000; i++) {
      expect(cache.set(`k${i}`, i)).toBe(true);
      expect(cache.get(`k${i}`)).toBe(i);
    }
    expect(cache.size).toBe(20);
  });

  test('makes the same choices for the same seed and calls', () => {
    const kept = () => {
      const cache = openCache<number>({ maxEntries: 100, policy, seed: new Uint8Array(16).fill(3) });
      const random = new Random(5);
      for (let i = 0; i < 5000; i++) {
        const key = `k${Math.floor(random.next() ** 3 * 1000)}`;
        if (cache.get(key) === undefined) cache.set(key, i);
      }
      return [...cache.entries()];
    };
    expect(kept()).toEqual(kept());
  });

  test('goes on after the bounds were changed, down and up', () => {
    const cache = openCache<number>({ maxEntries: 100, policy });
    for (const maxEntries of [10, 500, 1, 100]) {
      cache.resize({ maxEntries });
      for (let i = 0; i < 1000; i++) if (cache.get(`k${i % 700}`) === undefined) cache.set(`k${i % 700}`, i);
      expect(cache.size).toBe(maxEntries);
    }
  });

  test('never evicts what is pinned', () => {
    const cache = openCache<number>({ maxEntries: 20, policy });
    for (let i = 0; i < 10; i++) cache.set(`pinned ${i}`, i, { pinned: true });
    for (let i = 0; i < 1000; i++) cache.set(`k${i}`, i);
    for (let i = 0; i < 10; i++) expect(cache.get(`pinned ${i}`)).toBe(i);
    expect(cache.size).toBe(20);
  });
});

describe('the policies that resist a scan', () => {
  test.each<Policy>(['adaptive', 'sieve', 's3fifo'])('keep what is used: %s', (policy) => {
    const hits = (choice: Policy) => {
      const cache = openCache<number>({ maxEntries: 100, policy: choice });
      let scanned = 0;
      for (let round = 0; round < 100; round++) {
        for (let i = 0; i < 100; i++) {
          const key = `hot ${i % 50}`;
          if (cache.get(key) === undefined) cache.set(key, i);
        }
        for (let i = 0; i < 100; i++) cache.set(`scan ${scanned++}`, i);
      }
      return cache.stats().hits;
    };
    expect(hits(policy)).toBeGreaterThan(hits('lru') + 3000);
  });
});

describe('a pinned entry', () => {
  test('leaves by every other cause', () => {
    let time = 0;
    const cache = openCache<number>({ now: () => time });
    const pin = () => cache.set('k', 1, { pinned: true, tags: ['t'], ttl: 10 });
    const ways: (() => unknown)[] = [
      () => cache.delete('k'),
      () => cache.invalidateTags('t'),
      () => cache.clear(),
      () => cache.invalidatePrefix('k'),
      () => {
        time += 10;
      },
    ];
    for (const leave of ways) {
      pin();
      expect(cache.has('k')).toBe(true);
      leave();
      expect(cache.has('k')).toBe(false);
    }
  });

  test('is pinned no more once it was set without', () => {
    const cache = openCache<number>({ maxEntries: 2, policy: 'lru' });
    cache.set('k', 1, { pinned: true });
    cache.set('k', 2);
    cache.set('a', 1);
    cache.set('b', 1);
    expect(cache.has('k')).toBe(false);
  });

  test('is pinned from the moment that a set says so', () => {
    const cache = openCache<number>({ maxEntries: 2, policy: 'lru' });
    cache.set('k', 1);
    cache.set('k', 2, { pinned: true });
    for (let i = 0; i < 10; i++) cache.set(`k${i}`, i);
    expect(cache.get('k')).toBe(2);
  });

  test('leaves no room for others once all room is taken', () => {
    const cache = openCache<number>({ maxEntries: 3 });
    for (let i = 0; i < 3; i++) expect(cache.set(`p${i}`, i, { pinned: true })).toBe(true);
    expect(cache.set('k', 1)).toBe(false);
    expect(cache.set('p3', 1, { pinned: true })).toBe(false);
    expect([...cache.keys()].sort()).toEqual(['p0', 'p1', 'p2']);
    expect(cache.stats()).toMatchObject({ rejected: 2, entries: 3 });
    expect(cache.set('p0', 9)).toBe(true);
    expect(cache.set('k', 1)).toBe(true);
    expect([...cache.keys()].sort()).toEqual(['k', 'p1', 'p2']);
  });

  test('may be one that was loaded', async () => {
    const cache = openCache<number>({ maxEntries: 2 });
    await cache.getOrSet('k', () => 1, { pinned: true });
    for (let i = 0; i < 10; i++) cache.set(`k${i}`, i);
    expect(cache.get('k')).toBe(1);
  });
});
