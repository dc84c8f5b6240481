import { MemoryCache } from 'tiercel';
import { openCache } from './support/cache.js';
import { expectFailure, expectThrow } from './support/errors.js';
import { collectGarbage } from './support/gc.js';

/** One call of each public method and getter that has no meaning once the cache is closed. */
const uses: Record<string, (cache: MemoryCache<unknown>) => unknown> = {
  get: (cache) => cache.get('k'),
  getEntry: (cache) => cache.getEntry('k'),
  peek: (cache) => cache.peek('k'),
  has: (cache) => cache.has('k'),
  set: (cache) => cache.set('k', 1),
  getMany: (cache) => cache.getMany(['k']),
  setMany: (cache) => cache.setMany([['k', 1]]),
  delete: (cache) => cache.delete('k'),
  deleteMany: (cache) => cache.deleteMany(['k']),
  getOrSet: (cache) => cache.getOrSet('k', () => 1),
  ttl: (cache) => cache.ttl('k'),
  touch: (cache) => cache.touch('k', 1),
  extendTtl: (cache) => cache.extendTtl('k', 1),
  expire: (cache) => cache.expire('k'),
  addTags: (cache) => cache.addTags('k', 't'),
  tagsOf: (cache) => cache.tagsOf('k'),
  invalidateTags: (cache) => cache.invalidateTags('t'),
  invalidatePrefix: (cache) => cache.invalidatePrefix('k'),
  invalidatePattern: (cache) => cache.invalidatePattern('k*'),
  invalidateIf: (cache) => cache.invalidateIf(() => true),
  invalidateWithDependents: (cache) => cache.invalidateWithDependents('k'),
  scheduleInvalidation: (cache) => cache.scheduleInvalidation('k', Date.now() + 1000),
  namespace: (cache) => cache.namespace('a'),
  clear: (cache) => cache.clear(),
  keys: (cache) => cache.keys(),
  'keys of a pattern': (cache) => cache.keys('*'),
  values: (cache) => cache.values().next(),
  entries: (cache) => cache.entries().next(),
  'for of': (cache) => [...cache],
  on: (cache) => cache.on('set', () => undefined),
  stats: (cache) => cache.stats(),
  resetStats: (cache) => cache.resetStats(),
  sweep: (cache) => cache.sweep(),
  snapshot: (cache) => cache.snapshot(),
  restore: (cache) => cache.restore(new Uint8Array()),
  resize: (cache) => cache.resize({ maxEntries: 5 }),
  size: (cache) => cache.size,
  bytes: (cache) => cache.bytes,
};

describe('a closed cache', () => {
  test.each(Object.entries(uses))('throws ERR_TIERCEL_CLOSED from %s', async (_, use) => {
    const cache = openCache();
    const view = cache.namespace('a');
    cache.set('k', 1);
    cache.close();
    await expectFailure(() => use(cache), 'ERR_TIERCEL_CLOSED', /closed/);
    await expectFailure(() => use(view), 'ERR_TIERCEL_CLOSED', /closed/);
  });

  test('has no public member that this file forgot', () => {
    const descriptors = Object.getOwnPropertyDescriptors(MemoryCache.prototype);
    const members = Object.keys(descriptors).filter((name) => name !== 'constructor');
    const allowed = ['close', 'closed', 'engine'];
    const used = Object.keys(uses).filter((name) => !name.includes(' '));
    expect(members.sort()).toEqual([...used, ...allowed].sort());
  });

  test('can be asked for its engine and whether it is closed, and be closed again', () => {
    const cache = openCache();
    const { engine } = cache;
    expect(cache.closed).toBe(false);
    cache.close();
    cache.close();
    cache[Symbol.dispose]();
    expect(cache.closed).toBe(true);
    expect(cache.engine).toBe(engine);
  });

  test('calls no loader and no listener', async () => {
    const cache = openCache<number>();
    const called = jest.fn(() => 1);
    const off = cache.on('remove', called);
    cache.set('k', 1);
    cache.close();
    await expectFailure(() => cache.getOrSet('j', called), 'ERR_TIERCEL_CLOSED');
    expect(called).not.toHaveBeenCalled();
    expect(off()).toBeUndefined();
  });

  test('harms no other, though a new one takes its place', () => {
    const caches = Array.from({ length: 20 }, (_, i) => {
      const cache = openCache<number>();
      cache.set('k', i);
      return cache;
    });
    for (const cache of caches.filter((_, i) => i % 2)) cache.close();
    const later = Array.from({ length: 20 }, () => openCache<number>());
    for (const [i, cache] of caches.entries()) {
      if (i % 2) expectThrow(() => cache.get('k'), 'ERR_TIERCEL_CLOSED');
      else expect(cache.get('k')).toBe(i);
    }
    for (const cache of later) expect(cache.get('k')).toBeUndefined();
  });

  test('gives its memory back, though somebody still holds it', async () => {
    const value = new Uint8Array(2 * 1024 ** 2);
    const held: MemoryCache<Uint8Array>[] = [];
    await collectGarbage();
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 200; i++) {
      const cache = MemoryCache.createSync<Uint8Array>({ values: 'bytes', maxBytes: '4mb' });
      cache.set('k', value);
      cache.close();
      held.push(cache);
    }
    await collectGarbage();
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 ** 2);
    expect(held.every((cache) => cache.closed)).toBe(true);
  });
});

describe('using', () => {
  test('closes the cache at the end of its block', () => {
    let outer: MemoryCache<number>;
    {
      using cache = MemoryCache.createSync<number>();
      outer = cache;
      cache.set('k', 1);
      expect(cache.closed).toBe(false);
    }
    expect(outer.closed).toBe(true);
  });
});
