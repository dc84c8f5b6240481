import type { MemoryCacheOptions } from 'tiercel';
import { openCache } from './support/cache.js';
import { FakeClock } from './support/clock.js';

const { POSITIVE_INFINITY } = Number;

function openAt(options: MemoryCacheOptions<string> = {}) {
  const clock = new FakeClock();
  return { clock, cache: openCache<string>({ now: clock.now, ...options }) };
}

describe('a ttl', () => {
  test('serves an entry for that long, and not one millisecond longer', () => {
    const { cache, clock } = openAt();
    cache.set('k', 'v', { ttl: 100 });
    clock.advance(99);
    expect(cache.get('k')).toBe('v');
    expect(cache.ttl('k')).toBe(1);
    clock.advance(1);
    expect(cache.get('k')).toBeUndefined();
    expect(cache.peek('k')).toBeUndefined();
    expect(cache.has('k')).toBe(false);
    expect(cache.getEntry('k')).toBeUndefined();
    expect(cache.ttl('k')).toBeUndefined();
    expect(cache.getMany(['k']).size).toBe(0);
    expect([...cache.keys()]).toEqual([]);
    expect(cache.touch('k', 100)).toBe(false);
    expect(cache.delete('k')).toBe(false);
  });

  test.each<[string | number, number]>([
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['1.5s', 1_500],
    [250, 250],
    [0.5, 0.5],
    [2 ** 50, 2 ** 50],
  ])('may be %p', (ttl, milliseconds) => {
    const { cache } = openAt();
    cache.set('k', 'v', { ttl });
    expect(cache.ttl('k')).toBe(milliseconds);
    const byDefault = openAt({ ttl }).cache;
    byDefault.set('k', 'v');
    expect(byDefault.ttl('k')).toBe(milliseconds);
  });

  test('of 0 or Infinity means for ever, not at once', () => {
    for (const ttl of [0, POSITIVE_INFINITY, '0s']) {
      const { cache, clock } = openAt({ ttl: 100 });
      cache.set('k', 'v', { ttl });
      clock.advance(1e12);
      expect(cache.get('k')).toBe('v');
      expect(cache.ttl('k')).toBe(POSITIVE_INFINITY);
    }
  });

  test('is by default that of the cache, and for ever if it has none', () => {
    const { cache } = openAt({ ttl: '1s' });
    cache.set('k', 'v');
    cache.set('own', 'v', { ttl: 10 });
    expect(cache.ttl('k')).toBe(1000);
    expect(cache.ttl('own')).toBe(10);
    expect(cache.namespace('n').set('k', 'v')).toBe(true);
    expect(cache.namespace('n').ttl('k')).toBe(1000);
    const plain = openAt().cache;
    plain.set('k', 'v');
    expect(plain.ttl('k')).toBe(POSITIVE_INFINITY);
  });

  test('begins again with each set, and goes with the one it was set with', () => {
    const { cache, clock } = openAt();
    cache.set('k', 'old', { ttl: 100, stale: 50, tags: ['t'] });
    clock.advance(90);
    cache.set('k', 'new');
    clock.advance(1e9);
    expect(cache.getEntry('k')).toEqual({ value: 'new', stale: false, ttl: POSITIVE_INFINITY, tags: [] });
  });

  test('of many entries runs out for each on its own', () => {
    const { cache, clock } = openAt();
    for (let i = 1; i <= 1000; i++) cache.set(`k${i}`, 'v', { ttl: i });
    for (let at = 1; at <= 1000; at++) {
      clock.advance(1);
      expect(cache.has(`k${at}`)).toBe(false);
      if (at < 1000) expect(cache.has(`k${at + 1}`)).toBe(true);
    }
  });
});

describe('ttl()', () => {
  test('gives what is left, Infinity without a ttl, undefined without an entry', () => {
    const { cache, clock } = openAt();
    expect(cache.ttl('k')).toBeUndefined();
    cache.set('k', 'v', { ttl: 100 });
    clock.advance(40);
    expect(cache.ttl('k')).toBe(60);
    cache.set('k', 'v');
    expect(cache.ttl('k')).toBe(POSITIVE_INFINITY);
    cache.delete('k');
    expect(cache.ttl('k')).toBeUndefined();
  });

  test('is negative for a stale entry, as in getEntry', () => {
    const { cache, clock } = openAt();
    cache.set('k', 'v', { ttl: 100, stale: 100 });
    clock.advance(130);
    expect(cache.ttl('k')).toBe(-30);
    expect(cache.getEntry('k')?.ttl).toBe(-30);
    clock.advance(70);
    expect(cache.ttl('k')).toBeUndefined();
  });
});

