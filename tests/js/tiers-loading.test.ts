import { type CacheLike, cached, type LoadContext, MemoryCache } from 'tiercel';
import { FakeClock } from './support/clock.js';
import { deferred, settled, stateOf } from './support/deferred.js';
import { expectFailure } from './support/errors.js';
import { openTiers } from './support/tiers.js';

describe('getOrSet', () => {
  test('loads what is not there, once for all who ask, and then has it', async () => {
    const cache = await openTiers();
    const gate = deferred<number>();
    const loader = jest.fn(() => gate.promise);
    const asking = Array.from({ length: 10_000 }, () => cache.getOrSet('k', loader));
    gate.resolve(1);
    expect(new Set(await Promise.all(asking))).toEqual(new Set([1]));
    expect(await cache.getOrSet('k', loader)).toBe(1);
    expect(await cache.get('k')).toBe(1);
    expect(loader).toHaveBeenCalledTimes(1);
    expect(cache.memory.get('k')).toBe(1);
  });

  test.each(['rejects', 'skips'])('that %s does so for 10,000 who wait, with one call of the loader', async (how) => {
    const cache = await openTiers<number>();
    const reason = new Error('the source failed');
    const loader = jest.fn(async ({ skip }: LoadContext<number>) => {
      await settled();
      if (how === 'rejects') throw reason;
      skip();
      return 1;
    });
    const results = await Promise.allSettled(Array.from({ length: 10_000 }, () => cache.getOrSet('k', loader)));
    const wanted = how === 'rejects' ? { status: 'rejected', reason } : { status: 'fulfilled', value: 1 };
    expect(results.filter((result) => JSON.stringify(result) !== JSON.stringify(wanted))).toEqual([]);
    expect(loader).toHaveBeenCalledTimes(1);
    expect(await cache.has('k')).toBe(false);
    expect(cache.stats().loading).toBe(0);
  });

  test('keeps null, and returns undefined without keeping it', async () => {
    const cache = await openTiers();
    const none = jest.fn(() => null);
    expect(await cache.getOrSet('null', none)).toBeNull();
    expect(await cache.getOrSet('null', none)).toBeNull();
    expect(none).toHaveBeenCalledTimes(1);
    const nothing = jest.fn(() => undefined);
    expect(await cache.getOrSet('undefined', nothing)).toBeUndefined();
    expect(await cache.getOrSet('undefined', nothing)).toBeUndefined();
    expect(nothing).toHaveBeenCalledTimes(2);
  });

  test('uses the defaults, and what the call says before them', async () => {
    const clock = new FakeClock();
    const cache = await openTiers({ now: clock.now, defaults: { ttl: 100, tags: ['a'] } });
    await cache.getOrSet('k', () => 1);
    await cache.getOrSet('l', () => 1, { ttl: 5 });
    expect([cache.memory.ttl('k'), cache.memory.ttl('l')]).toEqual([100, 5]);
    expect(cache.memory.tagsOf('l')).toEqual(['a']);
  });

  test('gives null a ttl of its own, unless the loader does', async () => {
    const cache = await openTiers({ now: new FakeClock().now });
    const options = { ttl: 1000, negativeTtl: 50 };
    await cache.getOrSet('k', () => null, options);
    await cache.getOrSet('l', () => 0, options);
    await cache.getOrSet(
      'm',
      ({ setTtl }) => {
        setTtl(7);
        return null;
      },
      options,
    );
    expect(['k', 'l', 'm'].map((key) => cache.memory.ttl(key))).toEqual([50, 1000, 7]);
  });

  test('scatters ttls by jitter', async () => {
    const cache = await openTiers({ now: new FakeClock().now });
    const ttls = new Set<number | undefined>();
    for (let i = 0; i < 100; i++) {
      await cache.getOrSet(`k${i}`, () => 1, { ttl: 1000, jitter: 0.1 });
      ttls.add(cache.memory.ttl(`k${i}`));
    }
    for (const ttl of ttls) expect(Math.abs((ttl ?? 0) - 1000)).toBeLessThanOrEqual(100);
    expect(ttls.size).toBeGreaterThan(50);
  });

  test('is refused what it cannot use, though a value is there', async () => {
    const cache = await openTiers();
    await cache.set('k', 1);
    const options = { ttl: 5 };
    await cache.getOrSet('k', () => 2, options);
    expect(await cache.getOrSet('k', () => 2, options)).toBe(1);
    await expectFailure(() => cache.getOrSet('k', () => 2, { tll: 5 } as object), 'ERR_TIERCEL_UNKNOWN_OPTION');
    await expectFailure(() => cache.getOrSet('k', () => 2, { ttl: -5 }), 'ERR_TIERCEL_INVALID_OPTION');
    await expectFailure(() => cache.getOrSet('k', 5 as never), 'ERR_TIERCEL_INVALID_ARGUMENT');
    await expectFailure(() => cache.getOrSet(5 as never, () => 2), 'ERR_TIERCEL_INVALID_ARGUMENT');
    // Changed after it was used, it is read anew where it matters.
    options.ttl = -5;
    await cache.delete('k');
    await expectFailure(() => cache.getOrSet('k', () => 2, options), 'ERR_TIERCEL_INVALID_OPTION');
  });
});

