import type { MemoryCache } from 'tiercel';
import { Refresher, type RefresherOptions } from 'tiercel/warming';
import { openCache } from './support/cache.js';
import { deferred, settled } from './support/deferred.js';
import { expectFailure, expectThrow } from './support/errors.js';
import { FakeTimers } from './support/timers.js';

type Options = Partial<RefresherOptions<string, MemoryCache<string>>>;

function open(options: Options = {}) {
  const timers = new FakeTimers();
  const cache = openCache<string>({ now: timers.now, ttl: '10m' });
  const load = jest.fn(({ key }: { key: string }): string | undefined | Promise<string> => `new ${key}`);
  const refresher = new Refresher<string, MemoryCache<string>>(cache, { load, timers, ...options });
  const use = (key: string, times: number) => {
    for (let i = 0; i < times; i++) cache.get(key);
  };
  return { timers, cache, load, refresher, use };
}

describe('a refresher', () => {
  it('refreshes what is hot before it expires, and nothing else', async () => {
    const { timers, cache, load, refresher, use } = open({ within: '1m', hits: 2 });
    for (const key of ['hot', 'cold', 'fresh', 'for ever'])
      cache.set(key, 'old', { ttl: key === 'for ever' ? 0 : '10m' });
    await timers.advance(9.5 * 60_000);
    cache.set('fresh', 'old');
    for (const key of ['hot', 'fresh', 'for ever']) use(key, 3);
    use('cold', 1);
    expect(refresher.hottest().map(([key]) => key)).toEqual(['hot', 'fresh', 'for ever']);
    expect(await refresher.run()).toEqual({ refreshed: 1, failed: 0, removed: 0, looked: 0 });
    expect(load.mock.calls.map(([{ key }]) => key)).toEqual(['hot']);
    expect(cache.get('hot')).toBe('new hot');
    expect(cache.ttl('hot')).toBe(600_000);
    refresher.close();
  });

  it('lets hits count for less with time', async () => {
    const { timers, cache, refresher, use } = open({ hits: 2, halfLife: '1m' });
    cache.set('a', 'old', { ttl: 0 });
    use('a', 4);
    await timers.advance(60_000);
    expect(refresher.hottest()).toEqual([['a', 2]]);
    await timers.advance(1_000);
    expect(refresher.hottest()).toEqual([]);
    refresher.close();
  });

  it('keeps the old value if the load fails, and tells', async () => {
    const told: unknown[] = [];
    const error = new Error('no connection');
    const { timers, cache, load, refresher, use } = open({
      onError: (...args) => {
        told.push(args);
        throw new Error('of the listener');
      },
    });
    cache.set('a', 'old');
    await timers.advance(9.5 * 60_000);
    use('a', 3);
    load.mockRejectedValueOnce(error);
    expect(await refresher.run()).toMatchObject({ refreshed: 0, failed: 1 });
    expect(told).toEqual([[error, 'a']]);
    expect(cache.get('a')).toBe('old');
    refresher.close();
  });

  it('lets go of what the store has no more', async () => {
    const { timers, cache, load, refresher, use } = open();
    cache.set('a', 'old');
    await timers.advance(9.5 * 60_000);
    use('a', 3);
    load.mockReturnValueOnce(undefined);
    await refresher.run();
    expect(cache.has('a')).toBe(false);
    expect(refresher.hottest()).toEqual([]);
    refresher.close();
  });

  it('does not bring back what was invalidated while it was loaded', async () => {
    const { timers, cache, load, refresher, use } = open();
    cache.set('a', 'old');
    await timers.advance(9.5 * 60_000);
    use('a', 3);
    const loaded = deferred<string>();
    load.mockReturnValueOnce(loaded.promise);
    const round = refresher.run();
    await settled();
    cache.delete('a');
    loaded.resolve('out of date');
    await round;
    expect(cache.has('a')).toBe(false);
    refresher.close();
  });

  it('loads a few at a time, and one round at a time', async () => {
    const { timers, cache, load, refresher, use } = open({ concurrency: 2 });
    for (const key of ['a', 'b', 'c']) cache.set(key, 'old');
    await timers.advance(9.5 * 60_000);
    for (const key of ['a', 'b', 'c']) use(key, 3);
    const gate = deferred<string>();
    load.mockReturnValue(gate.promise);
    const rounds = [refresher.run(), refresher.run()];
    await settled();
    expect(load).toHaveBeenCalledTimes(2);
    gate.resolve('x');
    const [first, second] = await Promise.all(rounds);
    expect(first).toBe(second);
    expect(first).toMatchObject({ refreshed: 3 });
    refresher.close();
  });

  it('removes what is cold and about to expire, a part of the cache each round', async () => {
    const { timers, cache, refresher, use } = open({ cleanUp: { most: 40 }, within: '1m' });
    for (let i = 0; i < 100; i++) cache.set(`soon ${i}`, 'x', { ttl: '30s' });
    for (let i = 0; i < 50; i++) cache.set(`late ${i}`, 'x');
    use('soon 7', 5);
    const looked: number[] = [];
    for (let i = 0; i < 4; i++) looked.push((await refresher.run()).looked);
    expect(looked).toEqual([40, 40, 40, 30]);
    expect([...cache.keys('soon*')]).toEqual(['soon 7']);
    expect([...cache.keys('late*')]).toHaveLength(50);
    await timers.advance(0);
    refresher.close();
  });

  it('ends a clean-up when its time is over', async () => {
    const timers = new FakeTimers();
    const slow = { now: () => (timers.time += 1), setTimeout: timers.setTimeout, clearTimeout: timers.clearTimeout };
    const { cache, refresher } = open({ cleanUp: { budget: 10 }, timers: slow });
    for (let i = 0; i < 100; i++) cache.set(`${i}`, 'x', { ttl: '30s' });
    const { looked } = await refresher.run();
    expect(looked).toBeGreaterThan(0);
    expect(looked).toBeLessThanOrEqual(10);
    refresher.close();
  });

  it('repeats its rounds once started, and leaves nothing when it is closed', async () => {
    const { timers, cache, load, refresher, use } = open({ every: '30s', within: '1m' });
    cache.set('a', 'old', { ttl: '90s' });
    use('a', 10);
    refresher.start();
    refresher.start();
    await timers.advance(60_000);
    expect(load).toHaveBeenCalledTimes(1);
    refresher.close();
    refresher.close();
    expect(timers.pending.size).toBe(0);
    use('a', 10);
    expect(refresher.hottest()[0]?.[1]).toBeLessThan(11);
    await expectFailure(() => refresher.run(), 'ERR_TIERCEL_CLOSED');
    expectThrow(() => refresher.start(), 'ERR_TIERCEL_CLOSED');
  });

  it('refuses wrong options', () => {
    const cache = openCache<string>();
    const load = () => 'x';
    for (const [name, value] of [
      ['load', undefined],
      ['every', 0],
      ['within', 'soon'],
      ['top', 0],
      ['hits', -1],
      ['concurrency', 0],
      ['cleanUp', { most: 0 }],
    ] as const)
      expectThrow(
        () => new Refresher(cache, { load, [name]: value } as never),
        'ERR_TIERCEL_INVALID_OPTION',
        new RegExp(name),
      );
    expectThrow(() => new Refresher(cache, { load, cleanup: {} } as never), 'ERR_TIERCEL_UNKNOWN_OPTION', /"cleanUp"/);
  });
});