describe('a stale time', () => {
  test('keeps an entry for getEntry after its ttl, marked as stale', () => {
    const { cache, clock } = openAt();
    cache.set('k', 'v', { ttl: 100, stale: 50, tags: ['t'] });
    clock.advance(99);
    expect(cache.getEntry('k')).toEqual({ value: 'v', stale: false, ttl: 1, tags: ['t'] });
    clock.advance(2);
    expect(cache.getEntry('k')).toEqual({ value: 'v', stale: true, ttl: -1, tags: ['t'] });
    expect(cache.get('k')).toBeUndefined();
    expect(cache.peek('k')).toBeUndefined();
    expect(cache.has('k')).toBe(false);
    expect(cache.getMany(['k']).size).toBe(0);
    clock.advance(48);
    expect(cache.getEntry('k')?.stale).toBe(true);
    clock.advance(1);
    expect(cache.getEntry('k')).toBeUndefined();
  });

  test('is by default that of the cache, and none', () => {
    const { cache, clock } = openAt({ ttl: 100, stale: '1s' });
    cache.set('k', 'v');
    cache.set('none', 'v', { stale: 0 });
    clock.advance(150);
    expect(cache.getEntry('k')).toMatchObject({ stale: true, ttl: -50 });
    expect(cache.getEntry('none')).toBeUndefined();
  });

  test('is of no effect without a ttl', () => {
    const { cache, clock } = openAt();
    cache.set('k', 'v', { stale: 10 });
    clock.advance(1e9);
    expect(cache.getEntry('k')).toMatchObject({ stale: false, ttl: POSITIVE_INFINITY });
  });

  test('is met by iteration, as the entry is still there', () => {
    const { cache, clock } = openAt();
    cache.set('fresh', 'v');
    cache.set('stale', 'v', { ttl: 10, stale: 10 });
    clock.advance(15);
    expect([...cache.keys()].sort()).toEqual(['fresh', 'stale']);
  });
});

describe('touch', () => {
  test('gives an entry a new ttl from now on', () => {
    const { cache, clock } = openAt();
    cache.set('k', 'v', { ttl: 100, tags: ['t'] });
    clock.advance(90);
    expect(cache.touch('k', 200)).toBe(true);
    expect(cache.ttl('k')).toBe(200);
    clock.advance(199);
    expect(cache.getEntry('k')).toEqual({ value: 'v', stale: false, ttl: 1, tags: ['t'] });
    expect(cache.touch('k', '1m')).toBe(true);
    expect(cache.ttl('k')).toBe(60_000);
    expect(cache.touch('k', 0)).toBe(true);
    expect(cache.ttl('k')).toBe(POSITIVE_INFINITY);
  });

  test('without a ttl gives that of the cache', () => {
    const { cache, clock } = openAt({ ttl: 100 });
    cache.set('k', 'v', { ttl: 5 });
    clock.advance(4);
    expect(cache.touch('k')).toBe(true);
    expect(cache.ttl('k')).toBe(100);
  });

  test('makes a stale entry fresh, and keeps its stale time', () => {
    const { cache, clock } = openAt();
    cache.set('k', 'v', { ttl: 100, stale: 50 });
    clock.advance(120);
    expect(cache.touch('k', 100)).toBe(true);
    expect(cache.get('k')).toBe('v');
    clock.advance(149);
    expect(cache.getEntry('k')).toMatchObject({ stale: true, ttl: -49 });
    clock.advance(1);
    expect(cache.getEntry('k')).toBeUndefined();
  });

  test('of what is not there is false and makes nothing', () => {
    const { cache } = openAt();
    expect(cache.touch('k', 100)).toBe(false);
    expect(cache.size).toBe(0);
    expect(cache.stats()).toMatchObject({ hits: 0, misses: 0, sets: 0 });
  });
});

