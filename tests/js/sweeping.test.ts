import { spawnSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { MemoryCache } from 'tiercel';
import { openCache } from './support/cache.js';
import { FakeClock } from './support/clock.js';
import { collectGarbage } from './support/gc.js';

/** Waits until something is so; fails if it never is. */
async function until(holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 5) {
    if (waited > 20_000) throw new Error('It never came true.');
    await pause(5);
  }
}

/** The delays of the timers that are set while `action` runs, or as soon as it has. */
async function timersOf(action: () => void | Promise<void>): Promise<number[]> {
  const spy = jest.spyOn(globalThis, 'setTimeout');
  try {
    await action();
    return spy.mock.calls.map(([, delay]) => delay as number);
  } finally {
    spy.mockRestore();
  }
}

describe('the space of expired entries', () => {
  test.each(['reference', 'bytes'] as const)('is returned although nobody calls the cache: by %s', async (values) => {
    const cache = openCache<string>({ values });
    const expired: string[] = [];
    cache.on('expire', ({ key, value }) => expired.push(`${key} ${value}`));
    for (let i = 0; i < 3000; i++) cache.set(`k${i}`, 'v', { ttl: 20 });
    cache.set('stays', 'v', { ttl: '1h' });
    await until(() => expired.length === 3000);
    expect(cache.stats()).toMatchObject({ entries: 1, removals: { expired: 3000 } });
    expect(new Set(expired).size).toBe(3000);
  });

  test('is returned in the order in which they expire, soon after', async () => {
    const cache = openCache<string>();
    const started = performance.now();
    const left = new Map<string, number>();
    cache.on('expire', ({ key }) => left.set(key, performance.now() - started));
    for (const ttl of [150, 50, 100]) cache.set(`${ttl}`, 'v', { ttl });
    await until(() => left.size === 3);
    expect([...left.keys()]).toEqual(['50', '100', '150']);
    for (const [key, time] of left) expect(time).toBeGreaterThanOrEqual(Number(key) - 2);
  });

  test('lets go of values by reference', async () => {
    const cache = openCache<object>();
    let value: object | undefined = { large: true };
    const ref = new WeakRef(value);
    cache.set('k', value, { ttl: 5 });
    value = undefined;
    await until(() => cache.stats().entries === 0);
    await collectGarbage(() => ref.deref() === undefined);
    expect(ref.deref()).toBeUndefined();
  });

  test('is returned after a stale time, not before', async () => {
    const cache = openCache<string>();
    cache.set('k', 'v', { ttl: 5, stale: 60_000 });
    await pause(40);
    expect(cache.getEntry('k')).toMatchObject({ value: 'v', stale: true });
  });
});

test('the space of what was invalidated is returned in the background too', async () => {
  const cache = openCache<number>({ maxEntries: 100_000 });
  for (let i = 0; i < 50_000; i++) cache.set(`k${i}`, i, { tags: ['t'] });
  expect(cache.invalidateTags('t')).toBe(50_000);
  expect(cache.size).toBeGreaterThan(40_000);
  await until(() => cache.stats().entries === 0);
  expect(cache.stats().removals.tag).toBe(50_000);
});

