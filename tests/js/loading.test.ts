import type { LoadContext } from 'tiercel';
import { openCache } from './support/cache.js';
import { deferred, settled, stateOf } from './support/deferred.js';
import { forEachSeedAsync } from './support/random.js';

describe('getOrSet', () => {
  test('loads what is absent, stores it, and does not load it again', async () => {
    const cache = openCache<number>();
    const loader = jest.fn(() => 1);
    expect(await cache.getOrSet('k', loader)).toBe(1);
    expect(await cache.getOrSet('k', loader)).toBe(1);
    expect(loader).toHaveBeenCalledTimes(1);
    expect(cache.get('k')).toBe(1);
    expect(cache.stats()).toMatchObject({ loads: 1, loading: 0, overtaken: 0, sets: 1, hits: 2, misses: 1 });
  });

  test('returns a promise whether it loads or not', async () => {
    const cache = openCache<number>();
    const loading = cache.getOrSet('k', () => 1);
    expect(loading).toBeInstanceOf(Promise);
    await loading;
    expect(cache.getOrSet('k', () => 2)).toBeInstanceOf(Promise);
  });

  test('gives the loader its key, a signal that is not aborted, and no stale value', async () => {
    const cache = openCache<unknown[]>();
    const loader = jest.fn(({ key, signal, stale }: LoadContext) => [key, signal.aborted, stale]);
    await cache.getOrSet('the key', loader);
    expect(loader).toHaveReturnedWith(['the key', false, undefined]);
  });

  test('stores with the ttl, stale time, tags and weight of its options', async () => {
    const cache = openCache<string>();
    await cache.getOrSet('k', () => 'v', { ttl: '1h', stale: '1h', tags: ['x'], weight: 500 });
    const entry = cache.getEntry('k');
    expect(entry?.tags).toEqual(['x']);
    expect(entry?.ttl).toBeGreaterThan(3_500_000);
    expect(cache.bytes).toBeGreaterThanOrEqual(500);
    expect(cache.invalidateTags('x')).toBe(1);
  });

  test('loads different keys, and the same key of different namespaces, on their own', async () => {
    const cache = openCache<string>();
    const views = [cache, cache.namespace('a'), cache.namespace('b')];
    const loads = views.flatMap((view, i) => ['k', 'j'].map((key) => view.getOrSet(key, async () => `${i}${key}`)));
    expect(cache.stats().loading).toBe(6);
    expect(await Promise.all(loads)).toEqual(['0k', '0j', '1k', '1j', '2k', '2j']);
    expect(views[1]?.get('k')).toBe('1k');
  });

  test('lets the loader call the cache for other keys', async () => {
    const cache = openCache<number>();
    const fibonacci = async (n: number): Promise<number> => (n < 2 ? n : (await load(n - 1)) + (await load(n - 2)));
    const load = (n: number): Promise<number> => cache.getOrSet(`fib-${n}`, () => fibonacci(n));
    expect(await load(60)).toBe(1_548_008_755_920);
    expect(cache.stats()).toMatchObject({ loads: 61, loading: 0 });
  });
});

describe('of 10,000 callers at once', () => {
  const callers = 10_000;

  test('all share one load and its result', async () => {
    const cache = openCache<object>();
    const gate = deferred<object>();
    const loader = jest.fn(() => gate.promise);
    const waiting = Array.from({ length: callers }, () => cache.getOrSet('k', loader));
    expect(cache.stats()).toMatchObject({ loads: 1, loading: 1 });
    const value = {};
    gate.resolve(value);
    expect((await Promise.all(waiting)).every((result) => result === value)).toBe(true);
    expect(loader).toHaveBeenCalledTimes(1);
    expect(cache.stats()).toMatchObject({ loads: 1, loading: 0, sets: 1 });
  });

  test('all share one rejection, which is not cached', async () => {
    const cache = openCache<number>();
    const gate = deferred<number>();
    const loader = jest.fn(() => gate.promise);
    const waiting = Array.from({ length: callers }, () => cache.getOrSet('k', loader));
    const reason = new Error('source is down');
    gate.reject(reason);
    const results = await Promise.allSettled(waiting);
    expect(results.every((result) => result.status === 'rejected' && result.reason === reason)).toBe(true);
    expect(loader).toHaveBeenCalledTimes(1);
    expect(cache.stats()).toMatchObject({ loading: 0, sets: 0, entries: 0 });
    expect(await cache.getOrSet('k', () => 2)).toBe(2);
  });

  test('all share one result that is skipped, and the next load afresh', async () => {
    const cache = openCache<number>();
    const loader = jest.fn(async (context: { skip(): void }) => {
      await settled();
      context.skip();
      return 1;
    });
    const waiting = Array.from({ length: callers }, () => cache.getOrSet('k', loader));
    expect((await Promise.all(waiting)).every((result) => result === 1)).toBe(true);
    expect(loader).toHaveBeenCalledTimes(1);
    expect(cache.has('k')).toBe(false);
    expect(cache.stats()).toMatchObject({ loading: 0, sets: 0, overtaken: 0 });
    expect(await cache.getOrSet('k', () => 2)).toBe(2);
  });

  test('all share one load that throws at once', async () => {
    const cache = openCache<number>();
    const reason = new Error('at once');
    let calls = 0;
    const loader = (): number => {
      calls++;
      throw reason;
    };
    const waiting = Array.from({ length: callers }, () => cache.getOrSet('k', loader));
    const results = await Promise.allSettled(waiting);
    expect(results.every((result) => result.status === 'rejected' && result.reason === reason)).toBe(true);
    expect(calls).toBe(1);
    expect(cache.stats().loading).toBe(0);
  });

  test('who come one after another, no two loads of a key overlap', async () => {
    await forEachSeedAsync(20, async (random) => {
      const cache = openCache<number>();
      const running = new Map<string, number>();
      let overlaps = 0;
      const load = async (key: string): Promise<number> => {
        const others = running.get(key) ?? 0;
        if (others > 0) overlaps++;
        running.set(key, others + 1);
        for (let i = random.below(6); i > 0; i--) await Promise.resolve();
        if (random.chance(0.2)) await settled();
        running.set(key, (running.get(key) ?? 1) - 1);
        if (random.chance(0.3)) throw new Error('failed');
        return 1;
      };
      const waiting: Promise<unknown>[] = [];
      for (let i = 0; i < 500; i++) {
        const key = `k${random.below(4)}`;
        waiting.push(
          cache
            .getOrSet(key, ({ key: asked, skip }) => {
              if (random.chance(0.5)) skip();
              return load(asked);
            })
            .catch(() => undefined),
        );
        if (random.chance(0.5)) await Promise.resolve();
      }
      await Promise.all(waiting);
      expect(overlaps).toBe(0);
      expect(cache.stats().loading).toBe(0);
    });
  });
});

