import {
  type CacheLike,
  cached,
  createCache,
  Invalidator,
  invalidates,
  MemoryCache,
  memoize,
  memoryRemote,
  validated,
} from 'tiercel';
import { Warmer } from 'tiercel/warming';
import { type Callback, forced, memory, on, type Row, SYNC } from './callback-row.js';

/** A row of a `Cache` made with options. */
const tiers = (
  good: unknown,
  options: (callback: Callback) => Parameters<typeof createCache>[0],
  run: (cache: Awaited<ReturnType<typeof createCache>>) => unknown,
  more?: Partial<Row>,
): Row => ({
  good,
  open: async (callback) => {
    const cache = await createCache(options(callback));
    return { run: () => run(cache), caches: [cache as CacheLike] };
  },
  ...more,
});
const withCache = (
  good: unknown,
  run: (cache: Awaited<ReturnType<typeof createCache>>, callback: Callback) => unknown,
  more?: Partial<Row>,
): Row => ({
  good,
  open: async (callback) => {
    const cache = await createCache();
    return { run: () => run(cache, callback), caches: [cache as CacheLike] };
  },
  ...more,
});
/** A row of an option of `cached`, for calls whose result is never there. */
const ofCall = (good: unknown, option: 'unless' | 'validate' | 'tags' | 'ttl'): Row =>
  on(
    good,
    (cache, callback) => {
      const call = cached(() => 1, { cache, key: 'k', [option]: callback });
      return () => {
        cache.delete('k');
        return call();
      };
    },
    SYNC,
  );