describe('the timer', () => {
  test('is none while nothing expires', async () => {
    const timers = await timersOf(() => {
      const cache = openCache<string>();
      for (let i = 0; i < 100; i++) cache.set(`k${i}`, 'v', { tags: ['t'] });
      cache.get('k1');
      cache.get('none');
      cache.delete('k1');
      cache.invalidateTags('t');
      cache.clear();
    });
    expect(timers).toEqual([]);
  });

  test('is not armed within the call that makes something due, which need not wait for that', async () => {
    const cache = openCache<number>({ maxEntries: 10_000 });
    for (let i = 0; i < 5_000; i++) cache.set(`k${i}`, i, { tags: ['t'] });
    const spy = jest.spyOn(globalThis, 'setTimeout');
    cache.invalidateTags('t');
    expect(spy).not.toHaveBeenCalled();
    await Promise.resolve();
    expect(spy).toHaveBeenCalledTimes(1);
    spy.mockRestore();
  });

  test('is none for what is gone again when the caller has done', async () => {
    const timers = await timersOf(() => {
      const cache = openCache<string>();
      cache.set('k', 'v', { ttl: 50 });
      cache.delete('k');
      const closed = openCache<string>();
      closed.set('k', 'v', { ttl: 50 });
      closed.close();
    });
    expect(timers).toEqual([]);
  });

  test('is armed once for many entries that expire later and later', async () => {
    const clock = new FakeClock();
    const timers = await timersOf(() => {
      const cache = openCache<string>({ now: clock.now });
      for (let i = 0; i < 1000; i++) cache.set(`k${i}`, 'v', { ttl: 10_000 + i });
    });
    expect(timers).toHaveLength(1);
    expect(timers[0]).toBeGreaterThan(0);
    expect(timers[0]).toBeLessThanOrEqual(10_000);
  });

  test('is armed anew for one that expires sooner', async () => {
    const timers = await timersOf(async () => {
      const cache = openCache<string>({ now: new FakeClock().now });
      for (const ttl of [1_000_000, 10_000, 100]) {
        cache.set(`${ttl}`, 'v', { ttl });
        await Promise.resolve();
      }
    });
    expect(timers).toHaveLength(3);
    expect(timers[2]).toBeLessThanOrEqual(100);
  });

  test('never has a longer delay than a timer can be told', async () => {
    const timers = await timersOf(() => {
      openCache<string>().set('k', 'v', { ttl: '3650d' });
    });
    expect(timers).toHaveLength(1);
    for (const delay of timers) expect(delay).toBeLessThanOrEqual(2 ** 31 - 1);
  });

  test('is gone once the cache is closed', async () => {
    const cleared = jest.spyOn(globalThis, 'clearTimeout');
    const cache = MemoryCache.createSync<string>();
    cache.set('k', 'v', { ttl: 20 });
    await Promise.resolve();
    cache.close();
    expect(cleared).toHaveBeenCalled();
    cleared.mockRestore();
    await pause(40);
    expect(cache.closed).toBe(true);
  });

  test('does not spin while the clock it is given stands still, and works once that has moved', async () => {
    const clock = new FakeClock();
    const cache = openCache<string>({ now: clock.now });
    cache.set('k', 'v', { ttl: 1 });
    const readings = jest.spyOn(globalThis, 'setTimeout');
    await pause(100);
    // 1 + 2 + 4 + ... milliseconds apart, and those of the pause itself.
    expect(readings.mock.calls.length).toBeLessThan(12);
    readings.mockRestore();
    clock.advance(1);
    await until(() => cache.stats().entries === 0);
  });

  test('lets listeners call the cache, and close it', async () => {
    const cache = openCache<string>();
    cache.on('expire', ({ key }) => {
      if (key === 'a') cache.set('b', 'v', { ttl: 5 });
      else cache.close();
    });
    cache.set('a', 'v', { ttl: 5 });
    await until(() => cache.closed);
  });

  test('survives a clock that throws', async () => {
    let broken = false;
    let time = 0;
    const cache = openCache<string>({
      now: () => {
        if (broken) throw new Error('no clock');
        return time;
      },
    });
    cache.set('k', 'v', { ttl: 5 });
    broken = true;
    await pause(30);
    broken = false;
    time = 10;
    cache.get('other');
    await until(() => cache.stats().entries === 0);
  });

  test('does not keep a cache in memory that nobody holds', async () => {
    const open = () => {
      const cache = MemoryCache.createSync<string>();
      cache.set('k', 'v', { ttl: '1h' });
      return new WeakRef(cache);
    };
    const refs = Array.from({ length: 5 }, open);
    const gone = () => refs.every((ref) => ref.deref() === undefined);
    await collectGarbage(gone);
    expect(gone()).toBe(true);
  });

  test('does not keep the process running', () => {
    const script = `
      const { MemoryCache } = require('tiercel');
      const cache = MemoryCache.createSync();
      cache.set('k', 'v', { ttl: '1h' });
      cache.set('j', 'v', { ttl: 50 });
      cache.scheduleInvalidation('k', Date.now() + 60_000);
    `;
    const { status, stderr } = spawnSync(process.execPath, ['-e', script], { timeout: 60_000, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});

describe('sweep', () => {
  const expiring = (count: number) => {
    const clock = new FakeClock();
    const cache = openCache<number>({ now: clock.now, maxEntries: count });
    for (let i = 0; i < count; i++) cache.set(`k${i}`, i, { ttl: 10 });
    clock.advance(100_000);
    return cache;
  };

  test('removes what has expired, and returns how many', () => {
    const cache = expiring(100);
    // What it is given is time, which a busy machine may take.
    const still = jest.spyOn(performance, 'now').mockReturnValue(5);
    expect(cache.size).toBe(100);
    expect(cache.sweep()).toBe(100);
    expect(cache.size).toBe(0);
    expect(cache.sweep()).toBe(0);
    still.mockRestore();
  });

  test('does a part of it in the time it is given, and all of it in any time', () => {
    const cache = expiring(100_000);
    const part = cache.sweep(0);
    expect(part).toBeGreaterThan(0);
    expect(part).toBeLessThan(5000);
    expect(part + cache.sweep(Number.POSITIVE_INFINITY)).toBe(100_000);
    expect(cache.size).toBe(0);
  });

  test('ends in time: it looks at the clock after a small part of a millisecond', () => {
    const cache = expiring(10_000);
    let time = 0;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => (time += 0.1));
    const removed = cache.sweep(0.35);
    clock.mockRestore();
    expect(removed).toBeGreaterThan(0);
    expect(removed).toBeLessThanOrEqual(4 * 64);
  });

  test('does no more than its budget allows where the clock stands still, as in Workers', () => {
    const cache = expiring(100_000);
    const still = jest.spyOn(performance, 'now').mockReturnValue(5);
    const removed = cache.sweep(1);
    still.mockRestore();
    expect(removed).toBeGreaterThan(0);
    expect(removed).toBeLessThan(50_000);
  });

  test('makes each removal known once', () => {
    const cache = expiring(5000);
    let told = 0;
    cache.on('expire', () => told++);
    expect(cache.sweep(Number.POSITIVE_INFINITY)).toBe(5000);
    expect(told).toBe(5000);
  });

  test('stops if a listener closes the cache', () => {
    const cache = expiring(5000);
    cache.on('expire', () => cache.close());
    expect(cache.sweep(Number.POSITIVE_INFINITY)).toBeGreaterThan(0);
    expect(cache.closed).toBe(true);
  });
});
