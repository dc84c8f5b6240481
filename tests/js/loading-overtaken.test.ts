import type { GetOrSetOptions, LoadContext, MemoryCache } from 'tiercel';
import { openCache } from './support/cache.js';
import { deferred, settled } from './support/deferred.js';

interface Invalidation {
  name: string;
  apply: (cache: MemoryCache<string>) => unknown;
  options?: GetOrSetOptions;
  /** What the loader says before it returns. */
  says?: (context: LoadContext) => void;
}

const invalidations: Invalidation[] = [
  { name: 'delete of its key', apply: (cache) => cache.delete('k') },
  { name: 'deleteMany of its key', apply: (cache) => cache.deleteMany(['j', 'k']) },
  { name: 'expire of its key', apply: (cache) => cache.expire('k') },
  { name: 'clear of its namespace', apply: (cache) => cache.clear() },
  {
    name: 'invalidation of a tag of its options',
    apply: (cache) => cache.invalidateTags('t'),
    options: { tags: ['t'] },
  },
  {
    name: 'invalidation of a tag that only the loader gives',
    apply: (cache) => cache.invalidateTags('late'),
    says: ({ setTags }) => setTags('late'),
  },
  {
    name: 'invalidation of one tag of many',
    apply: (cache) => cache.invalidateTags('none', 'b'),
    options: { tags: ['a'] },
    says: ({ setTags }) => setTags('b', 'c'),
  },
];

/** A namespace two below the root, so that a clear of each of the three is a case of its own. */
function open() {
  const root = openCache<string>();
  return { root, middle: root.namespace('middle'), cache: root.namespace('middle', 'inner') };
}

describe.each(invalidations)('a load overtaken by $name', ({ apply, options, says }) => {
  const start = (cache: MemoryCache<string>) => {
    const gate = deferred<string>();
    const loader = jest.fn(async (context: LoadContext) => {
      const value = await gate.promise;
      says?.(context);
      return value;
    });
    return { gate, loader, load: cache.getOrSet('k', loader, options) };
  };

  test('gives its result to those who came before and is not stored', async () => {
    const { cache } = open();
    const { gate, load, loader } = start(cache);
    const joined = cache.getOrSet('k', loader, options);
    apply(cache);
    gate.resolve('old');
    expect(await Promise.all([load, joined])).toEqual(['old', 'old']);
    expect(cache.get('k')).toBeUndefined();
    expect(cache.stats()).toMatchObject({ loads: 1, overtaken: 1, loading: 0, sets: 0 });
  });

  test('does not serve those who come after: they load anew', async () => {
    const { cache } = open();
    const first = start(cache);
    apply(cache);
    const second = start(cache);
    const joined = cache.getOrSet('k', first.loader, options);
    first.gate.resolve('old');
    second.gate.resolve('new');
    expect(await first.load).toBe('old');
    expect(await Promise.all([second.load, joined])).toEqual(['new', 'new']);
    expect(cache.get('k')).toBe('new');
    await settled();
    expect(cache.get('k')).toBe('new');
  });

  test('does not replace what was set since', async () => {
    const { cache } = open();
    const { gate, load } = start(cache);
    apply(cache);
    cache.set('k', 'set');
    gate.resolve('old');
    expect(await load).toBe('old');
    expect(cache.get('k')).toBe('set');
  });

  test('may fail without harm', async () => {
    const { cache } = open();
    const first = start(cache);
    apply(cache);
    const second = start(cache);
    first.gate.reject(new Error('no'));
    await expect(first.load).rejects.toThrow('no');
    second.gate.resolve('new');
    expect(await second.load).toBe('new');
    expect(cache.stats().loading).toBe(0);
  });

  test('even in the call of the loader, before it returned', async () => {
    const { cache } = open();
    const load = cache.getOrSet(
      'k',
      (context) => {
        says?.(context);
        apply(cache);
        return 'old';
      },
      options,
    );
    expect(await load).toBe('old');
    expect(cache.get('k')).toBeUndefined();
  });
});