/** Of the cache itself and of what is imported with it. */
export const ROWS: Record<string, Row> = {
  // ---- memory
  'memory/memory-cache.ts loader': on(1, (cache, loader) => () => cache.getOrSet('k', loader, forced)),
  'memory/memory-cache.ts predicate': on(
    true,
    (cache, predicate) => () => {
      cache.set('k', 1);
      return cache.invalidateIf(predicate);
    },
    SYNC,
  ),
  'memory/options.ts sizeOf': {
    good: 1,
    sync: true,
    open: (sizeOf) => {
      const cache = MemoryCache.createSync<unknown>({ sizeOf });
      return { run: () => cache.set('k', 1), caches: [cache] };
    },
  },
  'memory/options.ts now': {
    good: 5,
    sync: true,
    open: (now) => {
      const cache = MemoryCache.createSync<unknown>({ now, ttl: '1m' });
      return { run: () => cache.set('k', 1), caches: [] };
    },
  },
  'memory/options.ts waitUntil': on(
    undefined,
    (cache, waitUntil) => () => cache.getOrSet('k', () => 1, { waitUntil, ...forced }),
    SYNC,
  ),
  'memory/options.ts serialize': {
    good: new Uint8Array(1),
    sync: true,
    open: (serialize) => {
      const cache = MemoryCache.createSync<unknown>({
        values: 'bytes',
        serializer: { serialize, deserialize: () => 1 },
      });
      return { run: () => cache.set('k', 1), caches: [cache] };
    },
  },
  'memory/options.ts deserialize': {
    good: 1,
    sync: true,
    open: (deserialize) => {
      const serializer = { serialize: () => new Uint8Array(1), deserialize };
      const cache = MemoryCache.createSync<unknown>({ values: 'bytes', serializer });
      return {
        run: () => {
          cache.set('k', 1);
          cache.get('k');
        },
        caches: [cache],
      };
    },
  },
  'memory/events.ts listener': on(
    undefined,
    (cache, listener) => {
      cache.on('set', listener);
      return () => cache.set('k', 1);
    },
    SYNC,
  ),
  'listeners.ts listener': {
    good: undefined,
    sync: true,
    open: (listener) => {
      const warmer = new Warmer().add({ name: 'task', run: () => 1 });
      warmer.on('begin', listener);
      return { run: () => warmer.run(), caches: [] };
    },
  },
  // ---- tiers
  'tiers/cache.ts loader': withCache(1, (cache, loader) => cache.getOrSet('k', loader, forced)),
  'tiers/cache.ts loadMissing': withCache(new Map([['k', 1]]), (cache, load) =>
    cache.getOrSetMany(['k'], load, forced),
  ),
  'tiers/cache.ts listener': {
    good: undefined,
    sync: true,
    open: async (listener) => {
      const remote = memoryRemote();
      remote.fault = () => ({ error: new Error('down') });
      const cache = await createCache({ remote });
      cache.on('error', listener);
      return { run: () => cache.set('k', 1), caches: [cache as CacheLike] };
    },
  },
  'tiers/wrap.ts fn': withCache(1, (cache, fn) => cache.wrap(fn, { key: () => 'k', ...forced })()),
  'tiers/wrap.ts key': withCache('k', (cache, key) => cache.wrap(async () => 1, { key })(), SYNC),
  'tiers/options.ts now': tiers(
    5,
    (now) => ({ now, defaults: { grace: 5 } }),
    (cache) => cache.getOrSet('k', () => 1, forced),
    SYNC,
  ),
  'tiers/options.ts warn': tiers(
    undefined,
    (warn) => {
      const remote = memoryRemote();
      remote.fault = () => ({ error: new Error('down') });
      return { remote, logger: { warn } };
    },
    (cache) => cache.set('k', 1),
    SYNC,
  ),
  'tiers/options.ts read': tiers(
    [{}],
    (read) => ({ remote: { read, write: async () => [true], change: async () => [1] } }),
    (cache) => cache.getOrSet('k', () => 1, forced),
  ),
  'tiers/options.ts write': tiers(
    [true],
    (write) => ({ remote: { read: async () => [{}], write, change: async () => [1] } }),
    (cache) => cache.set('k', 1),
  ),
  'tiers/options.ts change': tiers(
    [1],
    (change) => ({ remote: { read: async () => [{}], write: async () => [true], change } }),
    (cache) => cache.delete('k'),
  ),
  'tiers/options.ts open': {
    good: undefined,
    open: (open) => ({
      run: async () => {
        const cache = await createCache({ bus: { open, publish: async () => undefined, close: () => undefined } });
        await cache.close();
      },
      caches: [],
    }),
  },
  'tiers/options.ts publish': tiers(
    undefined,
    (publish) => ({ bus: { open: (listener) => listener.live(), publish, close: () => undefined } }),
    (cache) => cache.delete('k'),
  ),
  'tiers/options.ts close': {
    good: undefined,
    open: (close) => ({
      run: async () => {
        const cache = await createCache({ bus: { open: () => undefined, publish: async () => undefined, close } });
        await cache.close();
      },
      caches: [],
    }),
  },
  // ---- decorators
  'decorators/cached.ts fn': on(1, (cache, fn) => {
    const call = cached(fn, { cache, name: 'f' });
    return async () => {
      await call.invalidate();
      return call();
    };
  }),
  'decorators/cached-call.ts key': on('k', (cache, key) => cached(() => 1, { cache, key }), SYNC),
  'decorators/cached-call.ts unless': ofCall(false, 'unless'),
  'decorators/cached-call.ts validate': ofCall(true, 'validate'),
  'decorators/cached-call.ts tags': ofCall(['t'], 'tags'),
  'decorators/cached-call.ts ttl': ofCall(100, 'ttl'),
  'decorators/scope.ts source': {
    good: memory(),
    sync: true,
    open: (cache) => {
      const call = cached(() => 1, { cache: cache as unknown as CacheLike, key: 'k' });
      return { run: () => call(), caches: [] };
    },
  },
  'decorators/invalidates.ts fn': on(1, (cache, fn) => invalidates(fn, 'k', { cache })),
  'decorators/invalidates.ts target': on('k', (cache, target) => invalidates(async () => 1, target, { cache }), SYNC),
  'decorators/invalidates.ts value': on(
    false,
    (cache, unless) => invalidates(async () => 1, 'k', { cache, unless }),
    SYNC,
  ),
  'decorators/memoize.ts fn': {
    good: 1,
    open: (fn) => {
      const call = memoize(fn);
      return {
        run: () => {
          call.clear();
          return call();
        },
        caches: [],
      };
    },
  },
  'decorators/memoize.ts key': {
    good: 'k',
    sync: true,
    open: (key) => ({ run: memoize(() => 1, { key }), caches: [] }),
  },
  // ---- invalidation
  'invalidation/plan.ts when': {
    good: true,
    sync: true,
    open: (when) => {
      const cache = memory();
      const invalidator = new Invalidator(cache, { plan: { users: { patterns: ['k'], when } } });
      return { run: () => invalidator.changed('users', { operation: 'update' }), caches: [cache] };
    },
  },
  'invalidation/invalidator.ts listener': on(
    undefined,
    (cache, listener) => {
      new Invalidator(cache).onInvalidated('*', listener);
      return () => {
        cache.set('k', 1);
        cache.delete('k');
      };
    },
    SYNC,
  ),
  'invalidation/validated.ts validate': on(
    true,
    (cache, validate) => {
      const view = validated(cache, validate);
      return () => {
        cache.set('k', 1);
        return view.getOrSet('k', () => 2);
      };
    },
    SYNC,
  ),
};
