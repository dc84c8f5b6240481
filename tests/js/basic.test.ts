import { MemoryCache } from 'tiercel';
import { isShared, openCache } from './support/cache.js';
import { FakeClock } from './support/clock.js';
import { expectThrow } from './support/errors.js';

describe('an entry', () => {
  test('is found after it was set, and not before', () => {
    const cache = openCache<string>();
    expect(cache.get('a')).toBeUndefined();
    expect(cache.has('a')).toBe(false);
    expect(cache.set('a', 'one')).toBe(true);
    expect(cache.get('a')).toBe('one');
    expect(cache.peek('a')).toBe('one');
    expect(cache.has('a')).toBe(true);
    expect(cache.size).toBe(1);
  });

  test('is replaced by the next set of its key', () => {
    const cache = openCache<number>();
    cache.set('a', 1);
    cache.set('a', 2);
    expect(cache.get('a')).toBe(2);
    expect(cache.size).toBe(1);
    expect(cache.stats().removals.replaced).toBe(1);
  });

  test('is gone after delete, which says whether there was one', () => {
    const cache = openCache<number>();
    cache.set('a', 1);
    expect(cache.delete('a')).toBe(true);
    expect(cache.delete('a')).toBe(false);
    expect(cache.get('a')).toBeUndefined();
    expect(cache.size).toBe(0);
  });

  test.each([null, false, 0, -0, '', Number.NaN, []])('may hold %p, which is a value', (value) => {
    const cache = openCache();
    cache.set('a', value);
    expect(cache.get('a')).toBe(value);
    expect(cache.has('a')).toBe(true);
    expect(cache.getEntry('a')?.value).toBe(value);
    expect([...cache.getMany(['a'])]).toEqual([['a', value]]);
  });

  test('cannot hold undefined, which means absent', () => {
    const cache = openCache();
    cache.set('a', 1);
    expectThrow(() => cache.set('a', undefined), 'ERR_TIERCEL_INVALID_ARGUMENT', /value.*undefined/);
    expectThrow(() => cache.setMany([['a', undefined]]), 'ERR_TIERCEL_INVALID_ARGUMENT', /value.*undefined/);
    expect(cache.get('a')).toBe(1);
  });

  test('is described by getEntry', () => {
    const clock = new FakeClock();
    const cache = openCache<string>({ now: clock.now });
    expect(cache.getEntry('a')).toBeUndefined();
    cache.set('a', 'one');
    expect(cache.getEntry('a')).toEqual({ value: 'one', stale: false, ttl: Number.POSITIVE_INFINITY, tags: [] });
    cache.set('b', 'two', { ttl: 500, tags: ['x'] });
    clock.advance(200);
    expect(cache.getEntry('b')).toEqual({ value: 'two', stale: false, ttl: 300, tags: ['x'] });
  });
});

describe('several entries at once', () => {
  test('getMany gives those found, in the order asked for', () => {
    const cache = openCache<number>();
    cache.set('a', 1);
    cache.set('c', 3);
    const found = cache.getMany(['c', 'b', 'a', 'c']);
    expect(found).toBeInstanceOf(Map);
    expect([...found]).toEqual([
      ['c', 3],
      ['a', 1],
    ]);
    expect(cache.getMany([]).size).toBe(0);
  });

  test('getMany and deleteMany take any iterable of keys', () => {
    const cache = openCache<number>();
    cache.setMany([
      ['a', 1],
      ['b', 2],
    ]);
    expect(cache.getMany(new Set(['a', 'b'])).size).toBe(2);
    expect(cache.deleteMany(new Set(['a', 'c']))).toBe(1);
    function* keys() {
      yield 'b';
      yield 'b';
    }
    expect(cache.deleteMany(keys())).toBe(1);
    expect(cache.size).toBe(0);
  });

  test('setMany stores the entries of an array, a Map or a generator', () => {
    const cache = openCache<number>();
    expect(
      cache.setMany([
        ['a', 1],
        ['b', 2],
      ]),
    ).toBe(2);
    expect(cache.setMany(new Map([['c', 3]]))).toBe(1);
    function* entries(): Generator<[string, number]> {
      yield ['d', 4];
      yield ['d', 5];
    }
    expect(cache.setMany(entries())).toBe(2);
    expect(cache.setMany([])).toBe(0);
    expect([...cache.getMany(['a', 'b', 'c', 'd']).values()]).toEqual([1, 2, 3, 5]);
  });

  test('setMany applies its options to each entry, and counts those stored', () => {
    const clock = new FakeClock();
    const cache = openCache<string>({ now: clock.now, maxBytes: 1000 });
    const stored = cache.setMany(
      [
        ['a', 'x'],
        ['b', 'y'],
      ],
      { ttl: 10, tags: ['t'] },
    );
    expect(stored).toBe(2);
    expect(cache.ttl('b')).toBe(10);
    expect(cache.invalidateTags('t')).toBe(2);
    expect(cache.setMany([['big', 'z']], { weight: 5000 })).toBe(0);
    expect(cache.has('big')).toBe(false);
  });

  test('a wrong entry in the middle of setMany changes nothing', () => {
    const cache = openCache<number>();
    const entries = [
      ['a', 1],
      [2, 2],
      ['c', 3],
    ] as unknown as [string, number][];
    expectThrow(() => cache.setMany(entries), 'ERR_TIERCEL_INVALID_ARGUMENT', /^key: got 2/);
    expect(cache.size).toBe(0);
  });
});

