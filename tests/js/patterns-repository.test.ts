import { QueryCache, Repository, type RepositoryChange, type RepositorySource } from 'tiercel/patterns';
import { openCache } from './support/cache.js';
import { deferred, settled } from './support/deferred.js';
import { expectFailure, expectThrow, failureOf } from './support/errors.js';

interface User {
  id: number;
  name: string;
}

/** A source over a Map, that notes what it is asked. */
function open(rows: User[] = [], more: Partial<RepositorySource<User, number, Omit<User, 'id'>>> = {}) {
  const table = new Map(rows.map((row) => [row.id, row]));
  const asked: string[] = [];
  const changes: RepositoryChange<number>[] = [];
  const cache = openCache<unknown>();
  const users = new Repository<User, number, Omit<User, 'id'>>(cache, {
    model: 'users',
    onChange: (change) => changes.push(change),
    source: {
      find: (id) => {
        asked.push(`find ${id}`);
        return table.get(id) ?? null;
      },
      create: (entity) => {
        const row = { id: table.size + 1, ...entity };
        table.set(row.id, row);
        return row;
      },
      update: (id, change) => {
        const row = table.get(id);
        if (row === undefined) return undefined;
        table.set(id, { ...row, ...change });
        return table.get(id);
      },
      delete: (id) => table.delete(id),
      ...more,
    },
  });
  return { table, asked, changes, cache, users };
}

const ADA = { id: 1, name: 'Ada' };
const BOB = { id: 2, name: 'Bob' };

describe('a repository', () => {
  it('finds an entity once, and does not keep that there is none', async () => {
    const { asked, users } = open([ADA]);
    expect(await users.get(1)).toEqual(ADA);
    expect(await users.get(1)).toEqual(ADA);
    expect(await users.get(9)).toBeUndefined();
    expect(await users.get(9)).toBeUndefined();
    expect(asked).toEqual(['find 1', 'find 9', 'find 9']);
  });

  it('finds all that is asked for in one turn by one call', async () => {
    const calls: (readonly number[])[] = [];
    const { users } = open([], {
      findMany: async (ids) => {
        calls.push(ids);
        return [BOB, ADA].filter(({ id }) => ids.includes(id));
      },
    });
    const [many, one] = await Promise.all([users.getMany([1, 2, 3, 2]), users.get(1)]);
    expect([...many]).toEqual([
      [1, ADA],
      [2, BOB],
    ]);
    expect(one).toEqual(ADA);
    await users.getMany([1, 2]);
    expect(calls).toEqual([[1, 2, 3]]);
  });

  it('gives everyone the error of a call that they share', async () => {
    const error = new Error('no connection');
    const { users } = open([], { findMany: () => Promise.reject(error) });
    expect(await failureOf(() => users.getMany([1, 2]))).toBe(error);
    expect(await failureOf(() => users.get(1))).toBe(error);
  });

  it('drops an entity that it changes, and every query that reads the model', async () => {
    const { table, changes, users } = open([ADA, BOB]);
    const names = () => users.query('names', () => [...table.values()].map(({ name }) => name));
    expect(await names()).toEqual(['Ada', 'Bob']);
    await users.get(1);
    expect(await users.update(1, { name: 'Ada Lovelace' })).toEqual({ id: 1, name: 'Ada Lovelace' });
    expect(await users.get(1)).toEqual({ id: 1, name: 'Ada Lovelace' });
    expect(await names()).toEqual(['Ada Lovelace', 'Bob']);
    expect(await users.create({ name: 'Cem' })).toEqual({ id: 3, name: 'Cem' });
    expect(await names()).toEqual(['Ada Lovelace', 'Bob', 'Cem']);
    expect(await users.delete(2)).toBe(true);
    expect(await users.get(2)).toBeUndefined();
    expect(await names()).toEqual(['Ada Lovelace', 'Cem']);
    expect(changes).toEqual([
      { model: 'users', type: 'update', id: 1 },
      { model: 'users', type: 'create', id: 3 },
      { model: 'users', type: 'delete', id: 2 },
    ]);
  });

  it('keeps queries of other models, and drops those that join this one', async () => {
    const { cache, users } = open([ADA]);
    const orders = new Repository<{ id: number }, number>(cache, {
      model: 'orders',
      queries: users.queries,
      source: { find: () => undefined },
    });
    const own = jest.fn(() => 'own');
    const joined = jest.fn(() => 'joined');
    const both = async () => {
      await orders.query('own', own);
      await orders.query('joined', joined, ['users']);
    };
    await both();
    await users.update(1, { name: 'A' });
    await both();
    expect([own.mock.calls.length, joined.mock.calls.length]).toEqual([1, 2]);
  });

  it('does not keep what is read while it is changed, even if the change fails', async () => {
    for (const fails of [false, true]) {
      const changed = deferred();
      const { cache, users } = open([ADA], {
        update: async () => {
          await changed.promise;
          if (fails) throw new Error('no');
          return ADA;
        },
      });
      await users.get(1);
      const change = users.update(1, {}).catch(() => undefined);
      const query = jest.fn(() => 'old');
      await settled();
      await users.query('q', query);
      cache.delete(users.keyOf(1));
      expect(await users.get(1)).toEqual(ADA);
      expect(cache.has(users.keyOf(1))).toBe(false);
      changed.resolve();
      await change;
      expect(cache.has(users.keyOf(1))).toBe(false);
      await users.query('q', query);
      expect(query).toHaveBeenCalledTimes(2);
    }
  });

  it('is told of changes elsewhere', async () => {
    const { asked, users } = open([ADA, BOB]);
    const query = jest.fn(() => 1);
    const readAll = async () => {
      await users.getMany([1, 2]);
      await users.query('q', query);
    };
    await readAll();
    await users.changed(1);
    await readAll();
    expect(asked).toEqual(['find 1', 'find 2', 'find 1']);
    await users.changedAll();
    await readAll();
    expect(asked).toHaveLength(5);
    expect(query).toHaveBeenCalledTimes(3);
  });

  it('tells ids of different types apart', () => {
    const { users } = open();
    expect(users.keyOf(1)).not.toBe(users.keyOf('1' as never));
    expect(users.keyOf(1)).not.toBe(users.keyOf('n1' as never));
  });

  it('refuses what its source cannot do, and wrong arguments', async () => {
    const cache = openCache<unknown>();
    const readOnly = new Repository<User, number>(cache, { model: 'users', source: { find: () => undefined } });
    await expectFailure(() => readOnly.create(ADA), 'ERR_TIERCEL_INVALID_OPTION', /^source\.create: /);
    await expectFailure(() => readOnly.update(1, {}), 'ERR_TIERCEL_INVALID_OPTION', /^source\.update: /);
    await expectFailure(() => readOnly.delete(1), 'ERR_TIERCEL_INVALID_OPTION', /^source\.delete: /);
    await expectFailure(() => readOnly.get(undefined as never), 'ERR_TIERCEL_INVALID_ARGUMENT', /^id: /);
    expectThrow(() => new Repository(cache, { model: 'a' } as never), 'ERR_TIERCEL_INVALID_OPTION', /^source: /);
    expectThrow(
      () => new Repository(cache, { model: 'a', source: { find: () => 1 }, queries: {} } as never),
      'ERR_TIERCEL_INVALID_OPTION',
      /^queries: /,
    );
  });
});

