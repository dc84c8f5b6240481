import type { CacheLike } from 'tiercel';
import {
  ChatCache,
  cacheAside,
  QueryCache,
  Repository,
  ResilientCache,
  readThrough,
  writeBehind,
  writeThrough,
} from 'tiercel/patterns';
import { Refresher, Warmer } from 'tiercel/warming';
import { deferred, settled } from './support/deferred.js';
import { expectThrow } from './support/errors.js';
import { KINDS } from './support/kinds.js';

it('patterns refuse what is no cache', () => {
  const load = () => 'x';
  for (const cache of [undefined, null, new Map(), 'cache', {}] as never[]) {
    for (const make of [
      () => cacheAside(cache, { load }),
      () => readThrough(cache),
      () => writeThrough(cache, { write: load }),
      () => writeBehind(cache, { write: load, deadLetter: load }),
      () => new Repository(cache, { model: 'm', source: { find: load } }),
      () => new QueryCache(cache),
      () => new ResilientCache(cache),
      () => new ChatCache(cache),
      () => new Refresher(cache, { load }),
    ])
      expectThrow(make, 'ERR_TIERCEL_INVALID_ARGUMENT', /^cache: got /);
  }
});

const turns = async () => {
  for (let i = 0; i < 8; i++) await settled();
};

describe.each(KINDS)('patterns on %s', (_kind, open) => {
  /** A pattern as far as reading and writing go, over a store of one value. */
  type Pattern = {
    read: (load: () => Promise<string>) => Promise<string | undefined>;
    write: (store: () => Promise<unknown>) => Promise<unknown>;
  };
  const patterns: Record<string, (cache: CacheLike<never>) => Pattern> = {
    'cache-aside': (cache) => {
      let load: () => Promise<string>;
      const pattern = cacheAside<string>(cache as CacheLike<string>, { load: () => load() });
      return {
        read: (by) => {
          load = by;
          return pattern.get('k');
        },
        write: (store) => pattern.write('k', store),
      };
    },
    'write-through': (cache) => {
      let load: () => Promise<string>;
      let store: () => Promise<unknown>;
      const pattern = writeThrough<string>(cache as CacheLike<string>, { load: () => load(), write: () => store() });
      return {
        read: (by) => {
          load = by;
          return pattern.get('k');
        },
        write: (by) => {
          store = by;
          return pattern.set('k', 'new');
        },
      };
    },
    repository: (cache) => {
      let load: () => Promise<string>;
      let store: () => Promise<unknown>;
      const pattern = new Repository<{ id: number; value: string }, number>(cache, {
        model: 'm',
        source: {
          find: async (id) => ({ id, value: await load() }),
          update: async (id) => {
            await store();
            return { id, value: 'new' };
          },
        },
      });
      return {
        read: async (by) => {
          load = by;
          return (await pattern.get(1))?.value;
        },
        write: (by) => {
          store = by;
          return pattern.update(1, {});
        },
      };
    },
    'query cache': (cache) => {
      const pattern = new QueryCache(cache);
      return {
        read: (load) => pattern.get({ models: ['a', 'b'], key: 'k' }, load),
        write: (store) => pattern.write('b', store),
      };
    },
    'chat cache': (cache) => {
      const pattern = new ChatCache(cache);
      const ref = { userId: 'u', sessionId: 's' };
      return {
        read: async (load) => (await pattern.messages(ref, 10, async () => [await load()]))[0],
        write: (store) => pattern.inSession(ref, store),
      };
    },
  };

  describe.each(Object.entries(patterns))('%s', (_name, make) => {
    const opened = async () => make((await open()).cache as CacheLike<never>);
    const loading = (value: string) => jest.fn(async () => value);

    it('reads once, and anew after a write', async () => {
      const { read, write } = await opened();
      const load = loading('old');
      expect(await read(load)).toBe('old');
      expect(await read(load)).toBe('old');
      expect(load).toHaveBeenCalledTimes(1);
      await write(async () => undefined);
      expect(await read(loading('new'))).toBe('new');
    });

    it('does not keep what is read while it is written, or what began to be read before', async () => {
      const { read, write } = await opened();
      const early = deferred<string>();
      const before = read(() => early.promise);
      await turns();
      const stored = deferred();
      const writing = write(() => stored.promise);
      await turns();
      const meanwhile = read(async () => 'old');
      await turns();
      stored.resolve();
      await writing;
      early.resolve('old');
      expect([await before, await meanwhile]).toEqual(['old', 'old']);
      expect(await read(loading('new'))).toBe('new');
    });

    it('does not keep what it had when a write failed', async () => {
      const { read, write } = await opened();
      await read(loading('old'));
      await expect(write(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
      expect(await read(loading('new'))).toBe('new');
    });
  });

  it('read-through loads once', async () => {
    const { cache } = await open();
    const things = readThrough<string>(cache as CacheLike<string>);
    const loader = jest.fn(({ key }: { key: string }) => `new ${key}`);
    things.register('a*', loader);
    expect(await things.getMany(['a1', 'a2', 'a1'])).toEqual(
      new Map([
        ['a1', 'new a1'],
        ['a2', 'new a2'],
      ]),
    );
    expect(await things.get('a1')).toBe('new a1');
    expect(loader).toHaveBeenCalledTimes(2);
  });

  it('a repository finds together what is asked for in one turn', async () => {
    const { cache } = await open();
    const findMany = jest.fn(async (ids: readonly number[]) => ids.map((id) => ({ id })));
    const things = new Repository<{ id: number }, number>(cache, {
      model: 'm',
      source: { find: () => undefined, findMany },
    });
    expect((await things.getMany([1, 2, 3])).size).toBe(3);
    const asked = findMany.mock.calls.flatMap(([ids]) => ids);
    expect(asked).toEqual([1, 2, 3]);
  });

  it('write-behind caches at once and writes in order', async () => {
    const { cache, memory } = await open();
    const written: unknown[] = [];
    const things = writeBehind<string>(cache as CacheLike<string>, {
      write: (operations) => void written.push(...operations.map((o) => (o.type === 'set' ? o.value : null))),
      deadLetter: () => undefined,
      drainOnSignal: false,
      interval: '1h',
    });
    await Promise.all(['1', '2', '3'].map((value) => things.set('a', value)));
    expect(memory.get('a')).toBe('3');
    await things.delete('a');
    expect(memory.has('a')).toBe(false);
    expect(await things.close()).toEqual([]);
    expect(written).toEqual(['1', '2', '3', null]);
  });

  it('a resilient cache and a warmer work on it', async () => {
    const { cache, memory } = await open();
    const resilient = new ResilientCache(cache);
    const warmer = new Warmer();
    warmer.add({ name: 'a', run: () => resilient.getOrSet('a', () => 1) });
    expect(await warmer.run()).toMatchObject([{ status: 'done', value: 1 }]);
    expect(memory.get('a')).toBe(1);
    await resilient.delete('a');
    expect(memory.has('a')).toBe(false);
    warmer.close();
  });
});