describe.each(invalidations)('a load overtaken by $name', ({ apply, options, says }) => {
  test('does not hold up those who come after, nor replace what they stored, however late it ends', async () => {
    const { cache } = open();
    const gate = deferred<string>();
    const first = cache.getOrSet(
      'k',
      (context) => {
        says?.(context);
        return gate.promise;
      },
      options,
    );
    apply(cache);
    expect(await cache.getOrSet('k', () => 'new')).toBe('new');
    gate.resolve('old');
    expect(await first).toBe('old');
    expect(cache.get('k')).toBe('new');
  });
});

describe('a load', () => {
  test.each<[string, (views: ReturnType<typeof open>) => unknown]>([
    ['the namespace above', ({ middle }) => middle.clear()],
    ['the whole cache', ({ root }) => root.clear()],
  ])('is overtaken by a clear of %s', async (_, clear) => {
    const views = open();
    const gate = deferred<string>();
    const load = views.cache.getOrSet('k', () => gate.promise);
    clear(views);
    const next = views.cache.getOrSet('k', () => 'new');
    gate.resolve('old');
    expect(await Promise.all([load, next])).toEqual(['old', 'new']);
    expect(views.cache.get('k')).toBe('new');
  });

  test('whose tags are not known yet is joined all the same after an invalidation of tags of others', async () => {
    const { root, cache } = open();
    const gate = deferred<string>();
    const loader = jest.fn(() => gate.promise);
    const waiting = Array.from({ length: 1000 }, (_, i) => {
      cache.invalidateTags(`other ${i}`);
      root.namespace('elsewhere').clear();
      return cache.getOrSet('k', loader, { tags: ['mine'] });
    });
    gate.resolve('v');
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['v']));
    expect(loader).toHaveBeenCalledTimes(1);
    expect(cache.get('k')).toBe('v');
  });

  test('that gives a tag after it was invalidated is joined, and loaded once more for those who came after', async () => {
    const { cache } = open();
    const gate = deferred<void>();
    let calls = 0;
    const loader = async ({ setTags }: LoadContext) => {
      const call = ++calls;
      await gate.promise;
      setTags('late');
      return `load ${call}`;
    };
    const before = [cache.getOrSet('k', loader), cache.getOrSet('k', loader)];
    cache.invalidateTags('late');
    const after = Array.from({ length: 100 }, () => cache.getOrSet('k', loader));
    gate.resolve();
    expect(await Promise.all(before)).toEqual(['load 1', 'load 1']);
    expect(new Set(await Promise.all(after))).toEqual(new Set(['load 2']));
    expect([calls, cache.get('k')]).toEqual([2, 'load 2']);
  });

  test('is overtaken by a set of its key, whose value goes to those who come after', async () => {
    const { cache } = open();
    const gate = deferred<string>();
    const load = cache.getOrSet('k', () => gate.promise);
    cache.set('k', 'set');
    expect(await cache.getOrSet('k', () => 'other')).toBe('set');
    gate.resolve('old');
    expect(await load).toBe('old');
    expect(cache.get('k')).toBe('set');
    expect(cache.stats()).toMatchObject({ overtaken: 1, loads: 1 });
  });

  test('is overtaken by a set and a delete after it', async () => {
    const { cache } = open();
    const gate = deferred<string>();
    const load = cache.getOrSet('k', () => gate.promise);
    cache.set('k', 'set');
    cache.delete('k');
    gate.resolve('old');
    await load;
    expect(cache.has('k')).toBe(false);
  });

  test('is overtaken by a set that was rejected for its size', async () => {
    const cache = openCache<string>({ values: 'bytes', maxBytes: 500 });
    const gate = deferred<string>();
    const load = cache.getOrSet('k', () => gate.promise);
    expect(cache.set('k', 'x'.repeat(1000))).toBe(false);
    gate.resolve('old');
    await load;
    expect(cache.has('k')).toBe(false);
  });

  test('is not overtaken by what concerns others', async () => {
    const { root, middle, cache } = open();
    root.set('k', 'x', { tags: ['t'] });
    const gate = deferred<string>();
    const load = cache.getOrSet('k', () => gate.promise, { tags: ['mine'] });
    cache.set('j', 'x', { tags: ['t'] });
    cache.delete('j');
    cache.invalidateTags('t', 'mine too');
    root.invalidateTags('mine');
    root.delete('k');
    root.set('k', 'y');
    middle.set('k', 'z');
    root.namespace('inner').clear();
    cache.namespace('below').clear();
    gate.resolve('v');
    expect(await load).toBe('v');
    expect(cache.get('k')).toBe('v');
    expect(cache.stats().overtaken).toBe(0);
  });

  test('of a forced refresh is overtaken in the same way', async () => {
    const { cache } = open();
    cache.set('k', 'before', { tags: ['t'] });
    const gate = deferred<string>();
    const load = cache.getOrSet('k', () => gate.promise, { forceRefresh: true, tags: ['t'] });
    cache.invalidateTags('t');
    gate.resolve('old');
    expect(await load).toBe('old');
    expect(cache.has('k')).toBe(false);
  });

  test('is not overtaken by an invalidation of a tag that the entry it replaces had', async () => {
    const { cache } = open();
    cache.set('k', 'before', { tags: ['t'] });
    const gate = deferred<string>();
    const load = cache.getOrSet('k', () => gate.promise, { forceRefresh: true, tags: ['u'] });
    cache.invalidateTags('t');
    expect(cache.has('k')).toBe(false);
    gate.resolve('new');
    expect(await load).toBe('new');
    const found = cache.get('k');
    expect([undefined, 'new']).toContain(found);
  });

  test('is not revived by 100,000 invalidations of tags that nobody has', async () => {
    const { cache } = open();
    const gate = deferred<string>();
    const load = cache.getOrSet('k', () => gate.promise, { tags: ['t'] });
    cache.invalidateTags('t');
    for (let i = 0; i < 100_000; i++) cache.invalidateTags(`unknown-${i}`);
    gate.resolve('old');
    await load;
    expect(cache.has('k')).toBe(false);
    expect(cache.stats().scopes).toBeLessThan(100_000);
    await cache.getOrSet('k', () => 'new');
    expect(cache.get('k')).toBe('new');
  });
});

