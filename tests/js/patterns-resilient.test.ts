import type { CacheLike, MemoryCache } from 'tiercel';
import { ResilientCache, type ResilientCacheOptions } from 'tiercel/patterns';
import { openCache } from './support/cache.js';
import { deferred, settled } from './support/deferred.js';
import { expectFailure, expectThrow, failureOf } from './support/errors.js';
import { forEachSeedAsync } from './support/random.js';
import { FakeTimers } from './support/timers.js';

/** A cache that does as it is told, until it is broken: then every call rejects, or never answers. */
function breakable(cache: MemoryCache<string>) {
  const state = { mode: 'well' as 'well' | 'failing' | 'silent', calls: 0 };
  const faulty = new Proxy(cache, {
    get: (target, name) => {
      const method = Reflect.get(target, name, target) as (...args: unknown[]) => unknown;
      if (typeof method !== 'function') return method;
      return async (...args: unknown[]) => {
        state.calls++;
        if (state.mode === 'failing') throw new Error('no connection');
        if (state.mode === 'silent') return new Promise(() => undefined);
        return method.apply(target, args);
      };
    },
  }) as unknown as CacheLike<string>;
  return { state, faulty };
}

function open(options: ResilientCacheOptions<string> = {}) {
  const timers = new FakeTimers();
  const store = openCache<string>();
  const { state, faulty } = breakable(store);
  const cache = new ResilientCache<string>(faulty, { timers, failures: 3, reset: '10s', ...options });
  return { timers, store, state, cache };
}

