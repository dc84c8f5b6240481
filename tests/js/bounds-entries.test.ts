import { expectBalanced, openCache } from './support/cache.js';
import { expectThrow } from './support/errors.js';
import { forEachSeed } from './support/random.js';

/** A cache of at most `limit` entries that drops the one unused for longest: the order of a Map is the order of use. */
class NaiveLru {
  readonly entries = new Map<string, number>();

  constructor(public limit: number) {}

  get(key: string): number | undefined {
    const value = this.entries.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  set(key: string, value: number): void {
    this.entries.delete(key);
    this.entries.set(key, value);
    this.shrink();
  }

  shrink(): void {
    for (const key of this.entries.keys()) {
      if (this.entries.size <= this.limit) return;
      this.entries.delete(key);
    }
  }
}

describe('maxEntries', () => {
  test('with the policy lru drops the entry unused for longest', () => {
    const cache = openCache<number>({ maxEntries: 3, policy: 'lru' });
    for (const key of ['a', 'b', 'c']) cache.set(key, 1);
    cache.get('a');
    cache.set('d', 1);
    expect([...cache.keys()].sort()).toEqual(['a', 'c', 'd']);
    expect(cache.stats().removals.size).toBe(1);
  });

  test.each<[string, (cache: ReturnType<typeof openCache<number>>) => unknown, boolean]>([
    ['get', (cache) => cache.get('a'), true],
    ['getEntry', (cache) => cache.getEntry('a'), true],
    ['getMany', (cache) => cache.getMany(['a']), true],
    ['set', (cache) => cache.set('a', 2), true],
    ['getOrSet', (cache) => cache.getOrSet('a', () => 2), true],
    ['peek', (cache) => cache.peek('a'), false],
    ['has', (cache) => cache.has('a'), false],
    ['ttl', (cache) => cache.ttl('a'), false],
    ['iteration', (cache) => [...cache.entries()], false],
  ])('counts %s as a use of the entry: %#', async (_, use, promotes) => {
    const cache = openCache<number>({ maxEntries: 2, policy: 'lru' });
    cache.set('a', 1);
    cache.set('b', 1);
    await use(cache);
    cache.set('c', 1);
    expect(cache.has('a')).toBe(promotes);
  });

  test('drops the same entries as a naive model, operation by operation', () => {
    forEachSeed(60, (random) => {
      const limit = 1 + random.below(20);
      const cache = openCache<number>({ maxEntries: limit, policy: 'lru' });
      const model = new NaiveLru(limit);
      const keys = Array.from({ length: limit * 3 }, (_, i) => `key-${i}`);
      for (let step = 0; step < 500; step++) {
        const key = random.pick(keys);
        const action = random.below(10);
        if (action < 4) {
          cache.set(key, step);
          model.set(key, step);
        } else if (action < 8) {
          expect(cache.get(key)).toBe(model.get(key));
        } else if (action < 9) {
          expect(cache.peek(key)).toBe(model.entries.get(key));
        } else {
          expect(cache.delete(key)).toBe(model.entries.delete(key));
        }
        expect(cache.size).toBe(model.entries.size);
      }
      expect(new Map(cache.entries())).toEqual(model.entries);
    });
  });

  test('of 1 keeps the last', () => {
    const cache = openCache<number>({ maxEntries: 1, policy: 'lru' });
    for (let i = 0; i < 100; i++) cache.set(`k${i}`, i);
    expect([...cache.entries()]).toEqual([['k99', 99]]);
  });

  test('of 0 means none, and is refused where no other bound applies', () => {
    expectThrow(() => openCache({ maxEntries: 0 }), 'ERR_TIERCEL_INVALID_OPTION', /maxEntries.*maxBytes/);
    const cache = openCache<number>({ maxEntries: 0, maxBytes: '64mb' });
    for (let i = 0; i < 20_000; i++) cache.set(`k${i}`, i);
    expect(cache.size).toBe(20_000);
    expect(cache.stats().maxEntries).toBe(0);
  });

  test('has no default beside maxBytes', () => {
    const cache = openCache<number>({ maxBytes: '64mb' });
    expect(cache.stats()).toMatchObject({ maxEntries: 0, maxBytes: 64 * 1024 ** 2 });
  });
});

describe('resize', () => {
  test('down drops those unused for longest, at once or in slices, and up drops none', () => {
    const cache = openCache<number>({ maxEntries: 100, policy: 'lru' });
    for (let i = 0; i < 100; i++) cache.set(`k${i}`, i);
    cache.get('k0');
    cache.resize({ maxEntries: 10 });
    expect(cache.size).toBe(10);
    expect([...cache.keys()].sort()).toEqual(['k0', 'k91', 'k92', 'k93', 'k94', 'k95', 'k96', 'k97', 'k98', 'k99']);
    cache.resize({ maxEntries: 50 });
    for (let i = 0; i < 100; i++) cache.set(`n${i}`, i);
    expect(cache.size).toBe(50);
    expect(cache.stats()).toMatchObject({ maxEntries: 50, maxBytes: 0 });
  });

  test('of 100,000 entries to 10 drops the rest in slices, with each call that stores', () => {
    const cache = openCache<number>({ maxEntries: 100_000 });
    for (let i = 0; i < 100_000; i++) cache.set(`k${i}`, i);
    cache.resize({ maxEntries: 10 });
    let { size } = cache;
    expect(size).toBeLessThan(100_000);
    while (size > 10) {
      cache.set('last', size);
      expect(cache.size).toBeLessThan(size);
      size = cache.size;
    }
    expect(cache.size).toBe(10);
    expect(cache.has('last')).toBe(true);
    expectBalanced(cache);
  });

  test('changes only the bounds that it names', () => {
    const cache = openCache<number>({ maxEntries: 10, maxBytes: 10_000 });
    cache.resize({ maxBytes: '20kb' });
    expect(cache.stats()).toMatchObject({ maxEntries: 10, maxBytes: 20_480 });
    cache.resize({ maxEntries: 20 });
    expect(cache.stats()).toMatchObject({ maxEntries: 20, maxBytes: 20_480 });
    cache.resize({});
    cache.resize({ maxEntries: 0 });
    expect(cache.stats()).toMatchObject({ maxEntries: 0, maxBytes: 20_480 });
  });

  test('refuses to take the last bound away, and changes nothing then', () => {
    const cache = openCache<number>({ maxEntries: 10 });
    expectThrow(() => cache.resize({ maxEntries: 0 }), 'ERR_TIERCEL_INVALID_OPTION', /maxEntries/);
    expect(cache.stats().maxEntries).toBe(10);
  });

  test('of a namespace is of the whole cache, which shares its bounds', () => {
    const cache = openCache<number>({ maxEntries: 10 });
    cache.namespace('a').resize({ maxEntries: 2 });
    for (let i = 0; i < 5; i++) cache.set(`k${i}`, i);
    expect(cache.size).toBe(2);
  });
});
