import { openCache } from './support/cache.js';
import { deferred, settled } from './support/deferred.js';
import { collectGarbage } from './support/gc.js';

describe('in reference mode a value', () => {
  test('comes back as the same object', async () => {
    const cache = openCache<object>();
    const values = [{}, [], () => 1, new Map(), new Date(), new Uint8Array(3), Promise.resolve(), Object.create(null)];
    for (const [i, value] of values.entries()) cache.set(`k${i}`, value);
    for (const [i, value] of values.entries()) {
      expect(cache.get(`k${i}`)).toBe(value);
      expect(cache.peek(`k${i}`)).toBe(value);
      expect(cache.getEntry(`k${i}`)?.value).toBe(value);
      expect(cache.getMany([`k${i}`]).get(`k${i}`)).toBe(value);
    }
    const found = [...cache.values()];
    expect(found).toHaveLength(values.length);
    for (const value of values) expect(found).toContain(value);
  });

  test('may be of any kind, what JSON cannot carry among them', () => {
    const cache = openCache();
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    const values = [Number.NaN, Number.POSITIVE_INFINITY, -0, 10n, Symbol('s'), cycle, new Proxy({}, {}), '\ud800'];
    for (const value of values) {
      cache.set('k', value);
      expect(cache.get('k')).toBe(value);
    }
  });

  test('is shared, so a change to it is seen by all', () => {
    const cache = openCache<{ n: number }>();
    const value = { n: 1 };
    cache.set('k', value);
    value.n = 2;
    expect(cache.get('k')).toEqual({ n: 2 });
  });

  test('that is a thenable is stored and not waited for', async () => {
    const cache = openCache<unknown>();
    const gate = deferred<number>();
    cache.set('k', gate.promise);
    expect(cache.get('k')).toBe(gate.promise);
    gate.resolve(1);
    await settled();
    expect(cache.get('k')).toBe(gate.promise);
  });

  test('never shows up under the key that takes its place', () => {
    const cache = openCache<string>({ maxEntries: 8 });
    for (let i = 0; i < 5_000; i++) {
      const key = `k${i % 37}`;
      if (i % 11 === 0) cache.delete(`k${(i * 7) % 37}`);
      if (i % 501 === 0) cache.clear();
      const found = cache.get(key);
      if (found !== undefined) expect(found).toBe(key);
      cache.set(key, key);
    }
  });
});

describe('the cache lets go of a value', () => {
  test.each<[string, (cache: ReturnType<typeof openCache<object>>) => void]>([
    ['deleted', (cache) => cache.delete('k')],
    ['replaced', (cache) => cache.set('k', {})],
    ['evicted', (cache) => cache.resize({ maxEntries: 1 })],
    ['cleared', (cache) => cache.clear()],
    ['invalidated by its tag', (cache) => cache.invalidateTags('t')],
    ['closed', (cache) => cache.close()],
  ])('that was %s', async (_, remove) => {
    const cache = openCache<object>({ maxEntries: 2 });
    const references: WeakRef<object>[] = [];
    (() => {
      const value = { large: new Array(1000).fill(0) };
      references.push(new WeakRef(value));
      cache.set('k', value, { tags: ['t'] });
    })();
    cache.set('other', {});
    remove(cache);
    const gone = () => references.every((reference) => reference.deref() === undefined);
    await collectGarbage(gone);
    expect(gone()).toBe(true);
  });
});
