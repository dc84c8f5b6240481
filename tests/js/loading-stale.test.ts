import type { GetOrSetOptions, LoadContext } from 'tiercel';
import { openCache } from './support/cache.js';
import { FakeClock } from './support/clock.js';
import { deferred, settled, stateOf } from './support/deferred.js';

/** A cache whose entry `k` has just become stale. */
function openStale(value = 'old') {
  const clock = new FakeClock();
  const cache = openCache<string>({ now: clock.now, ttl: 100, stale: 1000 });
  cache.set('k', value, { tags: ['t'] });
  clock.advance(150);
  return { cache, clock };
}

describe('a stale entry', () => {
  test('is returned at once while one refresh runs', async () => {
    const { cache } = openStale();
    const gate = deferred<string>();
    const loader = jest.fn(() => gate.promise);
    const results = await Promise.all(Array.from({ length: 1000 }, () => cache.getOrSet('k', loader)));
    expect(results.every((result) => result === 'old')).toBe(true);
    expect(loader).toHaveBeenCalledTimes(1);
    expect(cache.stats()).toMatchObject({ loads: 1, loading: 1 });
    gate.resolve('new');
    await settled();
    expect(cache.get('k')).toBe('new');
    expect(cache.ttl('k')).toBe(100);
    expect(await cache.getOrSet('k', loader)).toBe('new');
    expect(loader).toHaveBeenCalledTimes(1);
    expect(cache.stats()).toMatchObject({ loading: 0, staleHits: 1000 });
  });

  test('is given to the loader as what it replaces', async () => {
    const { cache } = openStale();
    const seen: unknown[] = [];
    const loader = (context: LoadContext<string>) => {
      seen.push(context.stale);
      return `${context.stale?.value} and new`;
    };
    expect(await cache.getOrSet('k', loader)).toBe('old');
    await settled();
    expect(cache.get('k')).toBe('old and new');
    expect(seen).toEqual([{ value: 'old' }]);
  });

  test('stays when its refresh fails, and the next caller tries again', async () => {
    // Nobody hears of the failure: Jest would fail the test for an unhandled rejection.
    const { cache } = openStale();
    const failing = jest.fn(async () => {
      throw new Error('source is down');
    });
    for (let i = 1; i <= 3; i++) {
      expect(await cache.getOrSet('k', failing)).toBe('old');
      await settled();
      expect(failing).toHaveBeenCalledTimes(i);
    }
    const throwing = (): string => {
      throw new Error('at once');
    };
    expect(await cache.getOrSet('k', throwing)).toBe('old');
    await settled();
    expect(cache.getEntry('k')).toMatchObject({ value: 'old', stale: true });
    expect(cache.stats().loading).toBe(0);
  });

  test('stays when its refresh gives undefined or skips', async () => {
    const { cache } = openStale();
    expect(await cache.getOrSet('k', () => undefined as unknown as string)).toBe('old');
    await settled();
    expect(cache.getEntry('k')?.value).toBe('old');
    expect(
      await cache.getOrSet('k', ({ skip }) => {
        skip();
        return 'new';
      }),
    ).toBe('old');
    await settled();
    expect(cache.getEntry('k')).toMatchObject({ value: 'old', stale: true });
  });

  test('past its stale time is loaded in the foreground, joining the refresh that runs', async () => {
    const { cache, clock } = openStale();
    const gate = deferred<string>();
    const loader = jest.fn(() => gate.promise);
    expect(await cache.getOrSet('k', loader)).toBe('old');
    clock.advance(1000);
    const late = cache.getOrSet('k', loader);
    expect(await stateOf(late)).toBe('pending');
    gate.resolve('new');
    expect(await late).toBe('new');
    expect(loader).toHaveBeenCalledTimes(1);
  });

  test('that was invalidated is not served, and neither is a refresh begun before', async () => {
    for (const invalidate of ['delete', 'tag', 'clear'] as const) {
      const { cache } = openStale();
      const gate = deferred<string>();
      expect(await cache.getOrSet('k', () => gate.promise, { tags: ['t'] })).toBe('old');
      if (invalidate === 'delete') cache.delete('k');
      else if (invalidate === 'tag') cache.invalidateTags('t');
      else cache.clear();
      const next = cache.getOrSet('k', async () => 'newer');
      gate.resolve('new');
      expect(await next).toBe('newer');
      await settled();
      expect(cache.get('k')).toBe('newer');
    }
  });

  test('is refreshed with the options of the caller that began the refresh', async () => {
    const { cache } = openStale();
    await cache.getOrSet('k', () => 'new', { ttl: 5000, tags: ['u'] });
    await settled();
    expect(cache.getEntry('k')).toEqual({ value: 'new', stale: false, ttl: 5000, tags: ['u'] });
  });

  test('is not returned to one who asks for forceRefresh', async () => {
    const { cache } = openStale();
    const seen: unknown[] = [];
    const loader = ({ stale }: LoadContext<string>) => {
      seen.push(stale);
      return 'new';
    };
    expect(await cache.getOrSet('k', loader, { forceRefresh: true })).toBe('new');
    expect(seen).toEqual([{ value: 'old' }]);
  });

  test('in bytes mode is a copy for each caller and for the loader', async () => {
    const clock = new FakeClock();
    const cache = openCache<{ n: number[] }>({ values: 'bytes', now: clock.now, ttl: 10, stale: 1000 });
    cache.set('k', { n: [1] });
    clock.advance(20);
    const gate = deferred();
    const results = await Promise.all(
      [1, 2].map(() =>
        cache.getOrSet('k', async ({ stale }) => {
          stale?.value.n.push(9);
          await gate.promise;
          return { n: [2] };
        }),
      ),
    );
    expect(results[0]).toEqual({ n: [1] });
    results[0]?.n.push(7);
    expect(results[1]).toEqual({ n: [1] });
    expect(cache.getEntry('k')?.value).toEqual({ n: [1] });
    gate.resolve();
    await settled();
    expect(cache.get('k')).toEqual({ n: [2] });
  });
});

