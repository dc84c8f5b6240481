import type { CacheLike, MemoryCache } from 'tiercel';
import { writeThrough } from 'tiercel/patterns';
import { openCache } from './support/cache.js';
import { deferred, settled } from './support/deferred.js';
import { expectFailure, expectThrow, failureOf } from './support/errors.js';
import { KINDS } from './support/kinds.js';
import { forEachSeedAsync } from './support/random.js';

describe('write-through', () => {
  it('writes to the store first, and only then to the cache', async () => {
    const cache = openCache<string>();
    const stored = deferred();
    const users = writeThrough<string>(cache, { write: () => stored.promise });
    const write = users.set('a', 'new');
    await settled();
    expect(cache.has('a')).toBe(false);
    stored.resolve();
    expect(await write).toBe('new');
    expect(cache.get('a')).toBe('new');
  });

  it('keeps what the store made of the value', async () => {
    const cache = openCache<string>();
    const users = writeThrough<string>(cache, {
      write: async (_key, value) => ({ rows: [`${value}, as stored`] }),
      stored: (result) => (result as { rows: [string] }).rows[0],
    });
    expect(await users.set('a', 'x')).toBe('x, as stored');
    expect(cache.get('a')).toBe('x, as stored');
    const plain = writeThrough<string>(cache, { write: async () => ({ rows: [] }) });
    await plain.set('a', 'x');
    expect(cache.get('a')).toBe('x');
  });

  it('leaves nothing under the key when the write fails', async () => {
    const cache = openCache<string>();
    cache.set('a', 'old');
    const error = new Error('disk full');
    const users = writeThrough<string>(cache, { write: () => Promise.reject(error) });
    expect(await failureOf(() => users.set('a', 'new'))).toBe(error);
    expect(cache.has('a')).toBe(false);
    expect(users.stats()).toEqual({ written: 0, failed: 1, cacheErrors: 0, writing: 0 });
  });

  it('invalidates what depends on the key, by dependency, tag, prefix and pattern', async () => {
    for (const fails of [false, true]) {
      const cache = openCache<string>();
      cache.set('a', 'old');
      cache.set('by dependency', 'old', { dependsOn: ['a'] });
      cache.set('by tag', 'old', { tags: ['users'] });
      cache.set('list:1', 'old');
      cache.set('page of a', 'old');
      cache.set('other', 'old');
      cache.set('named', 'old');
      const users = writeThrough<string>(cache, {
        write: () => (fails ? Promise.reject(new Error('no')) : undefined),
        dependents: (key) => ['named', 'tag:users', 'list:*', `*of ${key}`],
      });
      await users.set('a', 'new').catch(() => undefined);
      expect([...cache.keys()].sort()).toEqual(fails ? ['other'] : ['a', 'other']);
    }
  });

  it('keeps a value that has a tag which its own write invalidates', async () => {
    const cache = openCache<string>();
    const users = writeThrough<string, MemoryCache<string>>(cache, {
      write: () => undefined,
      options: { tags: ['users'] },
      dependents: () => ['tag:users'],
    });
    await users.set('a', 'new');
    expect(cache.get('a')).toBe('new');
  });

  it('does not keep an old value that is read while the new one is written', async () => {
    const cache = openCache<string>();
    const stored = deferred();
    let inStore = 'old';
    const users = writeThrough<string>(cache, {
      write: async (_key, value) => {
        await stored.promise;
        inStore = value;
      },
      load: () => inStore,
    });
    expect(await users.get('a')).toBe('old');
    const write = users.set('a', 'new');
    await settled();
    expect(await users.get('a')).toBe('old');
    expect(cache.has('a')).toBe(false);
    stored.resolve();
    await write;
    expect(await users.get('a')).toBe('new');
  });

  it('replaces what somebody else loads meanwhile, whenever that ends', async () => {
    for (const before of [true, false]) {
      const cache = openCache<string>();
      const stored = deferred();
      const loaded = deferred<string>();
      const users = writeThrough<string>(cache, { write: () => stored.promise });
      const write = users.set('a', 'new');
      await settled();
      const read = cache.getOrSet('a', () => loaded.promise);
      if (before) loaded.resolve('old');
      await settled();
      stored.resolve();
      await write;
      loaded.resolve('old');
      expect(await read).toBe('old');
      expect(cache.get('a')).toBe('new');
    }
  });

  it('writes one key in the order of the calls, whatever the store takes for each', async () => {
    const cache = openCache<string>();
    const store: string[] = [];
    const gates = [deferred(), deferred(), deferred()];
    const users = writeThrough<string>(cache, {
      write: async (_key, value) => {
        await gates[Number(value)]?.promise;
        store.push(value);
        if (value === '1') throw new Error('no');
      },
    });
    const writes = ['0', '1', '2'].map((value) => users.set('a', value).catch(() => 'failed'));
    for (const gate of gates.reverse()) gate.resolve();
    expect(await Promise.all(writes)).toEqual(['0', 'failed', '2']);
    expect(store).toEqual(['0', '1', '2']);
    expect(cache.get('a')).toBe('2');
  });

  it('removes from store and cache', async () => {
    const cache = openCache<string>();
    cache.set('a', 'old');
    const removed: string[] = [];
    const users = writeThrough<string>(cache, { write: () => undefined, remove: (key) => removed.push(key) });
    await users.delete('a');
    expect(removed).toEqual(['a']);
    expect(cache.has('a')).toBe(false);
    const readOnly = writeThrough<string>(cache, { write: () => undefined });
    await expectFailure(() => readOnly.delete('a'), 'ERR_TIERCEL_INVALID_OPTION', /^remove: /);
  });

  it('does not take what the cache throws for a failure of the store', async () => {
    const cache = openCache<unknown>({ values: 'bytes' });
    cache.set('a', 'old');
    const told: string[] = [];
    const users = writeThrough<unknown>(cache, {
      write: () => undefined,
      onCacheError: (error, key) => {
        told.push(`${key}: ${(error as { code: string }).code}`);
        throw new Error('of the listener');
      },
    });
    const notSerializable = { toJSON: () => () => 1, date: new Date() };
    expect(await users.set('a', notSerializable)).toBe(notSerializable);
    expect(cache.has('a')).toBe(false);
    expect(told).toEqual(['a: ERR_TIERCEL_NOT_SERIALIZABLE']);
    expect(users.stats()).toEqual({ written: 1, failed: 0, cacheErrors: 1, writing: 0 });
  });

  it('refuses undefined, wrong keys and wrong options', async () => {
    const cache = openCache<string>();
    const users = writeThrough<string>(cache, { write: () => undefined });
    await expectFailure(() => users.set('a', undefined as never), 'ERR_TIERCEL_INVALID_ARGUMENT', /^value: /);
    await expectFailure(() => users.set(1 as never, 'x'), 'ERR_TIERCEL_INVALID_ARGUMENT', /^key: /);
    expectThrow(() => writeThrough(cache, {} as never), 'ERR_TIERCEL_INVALID_OPTION', /^write: /);
  });

  it.each(KINDS)('never has in %s what the store has not, by any interleaving', async (_kind, open) => {
    await forEachSeedAsync(150, async (random) => {
      const { cache: either, memory } = await open();
      const cache = memory as MemoryCache<number>;
      const store = new Map<string, number>();
      const keys = ['a', 'b'];
      const gates: (() => void)[] = [];
      const gate = () => new Promise<void>((resolve) => gates.push(resolve));
      const users = writeThrough<number>(either as CacheLike<number>, {
        write: async (key, value) => {
          await gate();
          const fails = random.chance(0.3);
          // A write that fails may have been done all the same.
          if (!fails || random.chance(0.5)) store.set(key, value);
          await gate();
          if (fails) throw new Error('lost');
        },
        load: async ({ key }) => {
          await gate();
          const value = store.get(key) ?? 0;
          await gate();
          return value;
        },
      });
      const running: Promise<unknown>[] = [];
      for (let step = 0; step < 60; step++) {
        const key = random.pick(keys);
        if (random.chance(0.2)) running.push(users.set(key, step).catch(() => undefined));
        else if (random.chance(0.3)) running.push(users.get(key));
        else gates.splice(random.below(gates.length), 1)[0]?.();
        if (random.chance(0.5)) await settled();
        // Between writes the two agree; while a key is written there is nothing.
        if (users.stats().writing === 0)
          for (const each of keys) if (cache.has(each)) expect(cache.peek(each)).toBe(store.get(each) ?? 0);
      }
      for (let i = 0; i < 400 && (gates.length > 0 || users.stats().writing > 0); i++) {
        gates.shift()?.();
        await settled();
      }
      await Promise.all(running);
      for (const each of keys) if (cache.has(each)) expect(cache.peek(each)).toBe(store.get(each) ?? 0);
    });
  });
});
