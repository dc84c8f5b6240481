import type { MemoryCache, MemoryCacheOptions } from 'tiercel';
import { expectBalanced, openCache, removalsOf } from './support/cache.js';
import { FakeClock } from './support/clock.js';
import { expectThrow } from './support/errors.js';
import { forEachSeed } from './support/random.js';

const MODES = ['reference', 'bytes'] as const;
const contents = (cache: MemoryCache<unknown>) => new Map([...cache.entries()].sort(([a], [b]) => (a < b ? -1 : 1)));

describe.each(MODES)('with values by %s, a snapshot', (values) => {
  const open = <V = unknown>(options: MemoryCacheOptions<V> = {}) => {
    const clock = new FakeClock();
    return { clock, cache: openCache<V>({ values, now: clock.now, ...options }) };
  };

  test('gives back keys, values, times, tags and namespaces', () => {
    const { cache, clock } = open();
    const entries: [string, unknown][] = [
      ['text', 'caf\u00e9 \u4e2d \ud800'],
      ['bytes', Uint8Array.of(0, 1, 255)],
      ['object', { a: [1, { b: null }], c: true }],
      ['', 0],
      ['\u4e2d'.repeat(100), 'long key'],
      ['\ud800', 'lone'],
    ];
    cache.setMany(entries);
    cache.set('timed', 'v', { ttl: 1000, stale: 500, tags: ['t', '\u4e2d'] });
    cache.namespace('a', 'b:c').set('k', 'nested', { tags: ['t'] });
    clock.advance(100);
    const other = open();
    expect(other.cache.restore(cache.snapshot())).toBe(8);
    expect(contents(other.cache)).toEqual(contents(cache));
    expect(other.cache.getEntry('timed')).toMatchObject({ value: 'v', stale: false });
    expect(other.cache.tagsOf('timed')?.sort()).toEqual(['t', '\u4e2d']);
    const ttl = other.cache.ttl('timed');
    expect(ttl).toBeLessThanOrEqual(900);
    expect(ttl).toBeGreaterThan(800);
    expect(other.cache.namespace('a', 'b:c').get('k')).toBe('nested');
    expect(other.cache.namespace('a').invalidateTags('t')).toBe(0);
    expect(other.cache.namespace('a', 'b:c').invalidateTags('t')).toBe(1);
    other.clock.advance(901);
    expect(other.cache.getEntry('timed')?.stale).toBe(true);
    other.clock.advance(600);
    expect(other.cache.getEntry('timed')).toBeUndefined();
  });

  test('of a view is of the whole cache', () => {
    const { cache } = open();
    cache.set('k', 'root');
    const { cache: other } = open();
    other.namespace('x').restore(cache.namespace('a').snapshot());
    expect(other.get('k')).toBe('root');
  });

  test('does not bring back what has expired meanwhile, by the wall clock', () => {
    const wall = jest.spyOn(Date, 'now').mockReturnValue(1_800_000_000_000);
    const { cache } = open();
    cache.set('short', 'v', { ttl: 1000 });
    cache.set('long', 'v', { ttl: 100_000 });
    cache.set('for ever', 'v');
    const bytes = cache.snapshot();
    wall.mockReturnValue(1_800_000_000_000 + 50_000);
    const { cache: other } = open();
    expect(other.restore(bytes)).toBe(2);
    wall.mockRestore();
    expect([...other.keys()].sort()).toEqual(['for ever', 'long']);
    expect(other.ttl('long')).toBe(50_000);
  });

  test('does not replace what is there', () => {
    const { cache } = open();
    cache.set('a', 'old');
    cache.set('b', 'old');
    const bytes = cache.snapshot();
    const { cache: other } = open();
    other.set('a', 'new');
    expect(other.restore(bytes)).toBe(1);
    expect([other.get('a'), other.get('b')]).toEqual(['new', 'old']);
    expect(other.restore(bytes)).toBe(0);
  });

  test.each<[string, (cache: MemoryCache<unknown>) => unknown]>([
    ['delete', (cache) => cache.delete('k')],
    ['a tag', (cache) => cache.invalidateTags('t')],
    ['a prefix', (cache) => cache.invalidatePrefix('k')],
    ['a pattern', (cache) => cache.invalidatePattern('?')],
    ['clear', (cache) => cache.clear()],
    ['a key that it depends on', (cache) => cache.set('source', 'new')],
  ])('of this cache does not bring back what was invalidated after it: by %s', (_, invalidate) => {
    const { cache } = open();
    cache.set('source', 'v');
    cache.set('k', 'v', { tags: ['t'], dependsOn: ['source'] });
    const bytes = cache.snapshot();
    invalidate(cache);
    cache.restore(bytes);
    expect(cache.has('k')).toBe(false);
  });

  test('of this cache brings back what was evicted', () => {
    const { cache } = open({ maxEntries: 10, policy: 'lru' });
    for (let i = 0; i < 10; i++) cache.set(`k${i}`, `v${i}`);
    const bytes = cache.snapshot();
    cache.resize({ maxEntries: 2 });
    expect(cache.size).toBe(2);
    cache.resize({ maxEntries: 10 });
    expect(cache.restore(bytes)).toBe(8);
    for (let i = 0; i < 10; i++) expect(cache.get(`k${i}`)).toBe(`v${i}`);
  });

  test('is restored as far as there is room', () => {
    const { cache } = open();
    for (let i = 0; i < 100; i++) cache.set(`k${i}`, `v${i}`);
    const { cache: other } = open({ maxEntries: 10 });
    expect(other.restore(cache.snapshot())).toBeGreaterThanOrEqual(10);
    expect(other.size).toBe(10);
    for (const [key, value] of other.entries()) expect(value).toBe(cache.get(key));
    expectBalanced(other);
  });

  test('is none of events but of what had to go for it', () => {
    const { cache } = open();
    for (let i = 0; i < 20; i++) cache.set(`k${i}`, i);
    const { cache: other } = open({ maxEntries: 5 });
    const sets = jest.fn();
    const removed = jest.fn();
    other.on('set', sets);
    other.on('remove', removed);
    other.restore(cache.snapshot());
    expect(sets).not.toHaveBeenCalled();
    expect(removed).toHaveBeenCalledTimes(removalsOf(other.stats()));
  });

  test('keeps what is pinned and what depends on what', () => {
    const { cache } = open();
    cache.set('source', 's');
    cache.set('pinned', 'p', { pinned: true, dependsOn: ['source'] });
    const { cache: other } = open({ maxEntries: 5 });
    other.restore(cache.snapshot());
    for (let i = 0; i < 50; i++) other.set(`k${i}`, i);
    expect(other.get('pinned')).toBe('p');
    other.delete('source');
    expect(other.has('pinned')).toBe(false);
  });

  test('of an empty cache is one, and restores nothing', () => {
    const { cache } = open();
    const { cache: other } = open();
    expect(other.restore(cache.snapshot())).toBe(0);
  });

  test('is the same whatever is in it: random contents come back', () => {
    forEachSeed(40, (random) => {
      const { cache } = open<string>();
      for (let i = 0; i < 200; i++) {
        const view = random.chance(0.3) ? cache.namespace(random.pick(['a', 'b']), 'c') : cache;
        const tags = ['t', 'u'].filter(() => random.chance(0.3));
        view.set(random.string(50), random.string(300), { tags, ...(random.chance(0.5) && { ttl: 60_000 }) });
        if (random.chance(0.1)) view.delete(random.pick([...view.keys(), '']));
      }
      const { cache: other } = open<string>();
      expect(other.restore(cache.snapshot())).toBe(cache.size);
      for (const parts of [[], ['a', 'c'], ['b', 'c']]) {
        const [from, to] = [cache.namespace(...parts), other.namespace(...parts)];
        expect(contents(to)).toEqual(contents(from));
        for (const key of from.keys()) expect(to.tagsOf(key)?.sort()).toEqual(from.tagsOf(key)?.sort());
      }
      expect(other.bytes).toBe(cache.bytes);
    });
  });

  test('that is damaged is refused or restores a part, and never what was not in it', () => {
    const { cache } = open<string>();
    for (let i = 0; i < 20; i++) cache.set(`k${i}`, `value ${i}`, { tags: [`t${i % 3}`], ttl: 60_000 });
    const bytes = cache.snapshot();
    const damaged: Uint8Array[] = [];
    for (let i = 0; i < bytes.length; i++) {
      const flipped = bytes.slice();
      flipped[i] = (flipped[i] as number) ^ 0x10;
      damaged.push(flipped, bytes.slice(0, i));
    }
    const { cache: other } = open<string>();
    let refused = 0;
    for (const snapshot of damaged) {
      other.clear();
      try {
        expect(other.restore(snapshot)).toBe(other.size);
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_TIERCEL_INVALID_ARGUMENT' });
        refused++;
      }
      for (const [key, value] of other.entries()) if (value !== cache.peek(key)) throw new Error(`${key}: ${value}`);
    }
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThan(damaged.length);
  });

  test('is refused if it is none', () => {
    const { cache } = open();
    for (const bytes of [new Uint8Array(), new Uint8Array(1000), Buffer.from('no snapshot at all')])
      expectThrow(() => cache.restore(bytes), 'ERR_TIERCEL_INVALID_ARGUMENT');
    expect(cache.size).toBe(0);
  });

  test('may be followed by others, and be taken while another is restored', () => {
    const { cache } = open<number>({ maxEntries: 3 });
    for (let i = 0; i < 3; i++) cache.set(`k${i}`, i);
    const { cache: other } = open<number>({ maxEntries: 2 });
    const taken: number[] = [];
    other.on('remove', () => taken.push(other.snapshot().length));
    other.restore(cache.snapshot());
    expect(other.size).toBe(2);
    expect(other.restore(other.snapshot())).toBe(0);
  });
});