describe('waitUntil', () => {
  const use = async (loader: () => string | Promise<string>, options: GetOrSetOptions = {}) => {
    const { cache } = openStale();
    const promises: Promise<void>[] = [];
    const result = await cache.getOrSet('k', loader, { ...options, waitUntil: (refresh) => promises.push(refresh) });
    return { cache, promises, result };
  };

  test('gets the refresh that goes on after a stale value was returned', async () => {
    const gate = deferred<string>();
    const { cache, promises, result } = await use(() => gate.promise);
    expect(result).toBe('old');
    expect(promises).toHaveLength(1);
    const [refresh] = promises as [Promise<void>];
    expect(await stateOf(refresh)).toBe('pending');
    gate.resolve('new');
    expect(await refresh).toBeUndefined();
    expect(cache.get('k')).toBe('new');
  });

  test('gets a promise that does not reject, whatever the loader does', async () => {
    const failing = await use(() => Promise.reject(new Error('no')));
    expect(await failing.promises[0]).toBeUndefined();
    const throwing = await use(() => {
      throw new Error('no');
    });
    expect(await throwing.promises[0]).toBeUndefined();
  });

  test('gets a load in the foreground as well, and is not called for a fresh entry', async () => {
    const cache = openCache<number>();
    const waitUntil = jest.fn();
    await cache.getOrSet('k', () => 1, { waitUntil });
    await cache.getOrSet('k', () => 1, { waitUntil });
    expect(waitUntil).toHaveBeenCalledTimes(1);
    expect(await waitUntil.mock.calls[0][0]).toBeUndefined();
  });

  test('lasts until the load ends, though the caller has left', async () => {
    const cache = openCache<string>();
    const gate = deferred<string>();
    const leaving = new AbortController();
    const waitUntil = jest.fn();
    const call = cache.getOrSet('k', () => gate.promise, { waitUntil, signal: leaving.signal });
    leaving.abort(new Error('left'));
    await expect(call).rejects.toThrow('left');
    expect(await stateOf(waitUntil.mock.calls[0][0])).toBe('pending');
    gate.resolve('v');
    expect(await waitUntil.mock.calls[0][0]).toBeUndefined();
    expect(cache.get('k')).toBe('v');
  });

  test('is called for each caller that was given a stale value while the refresh runs', async () => {
    const { cache } = openStale();
    const gate = deferred<string>();
    const waitUntil = jest.fn();
    for (let i = 0; i < 3; i++) await cache.getOrSet('k', () => gate.promise, { waitUntil });
    expect(waitUntil).toHaveBeenCalledTimes(3);
    gate.resolve('new');
    await Promise.all(waitUntil.mock.calls.map(([refresh]) => refresh));
    expect(cache.get('k')).toBe('new');
  });

  test('that throws fails its caller and not the refresh', async () => {
    const { cache } = openStale();
    const reason = new Error('no context');
    const call = cache.getOrSet('k', async () => 'new', {
      waitUntil: () => {
        throw reason;
      },
    });
    await expect(call).rejects.toBe(reason);
    await settled();
    expect(cache.get('k')).toBe('new');
    expect(cache.stats().loading).toBe(0);
  });
});