describe('a stale value', () => {
  const clock = new FakeClock();

  test('is served within its stale time, while one load replaces it', async () => {
    const cache = await openTiers({ now: clock.now });
    const options = { ttl: 100, stale: 50 };
    await cache.getOrSet('k', () => 1, options);
    clock.advance(120);
    const gate = deferred<number>();
    const loader = jest.fn(() => gate.promise);
    expect(await Promise.all([1, 2, 3].map(() => cache.getOrSet('k', loader, options)))).toEqual([1, 1, 1]);
    expect(loader).toHaveBeenCalledTimes(1);
    gate.resolve(2);
    await settled();
    expect(await cache.getOrSet('k', loader, options)).toBe(2);
  });

  test('is not served after that, without grace', async () => {
    const cache = await openTiers({ now: clock.now });
    await cache.getOrSet('k', () => 1, { ttl: 100, stale: 50 });
    clock.advance(151);
    await expect(cache.getOrSet('k', () => Promise.reject(new Error('no')), { ttl: 100, stale: 50 })).rejects.toThrow(
      'no',
    );
  });

  test('is told to the loader that replaces it', async () => {
    const cache = await openTiers<number>({ now: clock.now });
    const options = { ttl: 100, stale: 50 };
    await cache.getOrSet('k', () => 7, options);
    clock.advance(120);
    const loader = jest.fn(({ stale }: LoadContext<number>) => (stale?.value ?? 0) + 1);
    await cache.getOrSet('k', loader, options);
    await settled();
    expect(await cache.get('k')).toBe(8);
  });

  test('within its grace is served only if the load fails, and the loader is left alone for a while', async () => {
    const cache = await openTiers({ now: clock.now });
    const options = { ttl: 100, grace: 1000, graceBackoff: 200 };
    const graced = jest.fn();
    cache.on('grace', graced);
    await cache.getOrSet('k', () => 1, options);
    clock.advance(500);
    const reason = new Error('the source failed');
    const failing = jest.fn(async () => Promise.reject(reason));
    expect(await Promise.all([1, 2, 3].map(() => cache.getOrSet('k', failing, options)))).toEqual([1, 1, 1]);
    expect(graced).toHaveBeenCalledWith({ key: 'k', error: reason });
    clock.advance(199);
    expect(await cache.getOrSet('k', failing, options)).toBe(1);
    expect(failing).toHaveBeenCalledTimes(1);
    clock.advance(2);
    expect(await cache.getOrSet('k', () => 2, options)).toBe(2);
    clock.advance(1101);
    await expect(cache.getOrSet('k', failing, options)).rejects.toBe(reason);
    expect(cache.stats().graced).toBe(4);
  });

  test('that is invalidated while the load runs is not served when that fails', async () => {
    const cache = await openTiers({ now: clock.now });
    const options = { ttl: 100, grace: 1000 };
    await cache.getOrSet('k', () => 1, options);
    clock.advance(500);
    const gate = deferred<number>();
    const asking = cache.getOrSet('k', () => gate.promise, options);
    void cache.delete('k');
    gate.reject(new Error('no'));
    await expect(asking).rejects.toThrow('no');
  });

  test('keeps its validators, and what was not modified is fresh again', async () => {
    for (const values of ['reference', 'bytes'] as const) {
      const cache = await openTiers<{ a: number }>({ memory: { now: clock.now, values }, now: clock.now });
      const options = { ttl: 100, stale: 1000 };
      const first = ({ setValidators }: LoadContext<{ a: number }>) => {
        setValidators({ etag: '"1"', lastModified: 'yesterday' });
        return { a: 1 };
      };
      await cache.getOrSet('k', first, options);
      expect(await cache.get('k')).toEqual({ a: 1 });
      for (let i = 0; i < 2; i++) {
        clock.advance(200);
        const seen = jest.fn();
        const loader = ({ stale, notModified }: LoadContext<{ a: number }>) => {
          seen(stale);
          return notModified();
        };
        expect(await cache.getOrSet('k', loader, options)).toEqual({ a: 1 });
        await settled();
        expect(seen).toHaveBeenCalledWith({ value: { a: 1 }, etag: '"1"', lastModified: 'yesterday' });
        expect(cache.memory.ttl('k')).toBe(100);
      }
      await expectFailure(
        () => cache.getOrSet('new', ({ notModified }) => notModified()),
        'ERR_TIERCEL_INVALID_ARGUMENT',
      );
    }
  });

  test('is what a caller makes do with whose load failed by fail, even if that is caught', async () => {
    const cache = await openTiers({ now: clock.now });
    const reason = new Error('no such user');
    const loader = ({ fail }: LoadContext) => {
      try {
        fail(reason);
      } catch {
        return 1;
      }
    };
    await expect(cache.getOrSet('k', loader)).rejects.toBe(reason);
    expect(await cache.has('k')).toBe(false);
    await cache.set('k', 5, { ttl: 1, grace: 100 });
    clock.advance(2);
    expect(await cache.getOrSet('k', loader, { grace: 100 })).toBe(5);
  });
});

