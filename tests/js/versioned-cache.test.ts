import { type MemoryCache, VersionedCache } from 'tiercel';
import { openCache } from './support/cache.js';
import { deferred, settled } from './support/deferred.js';
import { expectThrow } from './support/errors.js';
import { KINDS } from './support/kinds.js';

describe.each(KINDS)('entities in %s', (_, open) => {
  test('are out of date at once when their type is bumped, and no others', async () => {
    const { cache, memory } = await open();
    const entities = new VersionedCache(cache);
    for (const type of ['user', 'post']) for (let id = 0; id < 100; id++) await entities.set(type, id, `${type} ${id}`);
    memory.set('user', 'a key of the same name');
    expect(await entities.get('user', 7)).toBe('user 7');
    await entities.bump('user');
    expect([await entities.get('user', 7), await entities.has('user', 8)]).toEqual([undefined, false]);
    expect([await entities.get('post', 7), memory.get('user')]).toEqual(['post 7', 'a key of the same name']);
    await entities.set('user', 7, 'new');
    expect(await entities.get('user', '7')).toBe('new');
    await entities.bumpAll();
    expect([await entities.get('user', 7), await entities.get('post', 7)]).toEqual([undefined, undefined]);
    expect(memory.size).toBe(1);
  });

  test('that are being loaded when their type is bumped are not stored', async () => {
    const { cache } = await open();
    const entities = new VersionedCache(cache);
    const load = deferred<string>();
    const loading = entities.getOrSet('user', 1, () => load.promise);
    await settled();
    await settled();
    await entities.bump('user');
    load.resolve('old');
    expect(await loading).toBe('old');
    expect(await entities.getOrSet('user', 1, () => 'new')).toBe('new');
    expect(await entities.getOrSet('user', 1, () => 'newer')).toBe('new');
  });

  test('can be deleted, tagged and given a ttl one by one', async () => {
    const { cache } = await open();
    const entities = new VersionedCache(cache);
    await entities.set('user', 1, 'a', { tags: ['t'], ttl: '1h' });
    await entities.set('user', 2n, 'b');
    await entities.delete('user', 2);
    expect([await entities.get('user', 1), await entities.get('user', 2)]).toEqual(['a', undefined]);
    await entities.of('user').invalidateTags('t');
    expect(await entities.get('user', 1)).toBeUndefined();
  });

  test('of another version of the program are not seen, and bumped with them', async () => {
    const { cache } = await open();
    const old = new VersionedCache(cache, { versions: { user: 1 } });
    const recent = new VersionedCache(cache, { versions: { user: 2 } });
    await old.set('user', 1, 'old');
    await old.set('post', 1, 'post');
    expect([await recent.get('user', 1), await recent.get('post', 1)]).toEqual([undefined, 'post']);
    await recent.set('user', 1, 'new');
    expect(await old.get('user', 1)).toBe('old');
    await recent.bump('user');
    expect([await old.get('user', 1), await recent.get('user', 1)]).toEqual([undefined, undefined]);
  });
});

test('of a synchronous cache is synchronous', () => {
  const entities = new VersionedCache<MemoryCache<number>>(openCache<number>());
  entities.set('n', 1, 5);
  const found: number | undefined = entities.get('n', 1);
  const bumped: number = entities.bump('n');
  expect([found, bumped]).toEqual([5, 1]);
});

test('ids and types are any texts, and do not run into each other', () => {
  const entities = new VersionedCache(openCache());
  const pairs = [['a', 'b:c'], ['a:b', 'c'], ['a', '*'], ['', 'a'], ['a', ''], ['__proto__', 'constructor']] as const; // biome-ignore format: one line
  for (const [type, id] of pairs) entities.set(type, id, `${type}|${id}`);
  expect(pairs.map(([type, id]) => entities.get(type, id))).toEqual(pairs.map(([type, id]) => `${type}|${id}`));
});

test('many types are no leak', () => {
  const entities = new VersionedCache(openCache());
  for (let i = 0; i < 5000; i++) entities.set(`type ${i}`, 1, i);
  expect(entities.get('type 4999', 1)).toBe(4999);
  expect(entities.of('type 4999')).toBe(entities.of('type 4999'));
});

test('what is wrong is refused', () => {
  const cache = openCache();
  expectThrow(() => new VersionedCache(5 as never), 'ERR_TIERCEL_INVALID_ARGUMENT', /^cache: got 5/);
  expectThrow(
    () => new VersionedCache(cache, { versions: 5 as never }),
    'ERR_TIERCEL_INVALID_OPTION',
    /^versions: got 5/,
  );
  expectThrow(
    () => new VersionedCache(cache).get('a', {} as never),
    'ERR_TIERCEL_INVALID_ARGUMENT',
    /^id: got an object/,
  );
  expectThrow(() => new VersionedCache(cache).get(5 as never, 1), 'ERR_TIERCEL_INVALID_ARGUMENT', /^type: got 5/);
  expectThrow(() => new VersionedCache(cache).bump(5 as never), 'ERR_TIERCEL_INVALID_ARGUMENT', /^type: got 5/);
});