describe('the statistics', () => {
  test('count reads, sets and removals', () => {
    const clock = new FakeClock();
    const cache = openCache<number>({ now: clock.now });
    cache.set('a', 1);
    cache.set('a', 2);
    cache.set('b', 3, { ttl: 10, stale: 10 });
    cache.get('a');
    cache.getEntry('a');
    cache.getMany(['a', 'x']);
    cache.get('y');
    cache.delete('a');
    clock.advance(15);
    cache.get('b');
    cache.getEntry('b');
    const stats = cache.stats();
    expect(stats).toMatchObject({ hits: 3, misses: 3, staleHits: 1, sets: 3, adds: 3, rejected: 0, entries: 1 });
    expect(stats.removals).toEqual({
      explicit: 1,
      replaced: 1,
      expired: 0,
      size: 0,
      tag: 0,
      clear: 0,
      pattern: 0,
      dependency: 0,
    });
    expect(stats).toMatchObject({ loads: 0, overtaken: 0, loading: 0, policy: 'adaptive', lostEvents: 0 });
  });

  test('do not count peek, has, ttl or iteration', () => {
    const cache = openCache<number>();
    cache.set('a', 1);
    cache.peek('a');
    cache.peek('x');
    cache.has('a');
    cache.has('x');
    cache.ttl('a');
    expect([...cache.keys(), ...cache.values(), ...cache.entries()]).toHaveLength(3);
    expect(cache.stats()).toMatchObject({ hits: 0, misses: 0, staleHits: 0 });
  });

  test('name every field of CacheStats, and nothing else', () => {
    const names = 'entries bytes maxEntries maxBytes policy hits staleHits misses sets rejected adds removals';
    const ofLoads = 'loads overtaken loadFailures loading pendingReclaim scopes lostEvents';
    const ofState = 'pinned timed barriers policyState';
    expect(Object.keys(openCache().stats()).sort()).toEqual(
      `${names} ${ofLoads} ${ofState}${isShared ? ' shared' : ''}`.split(' ').sort(),
    );
  });

  test('are a copy, which later calls do not change', () => {
    const cache = openCache<number>();
    const before = cache.stats();
    cache.set('a', 1);
    expect(before.sets).toBe(0);
    expect(before.removals).not.toBe(cache.stats().removals);
  });

  test('begin again with resetStats, and the entries stay', () => {
    const cache = openCache<number>();
    cache.set('a', 1);
    cache.set('a', 2);
    cache.get('a');
    cache.get('b');
    cache.resetStats();
    expect(cache.stats()).toMatchObject({ hits: 0, misses: 0, sets: 0, entries: 1 });
    expect(cache.get('a')).toBe(2);
    expect(cache.stats().hits).toBe(1);
  });
});

describe('a cache', () => {
  test('is made by create and by createSync', async () => {
    const cache = await MemoryCache.create<number>({ maxEntries: 1 });
    expect(cache).toBeInstanceOf(MemoryCache);
    cache.set('a', 1);
    expect(cache.get('a')).toBe(1);
    cache.close();
    expect(openCache()).toBeInstanceOf(MemoryCache);
  });

  test('keeps 10000 entries by default', () => {
    const cache = openCache<number>({ policy: 'lru' });
    expect(cache.stats()).toMatchObject({ maxEntries: 10_000, maxBytes: 0 });
    for (let i = 0; i < 10_010; i++) cache.set(`key-${i}`, i);
    expect(cache.size).toBe(10_000);
    expect(cache.has('key-9')).toBe(false);
    expect(cache.has('key-10')).toBe(true);
  });

  test('shares nothing with another', () => {
    const first = openCache<number>();
    const second = openCache<number>();
    first.set('a', 1);
    second.set('a', 2);
    first.clear();
    expect(first.get('a')).toBeUndefined();
    expect(second.get('a')).toBe(2);
  });

  test('loses everything by clear, which gives the count', () => {
    const cache = openCache<number>();
    expect(cache.clear()).toBe(0);
    for (let i = 0; i < 10; i++) cache.set(`k${i}`, i);
    expect(cache.clear()).toBe(10);
    expect(cache.size).toBe(0);
    expect(cache.bytes).toBe(0);
    expect([...cache.keys()]).toEqual([]);
    cache.set('k1', 1);
    expect(cache.get('k1')).toBe(1);
  });

  test('forgets 100,000 entries by one clear at once', () => {
    const cache = openCache<number>({ maxEntries: 100_000 });
    for (let i = 0; i < 100_000; i++) cache.set(`k${i}`, i);
    expect(cache.clear()).toBe(100_000);
    let served = 0;
    for (let i = 0; i < 100_000; i++) if (cache.has(`k${i}`)) served++;
    expect(served).toBe(0);
    expect([...cache.keys()]).toEqual([]);
    expect(cache.stats().pendingReclaim).toBe(cache.size);
    for (let i = 0; i < 100_000; i++) cache.set(`k${i}`, -i);
    expect(cache.size).toBe(100_000);
    expect(cache.get('k99999')).toBe(-99_999);
  });
});