describe('a resilient cache', () => {
  it('is the cache as long as that is well', async () => {
    const { store, cache } = open();
    expect(await cache.set('a', '1', { ttl: '1m', tags: ['t'] })).toBe(true);
    expect(await cache.get('a')).toBe('1');
    expect(await cache.has('a')).toBe(true);
    expect(await cache.getMany(['a', 'b'])).toEqual(new Map([['a', '1']]));
    expect(await cache.getOrSet('b', () => '2')).toBe('2');
    expect(await cache.setMany([['c', '3']])).toBe(true);
    expect(await cache.invalidateTags('t')).toBe(true);
    expect(await cache.deleteMany(['b', 'c'])).toBe(true);
    expect([...store.keys()]).toEqual([]);
    expect(cache.stats()).toMatchObject({ state: 'closed', succeeded: 8, failed: 0, fellBack: 0, missed: 0 });
  });

  it('misses and loads when the cache fails, and throws nothing', async () => {
    const errors: string[] = [];
    const { state, cache } = open({
      failures: 100,
      onError: (error, operation) => {
        errors.push(`${operation}: ${(error as Error).message}`);
        throw new Error('of the listener');
      },
    });
    await cache.set('a', '1');
    state.mode = 'failing';
    expect(await cache.get('a')).toBeUndefined();
    expect(await cache.has('a')).toBe(false);
    expect(await cache.getMany(['a'])).toEqual(new Map());
    expect(await cache.set('a', '2')).toBe(false);
    expect(await cache.getOrSet('a', () => 'loaded')).toBe('loaded');
    expect(errors).toHaveLength(5);
    expect(errors[0]).toBe('get: no connection');
    expect(cache.stats()).toMatchObject({ failed: 5, fellBack: 5 });
  });

  it('leaves the cache alone after some failures, tries it by one call, and takes it back', async () => {
    const { timers, state, cache } = open();
    state.mode = 'failing';
    for (let i = 0; i < 10; i++) await cache.get('a');
    expect(state.calls).toBe(3);
    expect(cache.stats()).toMatchObject({ state: 'open', opened: 1, failed: 3, fellBack: 10 });
    await timers.advance(10_000);
    expect(cache.stats().state).toBe('half-open');
    await Promise.all([cache.get('a'), cache.get('a'), cache.get('a')]);
    expect(state.calls).toBe(4);
    expect(cache.stats().state).toBe('open');
    await timers.advance(10_000);
    state.mode = 'well';
    await cache.get('a');
    expect(cache.stats().state).toBe('closed');
    expect(timers.pending.size).toBe(0);
  });

  it('counts failures in a row only', async () => {
    const { state, cache } = open();
    for (let i = 0; i < 10; i++) {
      state.mode = i % 3 === 2 ? 'well' : 'failing';
      await cache.get('a');
    }
    expect(cache.stats()).toMatchObject({ state: 'closed', opened: 0 });
  });

  it('does not wait for a cache that does not answer', async () => {
    const { timers, state, cache } = open({ timeout: '1s' });
    state.mode = 'silent';
    const read = cache.getOrSet('a', () => 'loaded');
    await timers.advance(1_000);
    expect(await read).toBe('loaded');
    expect(cache.stats().failed).toBe(1);
  });

  it('gives a loader the time it takes', async () => {
    const { timers, cache } = open({ timeout: '1s' });
    const loaded = deferred<string>();
    const read = cache.getOrSet('a', () => loaded.promise);
    await timers.advance(60_000);
    loaded.resolve('late');
    expect(await read).toBe('late');
    expect(cache.stats()).toMatchObject({ failed: 0, succeeded: 1 });
    await timers.advance(60_000);
    expect(timers.pending.size).toBe(0);
  });

  it('gives what a loader throws as it is, which is no failure of the cache', async () => {
    const { cache } = open();
    const error = new Error('of the loader');
    for (let i = 0; i < 5; i++)
      expect(await failureOf(() => cache.getOrSet('a', () => Promise.reject(error)))).toBe(error);
    expect(cache.stats()).toMatchObject({ state: 'closed', failed: 0 });
  });

  it('gives what was loaded though the cache then fails to keep it', async () => {
    const { state, cache } = open();
    const loader = jest.fn(async () => {
      state.mode = 'failing';
      return 'loaded';
    });
    const broken = new ResilientCache<string>({
      set: () => true,
      invalidateTags: () => 0,
      getOrSet: async (_key: string, load: (context: unknown) => Promise<string>) => {
        await load({ key: 'a' });
        throw new Error('connection lost');
      },
    } as unknown as CacheLike<string>);
    expect(await broken.getOrSet('a', loader)).toBe('loaded');
    expect(loader).toHaveBeenCalledTimes(1);
    expect(cache.stats().failed).toBe(0);
  });

  it('loads once for all that ask, without the cache as well', async () => {
    const { state, cache } = open();
    state.mode = 'failing';
    const gate = deferred<string>();
    const loader = jest.fn(() => gate.promise);
    const reads = Promise.all(Array.from({ length: 100 }, () => cache.getOrSet('a', loader)));
    await settled();
    gate.resolve('x');
    expect(new Set(await reads)).toEqual(new Set(['x']));
    expect(loader).toHaveBeenCalledTimes(1);
    await cache.getOrSet('a', loader);
    expect(loader).toHaveBeenCalledTimes(2);
  });

  it('throws what is wrong with a call', async () => {
    const { cache } = open();
    for (let i = 0; i < 5; i++)
      await expectFailure(() => cache.get(1 as never), 'ERR_TIERCEL_INVALID_ARGUMENT', /^key: /);
    await expectFailure(() => cache.set('a', '1', { tll: 1 } as never), 'ERR_TIERCEL_UNKNOWN_OPTION');
    await expectFailure(() => cache.getOrSet('a', 1 as never), 'ERR_TIERCEL_INVALID_ARGUMENT', /^loader: /);
    const controller = new AbortController();
    controller.abort(new Error('gone'));
    const gone = await failureOf(() => cache.getOrSet('a', () => 'x', { signal: controller.signal }));
    expect(gone).toBe(controller.signal.reason);
    expect(cache.stats()).toMatchObject({ state: 'closed', failed: 0 });
    for (const keys of [undefined, 'a', 1]) {
      await expectFailure(() => cache.getMany(keys as never), 'ERR_TIERCEL_INVALID_ARGUMENT', /^keys: /);
      await expectFailure(() => cache.deleteMany(keys as never), 'ERR_TIERCEL_INVALID_ARGUMENT', /^keys: /);
    }
    await expectFailure(() => cache.setMany([undefined] as never), 'ERR_TIERCEL_INVALID_ARGUMENT', /^key: /);
    expectThrow(
      () => new ResilientCache(openCache(), { fallback: {} as never }),
      'ERR_TIERCEL_INVALID_ARGUMENT',
      /^fallback: /,
    );
    expectThrow(() => new ResilientCache(openCache(), { reset: 0 }), 'ERR_TIERCEL_INVALID_OPTION', /^reset: /);
  });

  it('serves from its fallback, which is told of every change', async () => {
    const fallback = openCache<string>();
    const { state, cache } = open({ fallback });
    await cache.set('a', '1', { tags: ['t'] });
    await cache.set('b', '1');
    state.mode = 'failing';
    expect(await cache.get('a')).toBe('1');
    expect(await cache.getOrSet('c', () => 'loaded')).toBe('loaded');
    expect(await cache.getOrSet('c', () => 'again')).toBe('loaded');
    await cache.invalidateTags('t');
    await cache.delete('b');
    expect(await cache.getMany(['a', 'b', 'c'])).toEqual(new Map([['c', 'loaded']]));
  });

  it('makes the cache forget what changed while it was away, before it is used again', async () => {
    const { timers, store, state, cache } = open();
    for (const key of ['set', 'deleted', 'p:1', 'glob 1', 'kept', 'expired']) store.set(key, 'old');
    store.set('tagged', 'old', { tags: ['t'] });
    state.mode = 'failing';
    for (let i = 0; i < 3; i++) await cache.get('kept');
    await cache.set('set', 'new');
    await cache.delete('deleted');
    await cache.expire('expired');
    await cache.invalidateTags('t');
    await cache.invalidatePrefix('p:');
    await cache.invalidatePattern('glob ?');
    expect(cache.stats().missed).toBe(6);
    state.mode = 'well';
    await timers.advance(10_000);
    expect(await cache.get('set')).toBeUndefined();
    expect([...store.keys()]).toEqual(['kept']);
    expect(cache.stats()).toMatchObject({ state: 'closed', missed: 0 });
  });

  it('clears the cache if it has missed too much to remember', async () => {
    const { timers, store, state, cache } = open({ maxMissed: 3 });
    store.set('a', 'old');
    store.set('b', 'old');
    state.mode = 'failing';
    for (let i = 0; i < 10; i++) await cache.delete(`k${i}`);
    expect(cache.stats().missed).toBe(1);
    state.mode = 'well';
    await timers.advance(10_000);
    await cache.get('a');
    expect([...store.keys()]).toEqual([]);
  });

  it('has namespaces of its own', async () => {
    const { store, cache } = open();
    store.namespace('x').set('a', '1');
    expect(await cache.get('a')).toBeUndefined();
  });

  it('never serves what was changed through it, whenever the cache fails', async () => {
    await forEachSeedAsync(150, async (random) => {
      const { timers, state, cache } = open(random.chance(0.5) ? { fallback: openCache<string>() } : {});
      const newest = new Map<string, string>();
      for (let step = 0; step < 150; step++) {
        const key = random.pick(['a', 'b', 'c']);
        if (random.chance(0.1)) state.mode = random.pick(['well', 'well', 'failing']);
        if (random.chance(0.1)) await timers.advance(random.below(12_000));
        if (random.chance(0.3)) {
          newest.set(key, `${step}`);
          await cache.set(key, `${step}`);
        } else if (random.chance(0.2)) {
          newest.delete(key);
          await cache.delete(key);
        } else if (random.chance(0.5)) {
          const found = await cache.get(key);
          if (found !== undefined) expect(found).toBe(newest.get(key));
        } else {
          const current = newest.get(key) ?? `${step}`;
          newest.set(key, current);
          expect(await cache.getOrSet(key, () => current)).toBe(current);
        }
      }
    });
  });
});