describe('a snapshot of values by reference', () => {
  test('leaves out what JSON cannot carry', () => {
    const cache = openCache<unknown>();
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    cache.setMany([
      ['date', new Date()],
      ['map', new Map()],
      ['function', () => 1],
      ['cycle', cycle],
      ['fine', { a: 1 }],
    ]);
    const other = openCache<unknown>();
    expect(other.restore(cache.snapshot())).toBe(1);
    expect([...other.entries()]).toEqual([['fine', { a: 1 }]]);
  });

  test('takes the value that is there, though a getter of it changes the cache', () => {
    const cache = openCache<unknown>();
    const treacherous = {
      get a() {
        cache.delete('k0');
        cache.set('other', 'in its place');
        return 1;
      },
    };
    cache.set('k0', treacherous);
    cache.set('k1', 'v');
    const other = openCache<unknown>();
    other.restore(cache.snapshot());
    for (const [key, value] of other.entries()) expect([key, value]).toEqual([key, cache.get(key)]);
    expect(other.get('k1')).toBe('v');
  });

  test('of another engine is read the same', () => {
    const bytes = openCache<number>({ engine: 'wasm' });
    bytes.set('k', 1, { tags: ['t'] });
    const other = openCache<number>();
    expect(other.restore(bytes.snapshot())).toBe(1);
    expect(other.getEntry('k')).toMatchObject({ value: 1, tags: ['t'] });
  });
});

test('a snapshot with a serializer goes by it', () => {
  const serializer = {
    serialize: (value: number[]) => Uint8Array.from(value),
    deserialize: (bytes: Uint8Array) => [...bytes],
  };
  const cache = openCache<number[]>({ values: 'bytes', serializer });
  cache.set('k', [1, 2, 3]);
  const other = openCache<number[]>({ values: 'bytes', serializer });
  expect(other.restore(cache.snapshot())).toBe(1);
  expect(other.get('k')).toEqual([1, 2, 3]);
});