describe('extendTtl', () => {
  test('makes an entry stay fresh for that much longer', () => {
    const { cache, clock } = openAt();
    cache.set('k', 'v', { ttl: 100, stale: 10, tags: ['t'] });
    clock.advance(40);
    expect(cache.extendTtl('k', '1s')).toBe(true);
    expect(cache.ttl('k')).toBe(1060);
    expect(cache.extendTtl('k', 0)).toBe(true);
    expect(cache.ttl('k')).toBe(1060);
    clock.advance(1065);
    expect(cache.getEntry('k')).toEqual({ value: 'v', stale: true, ttl: -5, tags: ['t'] });
  });

  test('of a stale entry counts from when it became stale', () => {
    const { cache, clock } = openAt();
    cache.set('k', 'v', { ttl: 100, stale: 1000 });
    clock.advance(150);
    expect(cache.extendTtl('k', 20)).toBe(true);
    expect(cache.getEntry('k')).toMatchObject({ stale: true, ttl: -30 });
    expect(cache.extendTtl('k', 100)).toBe(true);
    expect(cache.get('k')).toBe('v');
    expect(cache.ttl('k')).toBe(70);
  });

  test('leaves an entry without a ttl alone, and has no jitter', () => {
    const { cache } = openAt({ jitter: 1 });
    cache.set('k', 'v');
    expect(cache.extendTtl('k', 10)).toBe(true);
    expect(cache.ttl('k')).toBe(POSITIVE_INFINITY);
    cache.set('j', 'v', { ttl: 1000 });
    const ttl = cache.ttl('j') as number;
    cache.extendTtl('j', 500);
    expect(cache.ttl('j')).toBeCloseTo(ttl + 500, 6);
  });

  test('of what is not there is false', () => {
    const { cache, clock } = openAt();
    expect(cache.extendTtl('k', 10)).toBe(false);
    cache.set('k', 'v', { ttl: 10 });
    clock.advance(10);
    expect(cache.extendTtl('k', 10)).toBe(false);
    expect(cache.get('k')).toBeUndefined();
  });
});

describe('expire', () => {
  test('makes an entry stale until it would have gone', () => {
    const { cache, clock } = openAt();
    cache.set('k', 'v', { ttl: 100, stale: 50, tags: ['t'] });
    clock.advance(30);
    expect(cache.expire('k')).toBe(true);
    expect(cache.get('k')).toBeUndefined();
    expect(cache.getEntry('k')).toEqual({ value: 'v', stale: true, ttl: 0, tags: ['t'] });
    clock.advance(119);
    expect(cache.getEntry('k')?.stale).toBe(true);
    clock.advance(1);
    expect(cache.getEntry('k')).toBeUndefined();
  });

  test('has the next getOrSet serve the stale value and load a new one', async () => {
    const { cache } = openAt();
    cache.set('k', 'old', { ttl: 100 });
    cache.expire('k');
    expect(await cache.getOrSet('k', () => 'new')).toBe('old');
    expect(await cache.getOrSet('k', () => 'newer')).toBe('new');
  });

  test('of an entry without a ttl keeps it as stale', () => {
    const { cache, clock } = openAt();
    cache.set('k', 'v');
    clock.advance(10);
    expect(cache.expire('k')).toBe(true);
    expect(cache.get('k')).toBeUndefined();
    clock.advance(1e9);
    expect(cache.getEntry('k')).toMatchObject({ value: 'v', stale: true });
    expect(cache.touch('k', 100)).toBe(true);
    expect(cache.get('k')).toBe('v');
  });

  test('of a stale entry changes nothing, and of what is not there is false', () => {
    const { cache, clock } = openAt();
    cache.set('k', 'v', { ttl: 100, stale: 50 });
    clock.advance(120);
    expect(cache.expire('k')).toBe(true);
    expect(cache.getEntry('k')?.stale).toBe(true);
    clock.advance(30);
    expect(cache.expire('k')).toBe(false);
    expect(cache.expire('none')).toBe(false);
  });
});

