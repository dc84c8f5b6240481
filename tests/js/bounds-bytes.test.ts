import { openCache } from './support/cache.js';
import { expectThrow, failureOf, thrownBy } from './support/errors.js';
import { forEachSeed } from './support/random.js';

/** What each entry is charged, as documented with `maxBytes`. */
const ENTRY = 80;
/** For each of its tags, dependencies and namespaces, and once more if there are any, or a ttl. */
const LINK = 24;
const EXTRA = 12;
/** For a block of memory: of a value, and of a key that is longer than this many bytes. */
const BLOCK = 16;
const SHORT = 32;

/** What an entry costs in bytes mode whose key and value have this many bytes. */
const costOf = (key: number, value: number) => ENTRY + (key > SHORT ? key + BLOCK : 0) + value + BLOCK;

describe('the accounted size of an entry', () => {
  test.each<[string, string | Uint8Array, number]>([
    ['k', '', costOf(1, 0)],
    ['k', 'text', ENTRY + 4 + BLOCK],
    ['', 'text', costOf(0, 4)],
    ['k', 'caf\u00e9', costOf(1, 4)],
    ['k', '\u4e2d\u6587', costOf(1, 4)],
    ['\u4e2d', 'text', costOf(2, 4)],
    ['k'.repeat(SHORT), 'text', ENTRY + 4 + BLOCK],
    ['k'.repeat(SHORT + 1), 'text', ENTRY + SHORT + 1 + BLOCK + 4 + BLOCK],
    ['\u4e2d'.repeat(SHORT / 2 + 1), 'text', costOf(SHORT + 2, 4)],
    ['k'.repeat(1000), new Uint8Array(5000), costOf(1000, 5000)],
  ])('in bytes mode is that of key and value as stored, and its metadata: %#', (key, value, bytes) => {
    const cache = openCache<string | Uint8Array>({ values: 'bytes' });
    cache.set(key, value);
    expect(cache.bytes).toBe(bytes);
    expect(cache.stats().bytes).toBe(bytes);
    cache.delete(key);
    expect(cache.bytes).toBe(0);
  });

  test('in bytes mode is that of the JSON of an object', () => {
    const cache = openCache({ values: 'bytes' });
    cache.set('k', { a: [1, 2, 'x'] });
    expect(cache.bytes).toBe(costOf(1, JSON.stringify({ a: [1, 2, 'x'] }).length));
  });

  test('in reference mode comes from weight, else from sizeOf, and is exact', () => {
    const cache = openCache<string>({ sizeOf: (value, key) => value.length * 10 + key.length });
    cache.set('k', 'abc');
    expect(cache.bytes).toBe(ENTRY + 31);
    cache.set('k', 'abc', { weight: 5 });
    expect(cache.bytes).toBe(ENTRY + 5);
    cache.set('k', 'abc', { weight: 0 });
    expect(cache.bytes).toBe(ENTRY);
    cache.set('k'.repeat(SHORT + 1), 'abc', { weight: 5 });
    expect(cache.bytes).toBe(2 * ENTRY + SHORT + 1 + BLOCK + 5);
  });

  test('in reference mode is otherwise an estimate that grows with the value', () => {
    const sizes = ['', 'x'.repeat(1000), 'x'.repeat(100_000)].map((value) => {
      const cache = openCache({ maxBytes: '64mb' });
      cache.set('k', value);
      return cache.bytes;
    });
    expect(sizes[1]).toBeGreaterThanOrEqual((sizes[0] as number) + 1000);
    expect(sizes[2]).toBeGreaterThanOrEqual((sizes[1] as number) + 99_000);
    const cache = openCache({ maxBytes: '64mb' });
    cache.set('bytes', new Uint8Array(50_000));
    expect(cache.bytes).toBeGreaterThanOrEqual(50_000);
    cache.set('object', { list: Array.from({ length: 1000 }, (_, i) => `item ${i}`) });
    expect(cache.bytes).toBeGreaterThanOrEqual(58_000);
  });

  test('in reference mode may be that of a value that holds itself or throws when looked at', () => {
    const cache = openCache({ maxBytes: '64mb' });
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    const hostile = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('no');
        },
      },
    );
    let deep: unknown = 'leaf';
    for (let i = 0; i < 100_000; i++) deep = { deep };
    for (const value of [cycle, hostile, deep, Symbol('s'), () => 1, 10n ** 1000n, null]) {
      expect(cache.set('k', value)).toBe(true);
      expect(cache.get('k')).toBe(value);
    }
  });

  test('follows each replacement, in both directions', () => {
    const cache = openCache<string>({ values: 'bytes' });
    for (const length of [10, 10_000, 0, 63, 64, 65, 1_000_000, 1]) {
      cache.set('k', 'x'.repeat(length));
      expect(cache.bytes).toBe(costOf(1, length));
    }
  });

  test('is the sum over all namespaces', () => {
    const cache = openCache<string>({ values: 'bytes' });
    cache.set('k', 'a');
    cache.namespace('n').set('k', 'b');
    expect(cache.bytes).toBe(2 * costOf(1, 1) + LINK + EXTRA);
    expect(cache.namespace('n').bytes).toBe(cache.bytes);
    cache.namespace('n').clear();
    expect(cache.bytes).toBe(costOf(1, 1));
  });

  test('has 24 bytes more for each tag, dependency and namespace, and 12 for having any', () => {
    const cache = openCache<string>({ values: 'bytes' });
    cache.namespace('a', 'b', 'c').set('k', 'v', { tags: ['x', 'y', 'x'], dependsOn: ['j', 'j'] });
    expect(cache.bytes).toBe(costOf(1, 1) + EXTRA + 6 * LINK);
    cache.namespace('a', 'b', 'c').addTags('k', 'x', 'z');
    expect(cache.bytes).toBe(costOf(1, 1) + EXTRA + 7 * LINK);
    cache.namespace('a', 'b', 'c').invalidateTags('y');
    expect(cache.bytes).toBe(0);
  });

  test('has 12 bytes more for a ttl, and no more for a ttl and a tag together but the tag', () => {
    const cache = openCache<string>({ values: 'bytes' });
    cache.set('k', 'v', { ttl: 1000 });
    expect(cache.bytes).toBe(costOf(1, 1) + EXTRA);
    cache.set('k', 'v', { ttl: 1000, tags: ['t'] });
    expect(cache.bytes).toBe(costOf(1, 1) + EXTRA + LINK);
    cache.set('k', 'v');
    expect(cache.bytes).toBe(costOf(1, 1));
  });
});