describe('a query cache', () => {
  it('tells queries apart by models, parts and types', async () => {
    const queries = new QueryCache(openCache<unknown>());
    const keys = [1, '1', ['1'], ['1', ''], ['', '1'], { a: 1, b: 2 }, null, 'a:b', ['a', 'b'], true];
    const results: unknown[] = [];
    for (const models of ['users', ['users', 'orders']])
      for (const key of keys) results.push(await queries.get({ models, key }, () => results.length));
    expect(results).toEqual(results.map((_, i) => i));
    // The order of models and of members is none.
    expect(await queries.get({ models: ['orders', 'users'], key: { b: 2, a: 1 } }, () => 'anew')).toBe(15);
  });

  it('drops results when one of their models was written, and no others', async () => {
    const queries = new QueryCache(openCache<unknown>(), { options: { ttl: '1h', tags: ['mine'] } });
    const run = jest.fn(() => 1);
    const read = () => queries.get({ models: ['users', 'orders'], key: 'q' }, run);
    await read();
    await queries.changed('products');
    await read();
    expect(run).toHaveBeenCalledTimes(1);
    await queries.changed('orders');
    await read();
    expect(run).toHaveBeenCalledTimes(2);
    expect(await queries.write(['users'], () => 'done')).toBe('done');
    await read();
    expect(run).toHaveBeenCalledTimes(3);
    const error = new Error('rolled back');
    expect(await failureOf(() => queries.write('users', () => Promise.reject(error)))).toBe(error);
    await read();
    expect(run).toHaveBeenCalledTimes(4);
  });

  it('does not keep what a query read before a model changed', async () => {
    const cache = openCache<unknown>();
    const queries = new QueryCache(cache);
    const result = deferred<string>();
    const read = queries.get({ models: 'users', key: 'q' }, () => result.promise);
    await queries.changed('users');
    result.resolve('old');
    expect(await read).toBe('old');
    expect([...cache.keys()]).toEqual([]);
  });

  it('refuses queries without models or with keys that are none', async () => {
    const queries = new QueryCache(openCache<unknown>());
    for (const models of [[], '', [1], undefined])
      await expectFailure(
        () => queries.get({ models: models as string, key: 'q' }, () => 1),
        'ERR_TIERCEL_INVALID_ARGUMENT',
        /^models: /,
      );
    await expectFailure(
      () => queries.get({ models: 'a', key: (() => 1) as never }, () => 1),
      'ERR_TIERCEL_INVALID_ARGUMENT',
    );
    await expectFailure(
      () => queries.get({ models: 'a', key: 'q' }, 1 as never),
      'ERR_TIERCEL_INVALID_ARGUMENT',
      /^run: /,
    );
    await expectFailure(() => queries.changed(), 'ERR_TIERCEL_INVALID_ARGUMENT', /^models: /);
  });
});