describe('timeouts', () => {
  const clock = new FakeClock();
  const advance = (ms: number) => {
    clock.advance(ms);
    return jest.advanceTimersByTimeAsync(ms);
  };

  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  test('soft: a stale value is served if the load takes longer, and the load goes on', async () => {
    const cache = await openTiers({ now: clock.now });
    const options = { ttl: 100, grace: '1h', softTimeout: 50 };
    await cache.getOrSet('k', () => 1, options);
    await advance(200);
    const gate = deferred<number>();
    const asking = cache.getOrSet('k', () => gate.promise, options);
    await advance(49);
    expect(jest.getTimerCount()).toBeGreaterThan(0);
    await advance(1);
    expect(await asking).toBe(1);
    gate.resolve(2);
    await advance(0);
    expect(await cache.get('k')).toBe(2);
    expect(cache.stats().softTimeouts).toBe(1);
  });

  test('soft: without a stale value the load is waited for', async () => {
    const cache = await openTiers({ now: clock.now });
    const gate = deferred<number>();
    const asking = cache.getOrSet('k', () => gate.promise, { grace: '1h', softTimeout: 50 });
    await advance(10_000);
    gate.resolve(2);
    expect(await asking).toBe(2);
  });

  test('hard: the call fails, and the load goes on unless told otherwise', async () => {
    for (const abortOnTimeout of [false, true]) {
      const cache = await openTiers({ now: clock.now });
      const gate = deferred<number>();
      const abort = jest.fn();
      const loader = ({ signal }: LoadContext) => {
        signal.addEventListener('abort', abort);
        return gate.promise;
      };
      const asking = expectFailure(
        () => cache.getOrSet('k', loader, { hardTimeout: 50, abortOnTimeout }),
        'ERR_TIERCEL_TIMEOUT',
      );
      await advance(50);
      await asking;
      expect(abort).toHaveBeenCalledTimes(abortOnTimeout ? 1 : 0);
      gate.resolve(1);
      await advance(0);
      expect(await cache.get('k')).toBe(abortOnTimeout ? undefined : 1);
      expect(cache.stats().loading).toBe(0);
    }
  });

  test('hard: a stale value within its grace is better than an error', async () => {
    const cache = await openTiers({ now: clock.now });
    const options = { ttl: 10, grace: '1h', hardTimeout: 50 };
    await cache.getOrSet('k', () => 1, options);
    await advance(20);
    const asking = cache.getOrSet('k', () => new Promise<number>(() => undefined), options);
    await advance(50);
    expect(await asking).toBe(1);
  });

  test('leave no timer behind', async () => {
    const cache = await openTiers({ now: clock.now });
    const options = { grace: '1h', softTimeout: '1m', hardTimeout: '2m' };
    await Promise.all([1, 2, 3].map(() => cache.getOrSet('k', async () => 1, options)));
    await expect(cache.getOrSet('l', async () => Promise.reject(new Error('no')), options)).rejects.toThrow('no');
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('a signal', () => {
  const waits = () => new Promise<number>(() => undefined);

  test('ends the wait of its caller; the load goes on for the others', async () => {
    const cache = await openTiers();
    const gate = deferred<number>();
    const abort = jest.fn();
    const controller = new AbortController();
    const loader = ({ signal }: LoadContext) => {
      signal.addEventListener('abort', abort);
      return gate.promise;
    };
    const leaving = cache.getOrSet('k', loader, { signal: controller.signal });
    const staying = cache.getOrSet('k', loader);
    controller.abort(new Error('enough'));
    await expect(leaving).rejects.toThrow('enough');
    expect(await stateOf(staying)).toBe('pending');
    expect(abort).not.toHaveBeenCalled();
    gate.resolve(1);
    expect(await staying).toBe(1);
  });

  test('of the last who waits aborts the load, whose value is not kept; the next loads anew', async () => {
    const cache = await openTiers();
    const gate = deferred<number>();
    const reasons: unknown[] = [];
    const controllers = [new AbortController(), new AbortController()];
    const loader = ({ signal }: LoadContext) => {
      signal.addEventListener('abort', () => reasons.push(signal.reason));
      return gate.promise;
    };
    const leaving = controllers.map(({ signal }) => cache.getOrSet('k', loader, { signal }));
    const results = Promise.allSettled(leaving);
    controllers[0]?.abort('first');
    expect(reasons).toEqual([]);
    controllers[1]?.abort('second');
    expect(reasons).toEqual(['second']);
    expect((await results).map((result) => (result as PromiseRejectedResult).reason)).toEqual(['first', 'second']);
    expect(cache.stats().loading).toBe(0);
    expect(await cache.getOrSet('k', () => 2)).toBe(2);
    gate.resolve(1);
    await settled();
    expect(await cache.get('k')).toBe(2);
  });

  test('that is aborted already keeps the loader from being called', async () => {
    const cache = await openTiers();
    const loader = jest.fn(waits);
    await expect(cache.getOrSet('k', loader, { signal: AbortSignal.abort('no') })).rejects.toBe('no');
    expect(loader).not.toHaveBeenCalled();
  });

  test('is let go once the wait is over', async () => {
    const cache = await openTiers();
    const { signal } = new AbortController();
    const add = jest.spyOn(signal, 'addEventListener');
    const remove = jest.spyOn(signal, 'removeEventListener');
    for (let i = 0; i < 20; i++) await cache.getOrSet(`k${i}`, async () => 1, { signal });
    expect(add).toHaveBeenCalledTimes(20);
    expect(remove.mock.calls.length).toBe(20);
  });

  test('that is aborted by the loader itself ends the call', async () => {
    const cache = await openTiers();
    const controller = new AbortController();
    const loader = () => {
      controller.abort('by itself');
      return waits();
    };
    await expect(cache.getOrSet('k', loader, { signal: controller.signal })).rejects.toBe('by itself');
    expect(cache.stats().loading).toBe(0);
  });
});

describe('eagerRefresh', () => {
  test('loads a new value before the old one is stale, the sooner the longer a load takes', async () => {
    const clock = new FakeClock();
    const cache = await openTiers({ now: clock.now });
    const random = jest.spyOn(Math, 'random');
    const options = { ttl: 1000, eagerRefresh: 1 };
    const slow = jest.fn(async () => {
      clock.advance(100);
      return 1;
    });
    await cache.getOrSet('k', slow, options);
    // -100 ms * ln(1 - 0.5) is 69.3 ms before the end.
    random.mockReturnValue(0.5);
    clock.advance(930);
    expect(await cache.getOrSet('k', slow, options)).toBe(1);
    expect(slow).toHaveBeenCalledTimes(1);
    clock.advance(1);
    const loader = jest.fn(() => 2);
    expect(await cache.getOrSet('k', loader, options)).toBe(1);
    await settled();
    expect(loader).toHaveBeenCalledTimes(1);
    expect(await cache.get('k')).toBe(2);
    expect(cache.stats().eagerRefreshes).toBe(1);
    random.mockRestore();
  });

  test('is not for values of which nobody knows how long they took', async () => {
    const clock = new FakeClock();
    const cache = await openTiers({ now: clock.now });
    await cache.set('k', 1, { ttl: 1000 });
    clock.advance(999);
    const loader = jest.fn(() => 2);
    for (let i = 0; i < 100; i++) await cache.getOrSet('k', loader, { ttl: 1000, eagerRefresh: 1 });
    expect(loader).not.toHaveBeenCalled();
  });
});

describe('createCache', () => {
  test('makes what building blocks take for a cache', async () => {
    const cache = await openTiers<number>();
    const like: CacheLike<number> = cache;
    expect(await like.getOrSet('k', () => 1)).toBe(1);
    const square = cached(async (n: number) => n * n, { name: 'square', cache: cache.namespace('squares') });
    expect(await square(3)).toBe(9);
    expect(cache.memory.size).toBe(2);
  });

  test('takes a memory that is there, and leaves it open', async () => {
    const memory = MemoryCache.createSync<number>();
    const cache = await openTiers({ memory, namespace: ['a'] });
    await cache.set('k', 1);
    expect(memory.namespace('a').get('k')).toBe(1);
    await cache.close();
    expect(memory.closed).toBe(false);
    await expectFailure(() => cache.get('k'), 'ERR_TIERCEL_CLOSED');
    await expectFailure(() => cache.getOrSet('k', () => 1), 'ERR_TIERCEL_CLOSED');
    await cache.close();
    memory.close();
  });
});
