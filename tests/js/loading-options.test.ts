import type { GetOrSetOptions, LoadContext } from 'tiercel';
import { openCache } from './support/cache.js';
import { FakeClock } from './support/clock.js';
import { deferred, settled, stateOf } from './support/deferred.js';
import { expectFailure } from './support/errors.js';

describe('a signal', () => {
  test('ends the wait of its caller; the load and the others go on', async () => {
    const cache = openCache<number>();
    const gate = deferred<number>();
    const controller = new AbortController();
    const loader = jest.fn(({ signal }: LoadContext) => {
      signal.addEventListener('abort', () => gate.reject(new Error('the load was aborted')));
      return gate.promise;
    });
    const impatient = cache.getOrSet('k', loader, { signal: controller.signal });
    const patient = cache.getOrSet('k', loader);
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(impatient).rejects.toBe(reason);
    expect(await stateOf(patient)).toBe('pending');
    gate.resolve(1);
    expect(await patient).toBe(1);
    expect(cache.get('k')).toBe(1);
    expect(loader).toHaveBeenCalledTimes(1);
  });

  test('of one who joined ends only that wait', async () => {
    const cache = openCache<number>();
    const gate = deferred<number>();
    const controller = new AbortController();
    const first = cache.getOrSet('k', () => gate.promise);
    const second = cache.getOrSet('k', () => 2, { signal: controller.signal });
    controller.abort();
    await expect(second).rejects.toMatchObject({ name: 'AbortError' });
    gate.resolve(1);
    expect(await first).toBe(1);
  });

  test('of the only caller does not stop the load, whose value is stored', async () => {
    const cache = openCache<number>();
    const gate = deferred<number>();
    const controller = new AbortController();
    const only = cache.getOrSet('k', () => gate.promise, { signal: controller.signal });
    controller.abort();
    await expect(only).rejects.toMatchObject({ name: 'AbortError' });
    gate.resolve(1);
    await settled();
    expect(cache.get('k')).toBe(1);
    expect(cache.stats().loading).toBe(0);
  });

  test('that is aborted already keeps the loader from being called', async () => {
    const cache = openCache<number>();
    const loader = jest.fn(() => 1);
    const signal = AbortSignal.abort('no');
    await expect(cache.getOrSet('k', loader, { signal })).rejects.toBe('no');
    expect(loader).not.toHaveBeenCalled();
    expect(cache.stats()).toMatchObject({ loads: 0, loading: 0 });
  });

  test('is let go once the wait is over', async () => {
    const cache = openCache<number>();
    const { signal } = new AbortController();
    const add = jest.spyOn(signal, 'addEventListener');
    const remove = jest.spyOn(signal, 'removeEventListener');
    for (let i = 0; i < 50; i++) await cache.getOrSet(`k${i}`, async () => 1, { signal });
    await cache.getOrSet('bad', async () => Promise.reject(new Error('no')), { signal }).catch(() => undefined);
    expect(remove.mock.calls.length).toBe(add.mock.calls.length);
  });
});

