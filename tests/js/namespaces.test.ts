import type { MemoryCache } from 'tiercel';
import { openCache } from './support/cache.js';
import { FakeClock } from './support/clock.js';
import { expectThrow } from './support/errors.js';
import { Random } from './support/random.js';

/** All that can be seen of the entries of a namespace. */
function picture(cache: MemoryCache<unknown>): string {
  const entries = [...cache.keys()].sort().map((key) => [key, cache.getEntry(key)]);
  return JSON.stringify(entries);
}

describe('a namespace', () => {
  test('holds its own entries under the same keys', () => {
    const cache = openCache<number>();
    const a = cache.namespace('a');
    const b = cache.namespace('b');
    cache.set('k', 0);
    a.set('k', 1);
    b.set('k', 2);
    a.namespace('a').set('k', 3);
    expect([cache, a, b, a.namespace('a')].map((view) => view.get('k'))).toEqual([0, 1, 2, 3]);
    expect(a.delete('k')).toBe(true);
    expect([cache, a, b, a.namespace('a')].map((view) => view.get('k'))).toEqual([0, undefined, 2, 3]);
  });

  test('is the same however it is reached', () => {
    const cache = openCache<number>();
    cache.namespace('a', 'b', 'c').set('k', 1);
    expect(cache.namespace('a').namespace('b').namespace('c').get('k')).toBe(1);
    expect(cache.namespace('a', 'b').namespace('c').get('k')).toBe(1);
    expect(cache.namespace('c').get('k')).toBeUndefined();
    expect(cache.namespace('b', 'a', 'c').get('k')).toBeUndefined();
  });

  test('of no parts is the same namespace', () => {
    const cache = openCache<number>();
    const a = cache.namespace('a');
    a.namespace().set('k', 1);
    expect(a.get('k')).toBe(1);
    cache.namespace().set('k', 2);
    expect(cache.get('k')).toBe(2);
  });

  test('is made of parts and not of joined text', () => {
    const cache = openCache<string>();
    const places: [string[], string][] = [
      [['a'], 'b:x'],
      [['a:b'], 'x'],
      [['a', 'b'], 'x'],
      [[], 'a:b:x'],
      [['a', ''], 'b:x'],
      [['', 'a'], 'b:x'],
      [[''], ''],
      [['', ''], ''],
      [[], ''],
      [['a\0'], 'b'],
      [['a'], '\0b'],
      [['a*'], 'x'],
      [['a?'], 'x'],
      [['[a]', '{b}', '\\'], 'x'],
      [['__proto__'], 'x'],
      [['aa'], 'x'],
      [['\u6161'], 'x'],
      [['\ud800'], 'x'],
      [['\ufffd'], 'x'],
    ];
    for (const [parts, key] of places) cache.namespace(...parts).set(key, JSON.stringify([parts, key]));
    for (const [parts, key] of places) expect(cache.namespace(...parts).get(key)).toBe(JSON.stringify([parts, key]));
    expect(cache.size).toBe(places.length);
  });

  test('is another for any other parts: 100,000 random tuples of parts and key', () => {
    const random = new Random(1);
    const tuples = new Map<string, string[]>();
    while (tuples.size < 100_000) {
      const tuple = Array.from({ length: 1 + random.below(4) }, () =>
        random.chance(0.5)
          ? random.pick(['', 'a', ':', 'a:', ':a', '*', 'a:b', 'b', '\0', '\ud800'])
          : random.string(3),
      );
      tuples.set(JSON.stringify(tuple), tuple);
    }
    const cache = openCache<string>({ maxEntries: 100_000 });
    for (const [id, tuple] of tuples) cache.namespace(...tuple.slice(1)).set(tuple[0] as string, id);
    const wrong = [...tuples].filter(
      ([id, tuple]) => cache.namespace(...tuple.slice(1)).get(tuple[0] as string) !== id,
    );
    expect(wrong).toEqual([]);
    expect(cache.size).toBe(100_000);
  });

  test('counts in size its own entries and those below it, and iterates over its own only', () => {
    const cache = openCache<number>();
    const a = cache.namespace('a');
    cache.set('root', 1);
    a.set('own', 2);
    a.namespace('b').set('nested', 3);
    expect([cache.size, a.size, a.namespace('b').size, cache.namespace('c').size]).toEqual([3, 2, 1, 0]);
    expect([...cache.keys()]).toEqual(['root']);
    expect([...a.entries()]).toEqual([['own', 2]]);
    expect([...a.namespace('b').values()]).toEqual([3]);
  });

  test('shares bounds, options and statistics with the whole cache', () => {
    const clock = new FakeClock();
    const cache = openCache<number>({ maxEntries: 3, policy: 'lru', ttl: 100, now: clock.now });
    const a = cache.namespace('a');
    cache.set('k', 0);
    for (let i = 0; i < 3; i++) a.set(`k${i}`, i);
    expect(cache.has('k')).toBe(false);
    expect(a.ttl('k0')).toBe(100);
    a.get('k0');
    cache.get('k');
    expect(a.stats()).toEqual(cache.stats());
    expect(a.stats()).toMatchObject({ hits: 1, misses: 1, entries: 3 });
    a.resetStats();
    expect(cache.stats().hits).toBe(0);
  });

  test('may be 16 deep, and not deeper', () => {
    const cache = openCache<number>();
    const parts = Array.from({ length: 16 }, (_, i) => `p${i}`);
    cache.namespace(...parts).set('k', 1);
    expect(cache.namespace(...parts).get('k')).toBe(1);
    expectThrow(() => cache.namespace(...parts, 'p16'), 'ERR_TIERCEL_LIMIT', /16/);
    expectThrow(() => cache.namespace(...parts).namespace('p16'), 'ERR_TIERCEL_LIMIT', /16/);
  });

  test('closes the whole cache when it is closed', () => {
    const cache = openCache<number>();
    const a = cache.namespace('a');
    a.namespace('b').close();
    expect([cache.closed, a.closed]).toEqual([true, true]);
    expectThrow(() => cache.get('k'), 'ERR_TIERCEL_CLOSED');
    expectThrow(() => a.get('k'), 'ERR_TIERCEL_CLOSED');
  });
});