describe('maxBytes', () => {
  test('is never exceeded, and the sum is exact, over random sizes', () => {
    forEachSeed(20, (random) => {
      const maxBytes = 5_000 + random.below(50_000);
      const cache = openCache<Uint8Array>({ values: 'bytes', maxBytes });
      for (let step = 0; step < 300; step++) {
        const key = `key-${random.below(100)}`;
        const length = random.chance(0.02) ? maxBytes : random.below(random.chance(0.3) ? 4_000 : 200);
        const stored = cache.set(key, new Uint8Array(length));
        expect(stored).toBe(costOf(key.length, length) <= maxBytes);
        expect(cache.has(key)).toBe(stored);
        if (random.chance(0.1)) cache.delete(`key-${random.below(100)}`);
        let sum = 0;
        for (const [held, value] of cache.entries()) sum += costOf(held.length, value.length);
        expect(cache.bytes).toBe(sum);
        expect(sum).toBeLessThanOrEqual(maxBytes);
      }
    });
  });

  test('drops those unused for longest, as many as the new entry needs', () => {
    const cache = openCache<string>({ maxBytes: 10 * (ENTRY + 100), policy: 'lru' });
    for (let i = 0; i < 10; i++) cache.set(`k${i}`, 'v', { weight: 100 });
    cache.get('k0');
    cache.set('kx', 'v', { weight: 400 });
    expect([...cache.keys()].sort()).toEqual(['k0', 'k4', 'k5', 'k6', 'k7', 'k8', 'k9', 'kx']);
  });

  test('is met exactly by an entry that just fits, and one byte more is rejected', () => {
    const cache = openCache<Uint8Array>({ values: 'bytes', maxBytes: costOf(1, 100) });
    expect(cache.set('k', new Uint8Array(100))).toBe(true);
    expect(cache.bytes).toBe(costOf(1, 100));
    expect(cache.set('j', new Uint8Array(101))).toBe(false);
    expect(cache.has('k')).toBe(true);
  });

  test('rejects an entry that alone is larger, and evicts nothing for it', () => {
    const cache = openCache<string>({ values: 'bytes', maxBytes: 10_000 });
    for (let i = 0; i < 20; i++) cache.set(`k${i}`, 'x'.repeat(300));
    const before = [...cache.keys()];
    expect(cache.set('big', 'x'.repeat(10_000))).toBe(false);
    expect([...cache.keys()]).toEqual(before);
    expect(cache.stats()).toMatchObject({ rejected: 1, sets: 20 });
    expect(cache.stats().removals.size).toBe(0);
  });

  test('that rejects the new value of a key also ends the old one, which is no longer true', () => {
    const cache = openCache<string>({ values: 'bytes', maxBytes: 1_000 });
    cache.set('k', 'old');
    expect(cache.set('k', 'x'.repeat(2_000))).toBe(false);
    expect(cache.has('k')).toBe(false);
    expect(cache.size).toBe(0);
  });

  test('rejects the result of a load too: its callers get it all the same', async () => {
    const cache = openCache<string>({ values: 'bytes', maxBytes: 1_000 });
    const large = 'x'.repeat(2_000);
    expect(await cache.getOrSet('k', () => large)).toBe(large);
    expect(cache.has('k')).toBe(false);
    expect(cache.stats()).toMatchObject({ rejected: 1, loading: 0 });
  });

  test('may be smaller than any entry', () => {
    const cache = openCache<string>({ maxBytes: 1 });
    expect(cache.set('k', 'v')).toBe(false);
    expect(cache.size).toBe(0);
  });

  test('is resized down with evictions and up without', () => {
    const each = ENTRY + 100;
    const cache = openCache<string>({ maxBytes: 10 * each, policy: 'lru' });
    for (let i = 0; i < 10; i++) cache.set(`k${i}`, 'v', { weight: 100 });
    cache.resize({ maxBytes: 4 * each });
    expect([...cache.keys()].sort()).toEqual(['k6', 'k7', 'k8', 'k9']);
    cache.resize({ maxBytes: 6 * each });
    for (let i = 0; i < 10; i++) cache.set(`n${i}`, 'v', { weight: 100 });
    expect(cache.size).toBe(6);
    expect(cache.bytes).toBe(6 * each);
  });

  test('cannot be given to a cache by reference that was made without: what is in it was not weighed', () => {
    const cache = openCache<string>();
    cache.set('k', 'v');
    expectThrow(() => cache.resize({ maxBytes: 1000 }), 'ERR_TIERCEL_INVALID_OPTION', /^maxBytes.*not known/);
    expect(cache.stats().maxBytes).toBe(0);
    cache.resize({ maxEntries: 5 });
    for (const options of [{ maxBytes: 5000 }, { sizeOf: () => 10 }, { values: 'bytes' as const }]) {
      openCache<string>(options).resize({ maxBytes: 1000 });
    }
  });

  test('applies beside maxEntries: whichever is reached first', () => {
    const cache = openCache<string>({ maxEntries: 5, maxBytes: 1_000 });
    for (let i = 0; i < 10; i++) cache.set(`k${i}`, 'v', { weight: 1 });
    expect(cache.size).toBe(5);
    cache.set('large', 'v', { weight: 700 });
    expect(cache.size).toBe(3);
  });

  test('of 0 means no bound', () => {
    const cache = openCache<string>({ maxBytes: 0 });
    expect(cache.stats()).toMatchObject({ maxBytes: 0, maxEntries: 10_000 });
    expect(cache.set('k', 'v', { weight: 2 ** 40 })).toBe(true);
  });
});