describe('jitter', () => {
  test('scales each ttl by 1 - jitter to 1 + jitter, evenly', () => {
    const { cache } = openAt({ jitter: 0.25, maxEntries: 4000 });
    const ttls = Array.from({ length: 4000 }, (_, i) => {
      cache.set(`k${i}`, 'v', { ttl: 1000 });
      return cache.ttl(`k${i}`) as number;
    });
    expect(Math.min(...ttls)).toBeGreaterThanOrEqual(750);
    expect(Math.max(...ttls)).toBeLessThanOrEqual(1250);
    expect(Math.min(...ttls)).toBeLessThan(760);
    expect(Math.max(...ttls)).toBeGreaterThan(1240);
    const mean = ttls.reduce((sum, ttl) => sum + ttl, 0) / ttls.length;
    expect(mean).toBeGreaterThan(985);
    expect(mean).toBeLessThan(1015);
  });

  test('of 0 leaves the ttl as it is, of 1 keeps it above 0 and below twice its length', () => {
    const plain = openAt({ jitter: 0 }).cache;
    const wide = openAt({ jitter: 1 }).cache;
    for (let i = 0; i < 1000; i++) {
      plain.set('k', 'v', { ttl: 1000 });
      expect(plain.ttl('k')).toBe(1000);
      wide.set('k', 'v', { ttl: 1000 });
      const ttl = wide.ttl('k');
      if (ttl !== undefined && !(ttl > 0 && ttl <= 2000)) throw new Error(`ttl ${ttl}`);
    }
  });

  test('never makes an entry of one that has no ttl expire', () => {
    const { cache, clock } = openAt({ jitter: 1 });
    for (let i = 0; i < 100; i++) cache.set(`k${i}`, 'v');
    clock.advance(1e12);
    expect(cache.getMany(Array.from({ length: 100 }, (_, i) => `k${i}`)).size).toBe(100);
  });

  test('is the same for the same seed and calls', () => {
    const ttls = () => {
      const { cache } = openAt({ jitter: 0.5, seed: new Uint8Array(16).fill(7) });
      return Array.from({ length: 50 }, (_, i) => {
        cache.set(`k${i}`, 'v', { ttl: 1000 });
        return cache.ttl(`k${i}`);
      });
    };
    expect(ttls()).toEqual(ttls());
  });
});

describe('a clock', () => {
  test('that steps back is taken to stand still until it catches up', () => {
    const { cache, clock } = openAt();
    cache.set('k', 'v', { ttl: 100 });
    clock.advance(60);
    expect(cache.ttl('k')).toBe(40);
    clock.advance(-1000);
    expect(cache.get('k')).toBe('v');
    expect(cache.ttl('k')).toBe(40);
    cache.set('later', 'v', { ttl: 100 });
    clock.advance(1000 + 40);
    expect(cache.get('k')).toBeUndefined();
    expect(cache.ttl('later')).toBe(60);
    clock.advance(60);
    expect(cache.get('later')).toBeUndefined();
  });

  test('that steps back does not bring an expired entry back', () => {
    const { cache, clock } = openAt();
    cache.set('k', 'v', { ttl: 100 });
    clock.advance(100);
    expect(cache.get('k')).toBeUndefined();
    clock.advance(-50);
    expect(cache.get('k')).toBeUndefined();
    expect([...cache.keys()]).toEqual([]);
  });

  test('may begin anywhere from 0 on and leap by years', () => {
    for (const start of [0, 0.25, 1.7e12]) {
      const clock = new FakeClock(start);
      const cache = openCache<string>({ now: clock.now });
      cache.set('short', 'v', { ttl: 1000 });
      cache.set('long', 'v', { ttl: '3650d' });
      clock.advance(86_400_000 * 365);
      expect([cache.has('short'), cache.has('long')]).toEqual([false, true]);
    }
  });

  test('of the wall may step by an hour, either way, and nothing changes', () => {
    const cache = openCache<string>();
    cache.set('k', 'v', { ttl: '30m', stale: '1m' });
    const real = Date.now();
    const wall = jest.spyOn(Date, 'now');
    for (const step of [3_600_000, -3_600_000, 1e12]) {
      wall.mockReturnValue(real + step);
      expect(cache.get('k')).toBe('v');
      expect(cache.ttl('k')).toBeGreaterThan(29 * 60_000);
    }
    wall.mockRestore();
  });

  test('of the platform is used by default', () => {
    const cache = openCache<string>();
    cache.set('k', 'v', { ttl: '1h' });
    expect(cache.ttl('k')).toBeLessThanOrEqual(3_600_000);
    expect(cache.ttl('k')).toBeGreaterThan(3_500_000);
  });
});

describe('the space of expired entries', () => {
  test('is used again: entries that come and expire do not pile up', () => {
    const { cache, clock } = openAt({ maxEntries: 1000, ttl: 10 });
    for (let i = 0; i < 20_000; i++) {
      cache.set(`k${i}`, 'v');
      clock.advance(1);
    }
    expect(cache.size).toBeLessThanOrEqual(1000);
    expect(cache.stats().adds).toBe(20_000);
    expect([...cache.keys()]).toHaveLength(9);
  });

  test('is free after a read that found it expired', () => {
    const { cache, clock } = openAt();
    cache.set('k', 'v', { ttl: 10 });
    clock.advance(10);
    cache.get('k');
    expect(cache.size).toBe(0);
    expect(cache.bytes).toBe(0);
    expect(cache.stats().removals.expired).toBe(1);
  });
});