describe('clear of a namespace', () => {
  test('leaves the others as they are, byte for byte', () => {
    const cache = openCache<unknown>({ values: 'bytes', now: new FakeClock().now });
    const views = [[], ['a'], ['b'], ['a:b'], ['b', 'a'], [''], ['*']].map((parts) => cache.namespace(...parts));
    for (const view of views) {
      for (let i = 0; i < 20; i++) view.set(`k${i}`, { n: i }, { ttl: i % 2 ? 0 : 1e9, tags: ['t', `u${i}`] });
    }
    const a = cache.namespace('a');
    const others = views.filter((view) => view !== views[1]);
    const before = others.map(picture);
    const { bytes } = cache;
    expect(a.clear()).toBe(20);
    expect(others.map(picture)).toEqual(before);
    expect([...a.keys()]).toEqual([]);
    expect(a.size).toBe(0);
    expect(cache.bytes).toBe((bytes * 6) / 7);
  });

  test('also clears those below it, and none above', () => {
    const cache = openCache<number>();
    const parts = ['a', 'b', 'c', 'd'];
    const views = parts.map((_, i) => cache.namespace(...parts.slice(0, i + 1)));
    for (const view of [cache, ...views]) view.set('k', 1);
    expect(cache.namespace('a', 'b').clear()).toBe(3);
    expect([cache, ...views].map((view) => view.has('k'))).toEqual([true, true, false, false, false]);
    expect(cache.clear()).toBe(2);
    expect(views[0]?.has('k')).toBe(false);
  });

  test('forgets 20,000 entries at once and is ready for new ones', () => {
    const cache = openCache<number>({ maxEntries: 50_000 });
    const a = cache.namespace('a');
    const keys = Array.from({ length: 20_000 }, (_, i) => `k${i}`);
    for (const key of keys) {
      a.set(key, 1);
      a.namespace('below').set(key, 1);
    }
    cache.set('root', 1);
    expect(a.clear()).toBe(40_000);
    expect(a.getMany(keys).size).toBe(0);
    expect(a.namespace('below').getMany(keys).size).toBe(0);
    expect(cache.has('root')).toBe(true);
    a.set('k0', 2);
    expect([...a.entries()]).toEqual([['k0', 2]]);
    expect(a.clear()).toBeGreaterThanOrEqual(1);
  });
});

describe('100,000 throwaway namespaces', () => {
  const scopesAfter = (cache: MemoryCache<number>, count: number): number => {
    for (let i = 0; i < count; i++) {
      const view = cache.namespace(`tenant-${i}`, `session-${i}`);
      view.set('k', i);
      view.delete('k');
    }
    return cache.stats().scopes;
  };

  test('do not grow memory without bound', () => {
    const cache = openCache<number>();
    const early = scopesAfter(cache, 20_000);
    const late = scopesAfter(cache, 100_000);
    expect(late).toBeLessThanOrEqual(Math.max(early, 10_000));
    expect(cache.size).toBe(0);
  });

  test('do not grow it either where they only expire, are evicted or cleared', () => {
    const clock = new FakeClock();
    const cache = openCache<number>({ maxEntries: 100, now: clock.now });
    for (let i = 0; i < 100_000; i++) {
      const view = cache.namespace(`tenant-${i}`);
      view.set('k', i, { ttl: i % 3 ? 10 : 0, tags: [`tag-${i}`] });
      if (i % 3 === 1) view.clear();
      if (i % 3 === 2) view.invalidateTags(`tag-${i}`);
      clock.advance(1);
    }
    expect(cache.stats().scopes).toBeLessThanOrEqual(10_000);
  });

  test('leave those that are held working', () => {
    const cache = openCache<number>();
    const held = cache.namespace('held');
    const full = cache.namespace('full');
    const events: string[] = [];
    held.on('set', ({ key }) => events.push(key));
    full.set('k', 7);
    scopesAfter(cache, 100_000);
    expect(full.get('k')).toBe(7);
    expect(held.get('k')).toBeUndefined();
    expect(held.set('k', 1, { tags: ['t'] })).toBe(true);
    expect(held.get('k')).toBe(1);
    expect(cache.namespace('held').get('k')).toBe(1);
    expect([...held.keys()]).toEqual(['k']);
    expect(held.size).toBe(1);
    expect(held.invalidateTags('t')).toBe(1);
    expect(events).toEqual(['k']);
    scopesAfter(cache, 100_000);
    expect(held.size).toBe(0);
    expect([...held.keys()]).toEqual([]);
    expect(held.clear()).toBe(0);
    expect(held.namespace('below').set('k', 2)).toBe(true);
    expect(cache.namespace('held', 'below').get('k')).toBe(2);
  });

  test('forget no clear that a load in flight must still see', async () => {
    const cache = openCache<number>();
    let finish: (value: number) => void = () => undefined;
    const load = cache.namespace('held').getOrSet('k', () => new Promise((resolve) => (finish = resolve)));
    cache.namespace('held').clear();
    scopesAfter(cache, 100_000);
    finish(1);
    expect(await load).toBe(1);
    expect(cache.namespace('held').get('k')).toBeUndefined();
  });
});