describe('close during a load', () => {
  test('aborts its signal and stores nothing; its callers get what the loader makes of it', async () => {
    const { root, cache } = open();
    const gate = deferred<string>();
    let signal: AbortSignal | undefined;
    const loader = (context: LoadContext) => {
      signal = context.signal;
      return gate.promise;
    };
    const waiting = [cache.getOrSet('k', loader), cache.getOrSet('k', loader), root.getOrSet('k', () => gate.promise)];
    root.close();
    expect(signal?.aborted).toBe(true);
    expect(signal?.reason).toMatchObject({ code: 'ERR_TIERCEL_CLOSED' });
    gate.resolve('late');
    expect(await Promise.all(waiting)).toEqual(['late', 'late', 'late']);
  });

  test('rejects its callers if the loader does so when it is aborted', async () => {
    const { cache } = open();
    const loader = ({ signal }: LoadContext) =>
      new Promise<string>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    const waiting = [cache.getOrSet('k', loader), cache.getOrSet('k', loader)];
    cache.close();
    for (const result of await Promise.allSettled(waiting)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'ERR_TIERCEL_CLOSED' } });
    }
  });

  test('of a refresh in the background leaves no unhandled rejection', async () => {
    // Jest fails the test if there is one.
    const time = { now: 0 };
    const cache = openCache<string>({ ttl: 10, stale: 100, now: () => time.now });
    cache.set('k', 'old');
    time.now = 20;
    const gate = deferred<string>();
    const refreshes: Promise<void>[] = [];
    await cache.getOrSet('k', () => gate.promise, { waitUntil: (refresh) => refreshes.push(refresh) });
    cache.close();
    gate.reject(new Error('late'));
    expect(await refreshes[0]).toBeUndefined();
    await settled();
  });
});

test('any number of patterns leaves the loads that they do not match', async () => {
  const cache = openCache<string>();
  const gate = deferred<string>();
  const loader = jest.fn(() => gate.promise);
  const load = cache.getOrSet('k', loader);
  // More than are remembered at a time.
  for (let i = 0; i < 20; i++) {
    cache.invalidatePattern(`other ${i}*`);
    cache.invalidatePrefix(`another ${i}`);
  }
  const joined = cache.getOrSet('k', loader);
  gate.resolve('value');
  expect(await Promise.all([load, joined])).toEqual(['value', 'value']);
  expect(loader).toHaveBeenCalledTimes(1);
  expect(cache.get('k')).toBe('value');
});
