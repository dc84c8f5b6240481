import type { MemoryCache, MemoryCacheOptions } from 'tiercel';
import { expectBalanced, openCache, removalsOf } from './support/cache.js';
import { FakeClock } from './support/clock.js';

type Interference = (cache: MemoryCache<string>) => unknown;

/** What the user's code may do to the cache while the cache waits for its answer. */
const interferences: [string, Interference][] = [
  ['sets the same key', (cache) => cache.set('k', 'inner')],
  ['deletes the same key', (cache) => cache.delete('k')],
  ['reads the same key', (cache) => [cache.get('k'), cache.getEntry('k')]],
  ['sets a hundred other keys', (cache) => cache.setMany(Array.from({ length: 100 }, (_, i) => [`other ${i}`, 'x']))],
  ['sets a value larger than any buffer so far', (cache) => cache.set('large', 'x'.repeat(1_000_000))],
  ['clears the cache', (cache) => cache.clear()],
  ['invalidates the tag', (cache) => cache.invalidateTags('t')],
  ['changes the bounds', (cache) => cache.resize({ maxEntries: 1 })],
  ['iterates', (cache) => [...cache.entries()]],
  ['opens namespaces', (cache) => cache.namespace('a', 'b').set('k', 'nested')],
  ['closes the cache', (cache) => cache.close()],
];

/** Options whose callback, of the kind named, calls `interfere` once when it is armed. */
function optionsWith(kind: string, interfere: () => void): MemoryCacheOptions<string> {
  const clock = new FakeClock();
  if (kind === 'sizeOf') {
    return {
      sizeOf: (value) => {
        interfere();
        return value.length;
      },
    };
  }
  if (kind === 'now') {
    return {
      ttl: 1000,
      now: () => {
        interfere();
        return clock.now();
      },
    };
  }
  return {
    values: 'bytes',
    serializer: {
      serialize(value) {
        if (kind === 'serialize') interfere();
        return Buffer.from(value);
      },
      deserialize(bytes) {
        if (kind === 'deserialize') interfere();
        return Buffer.from(bytes).toString();
      },
    },
  };
}

/** A cache with an entry `k`, whose callback interferes once after `arm`. */
function open(kind: string, interference: Interference) {
  const state = { armed: false, calls: 0 };
  const cache: MemoryCache<string> = openCache(
    optionsWith(kind, () => {
      if (!state.armed) return;
      state.armed = false;
      state.calls++;
      interference(cache);
    }),
  );
  cache.set('k', 'old', { tags: ['t', 'u'] });
  return { cache, state };
}

/** The result of a call that the callback interfered with: an error only if that closed the cache. */
async function interferedWith<T>(
  { cache, state }: ReturnType<typeof open>,
  call: () => T,
): Promise<Awaited<T> | 'closed'> {
  state.armed = true;
  try {
    return await call();
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_TIERCEL_CLOSED' });
    expect(cache.closed).toBe(true);
    return 'closed';
  } finally {
    state.armed = false;
    expect(state.calls).toBe(1);
    if (!cache.closed) expectBalanced(cache);
  }
}

describe.each(['sizeOf', 'now', 'serialize'])('%s, called by set,', (kind) => {
  test.each(interferences)('may be one that %s: the outer value is stored last', async (_, interference) => {
    const opened = open(kind, interference);
    const { cache } = opened;
    const stored = await interferedWith(opened, () => cache.set('k', 'outer', { tags: ['v'] }));
    if (cache.closed) return;
    expect(stored).toBe(true);
    expect(cache.getEntry('k')).toMatchObject({ value: 'outer', tags: ['v'] });
  });
});

describe.each(['sizeOf', 'now', 'serialize'])('%s, called by getOrSet,', (kind) => {
  test.each(interferences)('may be one that %s', async (_, interference) => {
    const opened = open(kind, interference);
    const { cache } = opened;
    const loaded = await interferedWith(opened, () => cache.getOrSet('new', async () => 'loaded', { tags: ['v'] }));
    expect(loaded).toBe(cache.closed && loaded !== 'loaded' ? 'closed' : 'loaded');
    if (!cache.closed) expect(cache.stats().loading).toBe(0);
  });
});

describe.each(['now', 'deserialize'])('%s, called by a read,', (kind) => {
  const reads: [string, (cache: MemoryCache<string>) => string | undefined][] = [
    ['get', (cache) => cache.get('k')],
    ['peek', (cache) => cache.peek('k')],
    ['getMany', (cache) => cache.getMany(['k']).get('k')],
    ['iteration', (cache) => new Map(cache.entries()).get('k')],
    ['getOrSet', (cache) => cache.getOrSet('k', () => 'loaded') as unknown as string],
  ];

  test.each(interferences)(
    'may be one that %s: it finds what was there before or is there now',
    async (_, interference) => {
      for (const [, read] of reads) {
        const opened = open(kind, interference);
        const found = await interferedWith(opened, () => read(opened.cache));
        expect(['old', 'inner', 'loaded', undefined, 'closed']).toContain(found);
      }
    },
  );

  test.each(interferences)(
    'may be one that %s: value and tags of getEntry belong together',
    async (_, interference) => {
      const opened = open(kind, interference);
      const found = await interferedWith(opened, () => opened.cache.getEntry('k'));
      if (found === undefined || found === 'closed') return;
      expect([...found.tags].sort()).toEqual(found.value === 'old' ? ['t', 'u'] : []);
    },
  );
});

describe('deserialize, called for the event of a removal,', () => {
  const openListening = (deserialize: (text: string, cache: MemoryCache<string>) => string) => {
    const cache: MemoryCache<string> = openCache({
      values: 'bytes',
      maxEntries: 3,
      serializer: {
        serialize: (value) => Buffer.from(value),
        deserialize: (bytes) => deserialize(Buffer.from(bytes).toString(), cache),
      },
    });
    const removed: string[] = [];
    cache.on('remove', ({ key }) => removed.push(key));
    return { cache, removed };
  };

  test('that throws does not fail the call, and the other removals are told once', () => {
    const { cache, removed } = openListening((text) => {
      if (text === 'damaged') throw new Error('damaged');
      return text;
    });
    cache.setMany([
      ['a', 'fine'],
      ['b', 'damaged'],
      ['c', 'fine'],
    ]);
    expect(cache.clear()).toBe(3);
    expect(cache.size).toBe(0);
    cache.set('d', 'damaged');
    expect(cache.set('d', 'fine')).toBe(true);
    expect(cache.delete('d')).toBe(true);
    for (const key of ['a', 'c']) expect(removed.filter((gone) => gone === key)).toEqual([key]);
    expect(new Set(removed).size).toBeLessThanOrEqual(removed.length);
    expect(removalsOf(cache.stats())).toBe(5);
  });

  test('that calls the cache does not have a removal told twice', () => {
    let depth = 0;
    const { cache, removed } = openListening((text, inner) => {
      if (depth++ < 5) {
        inner.set(`inner ${depth}`, 'x');
        inner.delete(`inner ${depth}`);
      }
      return text;
    });
    for (let i = 0; i < 10; i++) cache.set(`k${i}`, 'x');
    cache.clear();
    expect(removed.length).toBe(removalsOf(cache.stats()));
    for (let i = 0; i < 10; i++) expect(removed.filter((key) => key === `k${i}`)).toEqual([`k${i}`]);
  });
});