describe('a load that fails', () => {
  test.each<[string, unknown]>([
    ['an Error', new TypeError('no')],
    ['a string', 'no'],
    ['undefined', undefined],
    ['null', null],
    ['a number', 0],
    ['a frozen object', Object.freeze({ code: 'E' })],
    [
      'a revoked proxy',
      (() => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        return proxy;
      })(),
    ],
  ])('rejects with exactly what the loader threw: %s', async (_, reason) => {
    const cache = openCache<number>();
    for (const loader of [
      (): number => {
        throw reason;
      },
      (): Promise<number> => Promise.reject(reason),
    ]) {
      const results = await Promise.allSettled([cache.getOrSet('k', loader), cache.getOrSet('k', loader)]);
      for (const result of results) {
        expect(result.status).toBe('rejected');
        expect(result.status === 'rejected' && Object.is(result.reason, reason)).toBe(true);
      }
    }
    expect(cache.stats()).toMatchObject({ loads: 2, loadFailures: 2, loading: 0, entries: 0 });
    expect(await cache.getOrSet('k', () => 1)).toBe(1);
  });

  test('leaves no unhandled rejection behind, though nobody waits for it any more', async () => {
    // Jest fails the test if there is one.
    const cache = openCache<number>();
    const gate = deferred<number>();
    const controller = new AbortController();
    const options = { signal: controller.signal, waitTimeout: '1h' };
    const waiting = [cache.getOrSet('k', () => gate.promise, options), cache.getOrSet('k', () => 1, options)];
    controller.abort();
    for (const result of await Promise.allSettled(waiting)) expect(result.status).toBe('rejected');
    gate.reject(new Error('no'));
    await settled();
    expect(cache.stats()).toMatchObject({ loadFailures: 1, loading: 0 });
  });
});

describe('a result of undefined', () => {
  test('reaches all callers and is not stored', async () => {
    const cache = openCache<undefined | number>();
    const loader = jest.fn(async () => undefined);
    const waiting = [cache.getOrSet('k', loader), cache.getOrSet('k', loader)];
    expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
    expect(loader).toHaveBeenCalledTimes(1);
    expect(cache.has('k')).toBe(false);
    expect(cache.stats()).toMatchObject({ sets: 0, entries: 0, loading: 0 });
    expect(await cache.getOrSet('k', () => 1)).toBe(1);
  });

  test('is not null, which is stored', async () => {
    const cache = openCache<null>();
    expect(await cache.getOrSet('k', () => null)).toBeNull();
    expect(cache.has('k')).toBe(true);
  });
});

describe('a loader that asks for the key that it loads', () => {
  test('waits for itself, and is free as soon as the key is invalidated', async () => {
    const cache = openCache<number>();
    const outer = cache.getOrSet('k', async () => 1 + (await cache.getOrSet('k', () => 10)));
    expect(await stateOf(outer)).toBe('pending');
    expect(cache.stats().loading).toBe(1);
    cache.delete('k');
    expect(await cache.getOrSet('k', () => 5)).toBe(5);
    expect(cache.get('k')).toBe(5);
    expect(await stateOf(outer)).toBe('pending');
  });

  test('with a waitTimeout loads by itself after it', async () => {
    jest.useFakeTimers();
    try {
      const cache = openCache<number>();
      const loader = async () => 1 + (await cache.getOrSet('k', () => 10, { waitTimeout: 50 }));
      const outer = cache.getOrSet('k', loader);
      await jest.advanceTimersByTimeAsync(50);
      expect(await outer).toBe(11);
      expect(cache.get('k')).toBe(10);
      expect(cache.stats().loading).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  test('may set it, and what it set stays', async () => {
    const cache = openCache<number>();
    const loader = () => {
      cache.set('k', 2);
      return 1;
    };
    expect(await cache.getOrSet('k', loader)).toBe(1);
    expect(cache.get('k')).toBe(2);
  });

  test('may delete it, clear the cache or close it', async () => {
    const cache = openCache<number>();
    expect(await cache.getOrSet('a', () => Number(cache.delete('a')))).toBe(0);
    expect(await cache.getOrSet('b', () => cache.clear())).toBe(0);
    expect(cache.size).toBe(0);
    expect(cache.stats()).toMatchObject({ loading: 0, overtaken: 2 });
    const last = cache.getOrSet('c', () => {
      cache.close();
      return 1;
    });
    expect(await last).toBe(1);
  });
});