describe('sizeOf', () => {
  test.each<[string, unknown]>([
    ['-1', -1],
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['"5"', '5'],
    ['undefined', undefined],
    ['null', null],
    ['5n', 5n],
    ['an object without a prototype', Object.create(null)],
    ['a symbol', Symbol('s')],
  ])('that returns %s has the value refused, and nothing changes', (_, size) => {
    const cache = openCache<string>({ sizeOf: (value) => (value === 'old' ? 1 : (size as number)) });
    cache.set('k', 'old');
    expectThrow(() => cache.set('k', 'new'), 'ERR_TIERCEL_INVALID_OPTION', /^sizeOf: returned .*accepted/);
    expect(cache.get('k')).toBe('old');
    expect(cache.stats()).toMatchObject({ sets: 1, adds: 1 });
  });

  test('that throws has its error passed on, and nothing changes', async () => {
    const reason = new Error('no');
    const cache = openCache<string>({
      sizeOf(value) {
        if (value === 'new') throw reason;
        return 1;
      },
    });
    cache.set('k', 'old');
    expect(thrownBy(() => cache.set('k', 'new'))).toBe(reason);
    expect(await failureOf(() => cache.getOrSet('j', () => 'new'))).toBe(reason);
    expect(cache.get('k')).toBe('old');
    expect(cache.stats()).toMatchObject({ sets: 1, entries: 1, loading: 0 });
  });

  test('and weight are refused in bytes mode, where sizes are exact', () => {
    expectThrow(() => openCache({ values: 'bytes', sizeOf: () => 1 }), 'ERR_TIERCEL_INVALID_OPTION', /sizeOf/);
    const cache = openCache({ values: 'bytes' });
    expectThrow(() => cache.set('k', 'v', { weight: 1 }), 'ERR_TIERCEL_INVALID_OPTION', /weight/);
  });
});
