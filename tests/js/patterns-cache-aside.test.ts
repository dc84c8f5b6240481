import type { MemoryCache } from 'tiercel';
import { cacheAside } from 'tiercel/patterns';
import { openCache } from './support/cache.js';
import { deferred, settled } from './support/deferred.js';
import { expectThrow, failureOf } from './support/errors.js';

describe('cache-aside', () => {
  it('loads what is not cached, once for all that ask, and keeps it', async () => {
    const load = jest.fn(async ({ key }: { key: string }) => `value of ${key}`);
    const users = cacheAside<string>(openCache<string>(), { load });
    expect(await Promise.all([users.get('a'), users.get('a')])).toEqual(['value of a', 'value of a']);
    expect(await users.get('a')).toBe('value of a');
    expect(load).toHaveBeenCalledTimes(1);
  });

  it('does not keep that there is none', async () => {
    const load = jest.fn(() => undefined);
    const users = cacheAside<string>(openCache<string>(), { load });
    expect(await users.get('a')).toBeUndefined();
    expect(await users.get('a')).toBeUndefined();
    expect(load).toHaveBeenCalledTimes(2);
  });

  it('gives what the loader throws as it is', async () => {
    const error = new Error('no such table');
    const users = cacheAside<string>(openCache<string>(), { load: () => Promise.reject(error) });
    expect(await failureOf(() => users.get('a'))).toBe(error);
  });

  it('drops a key that was written, and what depends on it', async () => {
    const cache = openCache<string>();
    cache.set('a', 'old');
    cache.set('page', 'old', { dependsOn: ['a'] });
    cache.set('list', 'old', { tags: ['users'] });
    const users = cacheAside<string>(cache, { load: () => 'new', dependents: () => ['tag:users'] });
    expect(await users.write('a', () => 42)).toBe(42);
    expect([cache.has('a'), cache.has('page'), cache.has('list')]).toEqual([false, false, false]);
    expect(await users.get('a')).toBe('new');
  });

  it('drops the key of a write that failed, which may have changed something', async () => {
    const cache = openCache<string>();
    cache.set('a', 'old');
    const users = cacheAside<string>(cache, { load: () => 'new' });
    const error = new Error('connection lost');
    expect(await failureOf(() => users.write('a', () => Promise.reject(error)))).toBe(error);
    expect(cache.has('a')).toBe(false);
  });

  it('does not keep what was loaded while the key was written', async () => {
    const cache = openCache<string>();
    const written = deferred();
    const loaded = deferred<string>();
    const users = cacheAside<string>(cache, { load: () => loaded.promise });

    const write = users.write('a', () => written.promise);
    const read = users.get('a');
    loaded.resolve('old');
    expect(await read).toBe('old');
    expect(cache.has('a')).toBe(false);
    written.resolve();
    await write;
    expect(cache.has('a')).toBe(false);
  });

  it('does not keep what a load from before a write brings after it', async () => {
    const cache = openCache<string>();
    const loaded = deferred<string>();
    const users = cacheAside<string>(cache, { load: () => loaded.promise });
    const read = users.get('a');
    await settled();
    await users.write('a', () => undefined);
    loaded.resolve('old');
    expect(await read).toBe('old');
    expect(cache.has('a')).toBe(false);
  });

  it('lets an action write its own key again', async () => {
    const users = cacheAside<string>(openCache<string>(), { load: () => 'x' });
    expect(await users.write('a', () => users.write('a', () => 1))).toBe(1);
  });

  it('takes the options of a call in place of its own, one by one', async () => {
    const cache = openCache<string>();
    const users = cacheAside<string, MemoryCache<string>>(cache, {
      load: () => 'x',
      options: { ttl: '1h', tags: ['users'] },
    });
    await users.get('a', { ttl: '1m' });
    expect(cache.ttl('a')).toBeLessThanOrEqual(60_000);
    expect(cache.tagsOf('a')).toEqual(['users']);
  });

  it('refuses wrong options and arguments', () => {
    const cache = openCache<string>();
    expectThrow(
      () => cacheAside(cache, {} as never),
      'ERR_TIERCEL_INVALID_OPTION',
      /^load: got undefined; accepted: a fun/,
    );
    expectThrow(() => cacheAside(cache, { load: 1 } as never), 'ERR_TIERCEL_INVALID_OPTION', /^load: got 1/);
    expectThrow(() => cacheAside(cache, { laod: 1 } as never), 'ERR_TIERCEL_UNKNOWN_OPTION', /did you mean "load"/);
  });
});
