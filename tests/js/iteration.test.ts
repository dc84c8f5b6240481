import type { MemoryCache } from 'tiercel';
import { openCache } from './support/cache.js';
import { FakeClock } from './support/clock.js';
import { expectThrow } from './support/errors.js';
import { forEachSeed } from './support/random.js';

function filled(count: number): MemoryCache<number> {
  const cache = openCache<number>({ maxEntries: 100_000 });
  for (let i = 0; i < count; i++) cache.set(`k${i}`, i);
  return cache;
}

describe('keys, values and entries', () => {
  test('agree with each other', () => {
    const cache = filled(100);
    const entries = [...cache.entries()];
    expect(entries).toHaveLength(100);
    expect([...cache.keys()]).toEqual(entries.map(([key]) => key));
    expect([...cache.values()]).toEqual(entries.map(([, value]) => value));
    expect([...cache]).toEqual(entries);
    expect(new Map(entries)).toEqual(new Map(Array.from({ length: 100 }, (_, i) => [`k${i}`, i])));
  });

  test('are iterators that can be iterated, and stay at their end', () => {
    const cache = filled(2);
    for (const iterator of [cache.keys(), cache.values(), cache.entries()]) {
      expect(iterator[Symbol.iterator]()).toBe(iterator);
      expect([...iterator]).toHaveLength(2);
      cache.set(`later ${cache.size}`, 0);
      expect(iterator.next()).toEqual({ value: undefined, done: true });
      cache.delete(`later ${cache.size - 1}`);
    }
  });

  test('of an empty cache are empty', () => {
    const cache = openCache<number>();
    expect([...cache.keys(), ...cache.values(), ...cache.entries()]).toEqual([]);
  });

  test('can be left early', () => {
    const cache = filled(10);
    for (const key of cache.keys()) {
      cache.delete(key);
      break;
    }
    expect(cache.size).toBe(9);
  });

  test('do not give what expired on the way', () => {
    const clock = new FakeClock();
    const cache = openCache<number>({ now: clock.now });
    for (let i = 0; i < 10; i++) cache.set(`k${i}`, i, { ttl: 100 });
    const iterator = cache.keys();
    expect(iterator.next().done).toBe(false);
    clock.advance(100);
    expect([...iterator]).toEqual([]);
  });
});

describe('an iteration', () => {
  test('meets an entry that stays exactly once, whatever is set and deleted meanwhile', () => {
    forEachSeed(200, (random) => {
      const cache = openCache<number>({ maxEntries: 10_000, seed: random.bytes(16) });
      const staying = new Set<string>();
      const size = random.below(200);
      for (let i = 0; i < size; i++) {
        cache.set(`k${i}`, i);
        if (i % 2 === 0) staying.add(`k${i}`);
      }
      const met = new Map<string, number>();
      let steps = 0;
      for (const [key] of cache.entries()) {
        met.set(key, (met.get(key) ?? 0) + 1);
        if (++steps > 10_000) throw new Error('it does not end');
        for (let i = random.below(4); i > 0; i--) {
          const other = `k${random.below(size + 50) | 1}`;
          if (random.chance(0.5)) cache.delete(other);
          else cache.set(other, 0);
        }
        for (let i = random.below(4); i > 0; i--) cache.set(`new ${random.below(1000)}`, 0);
        if (random.chance(0.5)) cache.get(`k${random.below(size)}`);
      }
      for (const key of staying) if (met.get(key) !== 1) throw new Error(`${key} was met ${met.get(key)} times`);
      for (const [key, count] of met) if (count !== 1) throw new Error(`${key} was met ${count} times`);
    });
  });

  test('ends though each step sets a new entry', () => {
    const cache = filled(100);
    let steps = 0;
    for (const key of cache.keys()) {
      if (++steps > 1_000) break;
      cache.set(`${key}, then`, 0);
    }
    expect(steps).toBe(100);
  });

  test('ends though each step sets the entry that it meets', () => {
    const cache = filled(100);
    const met = new Set<string>();
    let steps = 0;
    for (const [key, value] of cache.entries()) {
      met.add(key);
      if (++steps > 1_000) break;
      cache.set(key, value + 1);
    }
    expect([steps, met.size]).toEqual([100, 100]);
  });

  test('survives growth to many times the size', () => {
    const cache = filled(100);
    const met: string[] = [];
    for (const key of cache.keys()) {
      met.push(key);
      for (let i = 0; i < 200; i++) cache.set(`${key}-${i}`, i);
    }
    expect(met).toHaveLength(100);
    expect(new Set(met).size).toBe(100);
  });

  test('survives deletion of what it met and of what it has not', () => {
    const cache = filled(1000);
    const met: string[] = [];
    for (const key of cache.keys()) {
      met.push(key);
      cache.delete(key);
      cache.delete(`k${(Number(key.slice(1)) + 1) % 1000}`);
    }
    expect(cache.size).toBe(0);
    expect(new Set(met).size).toBe(met.length);
    expect(met.length).toBeGreaterThanOrEqual(500);
  });

  test('ends after a clear, and meets nothing that came after it', () => {
    const cache = filled(100);
    const iterator = cache.keys();
    iterator.next();
    cache.clear();
    for (let i = 0; i < 100; i++) cache.set(`k${i}`, i);
    expect([...iterator]).toEqual([]);
  });

  test('survives evictions', () => {
    const cache = openCache<number>({ maxEntries: 50 });
    for (let i = 0; i < 50; i++) cache.set(`k${i}`, i);
    const met: string[] = [];
    for (const key of cache.keys()) {
      met.push(key);
      if (met.length > 50) break;
      for (let i = 0; i < 3; i++) cache.set(`n${met.length}-${i}`, i);
    }
    expect(new Set(met).size).toBe(met.length);
    expect(met.length).toBeLessThanOrEqual(50);
    expect(met.every((key) => key.startsWith('k'))).toBe(true);
  });

  test('is independent of another over the same cache', () => {
    const cache = filled(20);
    let pairs = 0;
    for (const _ of cache.keys()) for (const __ of cache.keys()) pairs++;
    expect(pairs).toBe(400);
  });

  test('of a cache that is closed meanwhile throws', () => {
    const cache = filled(3);
    const iterator = cache.keys();
    iterator.next();
    cache.close();
    expectThrow(() => iterator.next(), 'ERR_TIERCEL_CLOSED');
  });

  test('of a namespace meets its entries among those of others', () => {
    const cache = filled(500);
    const a = cache.namespace('a');
    for (let i = 0; i < 500; i += 5) a.set(`k${i}`, -i);
    for (const key of a.keys()) cache.delete(key);
    expect(a.size).toBe(100);
    expect([...cache.keys()]).toHaveLength(400);
  });
});