describe('waitTimeout', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  test('lets one who waits for the load of another load by itself', async () => {
    const cache = openCache<string>();
    const stuck = deferred<string>();
    const first = cache.getOrSet('k', () => stuck.promise);
    const loader = jest.fn(async () => 'own');
    const second = cache.getOrSet('k', loader, { waitTimeout: '100ms' });
    await jest.advanceTimersByTimeAsync(99);
    expect(loader).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(1);
    expect(await second).toBe('own');
    expect(cache.get('k')).toBe('own');
    stuck.resolve('late');
    expect(await first).toBe('late');
    expect(cache.get('k')).toBe('own');
    expect(cache.stats()).toMatchObject({ loads: 2, loading: 0, sets: 1 });
  });

  test('leaves the first load going: if it ends first, it serves all', async () => {
    const cache = openCache<string>();
    const slow = deferred<string>();
    const first = cache.getOrSet('k', () => slow.promise);
    const second = cache.getOrSet('k', () => new Promise<string>(() => undefined), { waitTimeout: 100 });
    await jest.advanceTimersByTimeAsync(150);
    slow.resolve('slow');
    expect(await first).toBe('slow');
    expect(cache.get('k')).toBe('slow');
    expect(await stateOf(second)).toBe('fulfilled');
    expect(await second).toBe('slow');
  });

  test('is no limit for the load of one’s own, which is begun once', async () => {
    const cache = openCache<string>();
    const gate = deferred<string>();
    const first = cache.getOrSet('k', () => new Promise<string>(() => undefined));
    const loader = jest.fn(() => gate.promise);
    const waiting = Array.from({ length: 3 }, () => cache.getOrSet('k', loader, { waitTimeout: 100 }));
    await jest.advanceTimersByTimeAsync(150);
    expect(loader).toHaveBeenCalledTimes(1);
    await jest.advanceTimersByTimeAsync(10_000);
    // The two that wait for the third’s load may each give it up as well, but not over and over.
    expect(loader.mock.calls.length).toBeLessThanOrEqual(3);
    gate.resolve('v');
    expect(await Promise.all(waiting)).toEqual(['v', 'v', 'v']);
    expect(await stateOf(first)).toBe('pending');
  });

  test('makes those who load by themselves independent of the first load: its late failure is not theirs', async () => {
    const cache = openCache<string>();
    const stuck = deferred<string>();
    const gate = deferred<string>();
    const first = cache.getOrSet('k', () => stuck.promise);
    const second = cache.getOrSet('k', () => gate.promise, { waitTimeout: 100 });
    await jest.advanceTimersByTimeAsync(150);
    stuck.reject(new Error('timed out'));
    await expect(first).rejects.toThrow('timed out');
    await jest.advanceTimersByTimeAsync(1_000);
    gate.resolve('v');
    expect(await second).toBe('v');
    expect(cache.get('k')).toBe('v');
  });

  test('of many is one load more: the others join it', async () => {
    const cache = openCache<string>();
    const stuck = deferred<string>();
    const gate = deferred<string>();
    const first = cache.getOrSet('k', () => stuck.promise);
    const loader = jest.fn(() => gate.promise);
    const others = Array.from({ length: 100 }, () => cache.getOrSet('k', loader, { waitTimeout: 100 }));
    await jest.advanceTimersByTimeAsync(100);
    const late = cache.getOrSet('k', loader);
    gate.resolve('own');
    expect(new Set(await Promise.all([...others, late]))).toEqual(new Set(['own']));
    expect(loader).toHaveBeenCalledTimes(1);
    stuck.resolve('late');
    expect(await first).toBe('late');
  });

  test('does not end the wait of the caller that began the load', async () => {
    const cache = openCache<string>();
    const gate = deferred<string>();
    const loader = jest.fn(() => gate.promise);
    const first = cache.getOrSet('k', loader, { waitTimeout: 10 });
    await jest.advanceTimersByTimeAsync(1000);
    expect(loader).toHaveBeenCalledTimes(1);
    gate.resolve('v');
    expect(await first).toBe('v');
  });

  test('of 0, and none, wait as long as it takes', async () => {
    const cache = openCache<string>();
    const gate = deferred<string>();
    const loader = jest.fn(() => gate.promise);
    const waiting = [undefined, 0, Number.POSITIVE_INFINITY].map((waitTimeout) =>
      cache.getOrSet('k', loader, waitTimeout === undefined ? {} : { waitTimeout }),
    );
    await jest.advanceTimersByTimeAsync(86_400_000);
    expect(loader).toHaveBeenCalledTimes(1);
    gate.resolve('v');
    expect(await Promise.all(waiting)).toEqual(['v', 'v', 'v']);
  });

  test('leaves no timer behind', async () => {
    const cache = openCache<string>();
    const gate = deferred<string>();
    const waiting = Array.from({ length: 10 }, () => cache.getOrSet('k', () => gate.promise, { waitTimeout: '1h' }));
    gate.resolve('v');
    await Promise.all(waiting);
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('a loader can say of its value', () => {
  test('how long it stays fresh, before the option', async () => {
    const clock = new FakeClock();
    const cache = openCache<number>({ now: clock.now, ttl: 1000 });
    const load = (ttl: number | string, options?: GetOrSetOptions) =>
      cache.getOrSet(
        'k',
        (context) => {
          context.setTtl(1);
          context.setTtl(ttl);
          return 1;
        },
        { ...options, forceRefresh: true },
      );
    await load(50);
    expect(cache.ttl('k')).toBe(50);
    await load('2s', { ttl: 10 });
    expect(cache.ttl('k')).toBe(2000);
    await load(0, { ttl: 10 });
    expect(cache.ttl('k')).toBe(Number.POSITIVE_INFINITY);
  });

  test('its tags, which are added to those of the options', async () => {
    const cache = openCache<number>();
    const loader = ({ setTags }: LoadContext) => {
      setTags('b');
      setTags('c', 'a');
      setTags();
      return 1;
    };
    await cache.getOrSet('k', loader, { tags: ['a'] });
    expect(cache.getEntry('k')?.tags.sort()).toEqual(['a', 'b', 'c']);
    expect(cache.invalidateTags('c')).toBe(1);
    expect(cache.has('k')).toBe(false);
  });

  test('that it is not to be stored', async () => {
    const cache = openCache<number>();
    cache.set('k', 1);
    expect(
      await cache.getOrSet(
        'k',
        ({ skip }) => {
          skip();
          return 2;
        },
        { forceRefresh: true },
      ),
    ).toBe(2);
    expect(cache.get('k')).toBe(1);
  });

  test('nothing wrong: the error is that of the load', async () => {
    const cache = openCache<number>();
    const uses: [(context: LoadContext) => void, RegExp][] = [
      [({ setTtl }) => setTtl(-1), /ttl/],
      [({ setTtl }) => setTtl('1 week'), /ttl/],
      [({ setTags }) => setTags(5 as unknown as string), /tags/],
    ];
    for (const [use, message] of uses) {
      const loader = (context: LoadContext) => {
        use(context);
        return 1;
      };
      await expectFailure(() => cache.getOrSet('k', loader), 'ERR_TIERCEL_INVALID_ARGUMENT', message);
    }
    expect(cache.stats()).toMatchObject({ entries: 0, loading: 0 });
  });

  test('nothing any more once it has ended', async () => {
    const cache = openCache<number>();
    let kept: LoadContext | undefined;
    await cache.getOrSet(
      'k',
      (context) => {
        kept = context;
        return 1;
      },
      { tags: ['a'], ttl: 1000 },
    );
    kept?.skip();
    kept?.setTags('late');
    kept?.setTtl(1);
    await settled();
    expect(cache.getEntry('k')).toMatchObject({ value: 1, tags: ['a'] });
    expect(cache.invalidateTags('late')).toBe(0);
  });
});

describe('forceRefresh', () => {
  test('loads even if there is a fresh entry, and replaces it', async () => {
    const cache = openCache<number>();
    cache.set('k', 1);
    expect(await cache.getOrSet('k', () => 2, { forceRefresh: true })).toBe(2);
    expect(cache.get('k')).toBe(2);
  });

  test('gives the loader the value that is being replaced', async () => {
    const cache = openCache<number>();
    cache.set('k', 1);
    const loader = ({ stale }: LoadContext<number>) => (stale?.value ?? 0) + 10;
    expect(await cache.getOrSet('k', loader, { forceRefresh: true })).toBe(11);
    expect(await cache.getOrSet('absent', loader, { forceRefresh: true })).toBe(10);
    expect(cache.stats()).toMatchObject({ hits: 0, misses: 0, loads: 2 });
  });

  test('leaves the entry in place for others until it is done, and if it fails', async () => {
    const cache = openCache<number>();
    cache.set('k', 1);
    const gate = deferred<number>();
    const refresh = cache.getOrSet('k', () => gate.promise, { forceRefresh: true });
    expect(cache.get('k')).toBe(1);
    expect(await cache.getOrSet('k', () => 9)).toBe(1);
    gate.reject(new Error('no'));
    await expect(refresh).rejects.toThrow('no');
    expect(cache.get('k')).toBe(1);
  });

  test('joins a load in flight rather than begin a second', async () => {
    const cache = openCache<number>();
    const gate = deferred<number>();
    const first = cache.getOrSet('k', () => gate.promise);
    const loader = jest.fn(() => 2);
    const second = cache.getOrSet('k', loader, { forceRefresh: true });
    gate.resolve(1);
    expect(await Promise.all([first, second])).toEqual([1, 1]);
    expect(loader).not.toHaveBeenCalled();
  });
});
