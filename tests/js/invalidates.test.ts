import { buildKey, cached, Invalidates, type InvalidatesOptions, invalidates } from 'tiercel';
import { openCache } from './support/cache.js';
import { deferred, settled } from './support/deferred.js';
import { expectFailure, expectThrow, failureOf } from './support/errors.js';
import { KINDS } from './support/kinds.js';

const KEYS = [
  'user:1',
  'user:2',
  'files:1:a',
  'files:1:b',
  'files:2:a',
  'files:12:a',
  'files:*:a',
  'files:?:a',
  'files:[12]:a',
];

describe.each(KINDS)('invalidation of %s after a call', (_, open) => {
  async function opened(targets: string[], options: InvalidatesOptions<never> = {}) {
    const { cache, memory } = await open();
    for (const key of KEYS) memory.set(key, key, { tags: [`tag of ${key}`, `by ${key[0]}`] });
    const call = invalidates(async (userId: unknown, result?: unknown) => [userId, result][1], ...targets, {
      cache,
      ...options,
    });
    const gone = () => KEYS.filter((key) => !memory.has(key));
    return { call, gone, cache, memory };
  }

  test.each<[string, string[], unknown, string[]]>([
    ['a key', ['user:{userId}'], 1, ['user:1']],
    ['by position', ['user:{0}'], '2', ['user:2']],
    ['a prefix', ['files:{userId}:*'], 1, ['files:1:a', 'files:1:b']],
    ['a pattern', ['files:{userId}:[bc]'], '1', ['files:1:b']],
    ['a pattern with a wildcard of its own', ['*:{userId}'], 1, ['user:1']],
    ['a tag', ['tag:tag of files:{userId}:a'], 2, ['files:2:a']],
    ['all of several', ['user:{userId}', 'files:{userId}:*'], 2, ['user:2', 'files:2:a']],
    ['what users call * is no wildcard', ['files:{userId}:*'], '*', ['files:*:a']],
    ['nor what they call ?', ['files:{userId}:?'], '?', ['files:?:a']],
    ['nor a set', ['files:{userId}:*'], '[12]', ['files:[12]:a']],
    ['nor \\', ['files:{userId}*'], '\\', []],
    ['nor any other', ['files:{userId}'], '1:*', []],
    ['nor does a name reach into another', ['user:{userId}*'], '*', []],
  ])('takes %s', async (_what, targets, userId, expected) => {
    const { call, gone } = await opened(targets);
    await call(userId);
    expect(gone()).toEqual(expected);
  });

  test('finds keys that buildKey or a template made, whatever is in them', async () => {
    const { call, cache, memory } = await opened(['docs:{userId}:*', 'doc:{userId}']);
    const ids = ['a:b', '*', '50%', '{x}', '#1', '~', 'ü', ' ', "it's", 'a'];
    const find = cached(async (id: string) => id, { cache, key: 'docs:{id}:templated' });
    for (const id of ids) {
      for (const other of ids) {
        memory.set(buildKey('docs', other, 'x'), 1);
        memory.set(buildKey('doc', other), 1);
        await find(other);
      }
      await call(id);
      const left = ids.filter(
        (other) =>
          memory.has(buildKey('docs', other, 'x')) ||
          memory.has(buildKey('doc', other)) ||
          memory.has(find.keyOf(other)),
      );
      expect(left).toEqual(ids.filter((other) => other !== id));
    }
    const long = 'x'.repeat(300);
    memory.set(buildKey('doc', long), 1);
    const exactly = invalidates(async (_id: string) => 1, 'doc:{0}', { cache });
    await exactly(long);
    expect(memory.has(buildKey('doc', long))).toBe(false);
    // Of what is too long to be a key there is only what buildKey made of it.
    memory.set(buildKey('doc', '*'.repeat(5000)), 1);
    await exactly('*'.repeat(5000));
    expect(memory.has(buildKey('doc', '*'.repeat(5000)))).toBe(false);
    // A prefix that long is not spelt out in such keys: it is no use to look for it.
    await expectFailure(() => call(long), 'ERR_TIERCEL_LIMIT', /^targets\[0\]: .*use a tag/);
  });

  test('is over when the caller gets the result, and not begun before', async () => {
    const { cache, memory } = await open();
    const write = deferred<string>();
    memory.set('user:1', 'old');
    const save = invalidates(() => write.promise, 'user:1', { cache });
    const saving = save();
    await settled();
    expect(memory.has('user:1')).toBe(true);
    write.resolve('done');
    expect(await saving).toBe('done');
    expect(memory.has('user:1')).toBe(false);
  });

  test('takes members of the result, and a load that began before is not kept', async () => {
    const { cache, memory } = await open();
    const load = deferred<string>();
    const loading = cache.getOrSet('user:7', () => load.promise);
    const create = invalidates(async () => ({ user: { id: 7 } }), 'user:{result.user.id}', { cache });
    await settled();
    await create();
    load.resolve('old');
    expect(await loading).toBe('old');
    expect(memory.has('user:7')).toBe(false);
  });

  test('does not happen if the call fails', async () => {
    const { cache, memory } = await open();
    memory.set('user:1', 1);
    const fails = invalidates(
      async () => {
        throw new RangeError('no');
      },
      'user:1',
      { cache },
    );
    expect(await failureOf(fails)).toEqual(new RangeError('no'));
    const throws = invalidates(
      () => {
        throw new RangeError('at once');
      },
      'user:1',
      { cache },
    );
    expect(() => throws()).toThrow(new RangeError('at once'));
    expect(memory.has('user:1')).toBe(true);
  });

  test('does not happen for results that change nothing', async () => {
    const { call, gone } = await opened(['user:{userId}'], {
      unless: (result: unknown, [id]) => result === 'same' && id === 1,
    });
    await call(1, 'same');
    expect(gone()).toEqual([]);
    await call(1, 'other');
    expect(gone()).toEqual(['user:1']);
  });

  test('can be of what a function says, without placeholders', async () => {
    const { cache, memory } = await open();
    for (const key of KEYS) memory.set(key, 1, { tags: ['t'] });
    const call = invalidates(
      async (ids: number[]) => ids.length,
      (result, [ids]) => [...(ids as number[]).map((id) => `files:${id}:*`), `user:${result}`],
      { cache },
    );
    await call([1, 12]);
    expect(KEYS.filter((key) => !memory.has(key))).toEqual(['user:2', 'files:1:a', 'files:1:b', 'files:12:a']);
    await invalidates(
      async () => 1,
      () => 'tag:t',
      { cache },
    )();
    expect(memory.size).toBe(0);
  });

  test('fails the call if a value is missing, with nothing half done; or tells of it', async () => {
    const { call, gone } = await opened(['files:1:*', 'user:{userId}']);
    await expectFailure(
      () => call(undefined),
      'ERR_TIERCEL_INVALID_ARGUMENT',
      /^targets\[1\]: \{userId\}: got undefined/,
    );
    expect(gone()).toEqual([]);
    const errors: unknown[] = [];
    const lenient = await opened(['user:{userId}'], {
      onError: (error, args) => errors.push((error as Error).message, args),
    });
    expect(await lenient.call(null, 'result')).toBe('result');
    expect(errors).toEqual([expect.stringMatching(/^targets\[0\]: \{userId\}: got null/), [null, 'result']]);
  });

  test('goes on with the others if one fails, and then fails', async () => {
    const { cache, gone } = await opened(['user:{userId}']);
    const failing = new Proxy(cache, {
      get(target, name) {
        if (name === 'delete') return () => Promise.reject(new RangeError('down'));
        return (...args: unknown[]) => Reflect.apply(Reflect.get(target, name) as () => unknown, target, args);
      },
    });
    const call = invalidates(async (_id: number) => 1, 'user:{0}', 'files:{0}:*', { cache: failing });
    expect(await failureOf(() => call(1))).toEqual(new RangeError('down'));
    expect(gone()).toEqual(['files:1:a', 'files:1:b']);
  });
});

test('of a synchronous cache it is over when a synchronous method returns', () => {
  const cache = openCache();
  cache.set('user:1', 1);
  const save = invalidates((id: number) => `saved ${id}`, 'user:{id}', { cache });
  expect(save(1)).toBe('saved 1');
  expect(cache.has('user:1')).toBe(false);
  expect([save.name, save.length]).toEqual(['', 1]);
});

test('what a typed key keeps apart, a typed target does too', async () => {
  const cache = openCache();
  const find = cached(async (id: unknown) => typeof id, { cache, key: 'user:{id}', typed: true });
  expect([await find(1), await find('1')]).toEqual(['number', 'string']);
  await invalidates(async (_id: unknown) => 1, 'user:{0}', { cache, typed: true })(1);
  expect([cache.has(find.keyOf(1)), cache.has(find.keyOf('1'))]).toEqual([false, true]);
});

describe('what is wrong is refused when it is made', () => {
  const cache = openCache();
  test.each<[string, RegExp, () => unknown]>([
    ['no targets', /^targets: got undefined; accepted: at least one/, () => Invalidates()],
    ['a target of no text', /^targets: got 5/, () => Invalidates(5 as never)],
    [
      'an unknown placeholder',
      /^targets\[1\]: nothing is known as \{user\}/,
      () => invalidates((id: number) => id, 'a', 'b:{user}', { cache }),
    ],
    ['no function', /^fn: got undefined/, () => invalidates(undefined as never, 'a')],
  ])('%s', (_, message, make) => {
    expectThrow(make, 'ERR_TIERCEL_INVALID_ARGUMENT', message);
  });

  test('a callback of no function', () => {
    expectThrow(() => Invalidates('a', { onError: 5 as never }), 'ERR_TIERCEL_INVALID_OPTION', /^onError: got 5/);
  });

  test('something that is no method', () => {
    const decorator = Invalidates('a') as unknown as (...form: unknown[]) => unknown;
    const context = { kind: 'field', name: 'x', addInitializer: () => undefined };
    expectThrow(() => decorator(undefined, context), 'ERR_TIERCEL_INVALID_ARGUMENT', /^Invalidates: got a field/);
    expectThrow(() => decorator({}, 'x', undefined), 'ERR_TIERCEL_INVALID_ARGUMENT', /^Invalidates: got undefined/);
  });
});

test('notes that frameworks left on a method are on what takes its place', () => {
  const notes = new WeakMap<object, Map<unknown, unknown>>();
  const reflect = Reflect as unknown as Record<string, unknown>;
  reflect.getOwnMetadataKeys = (target: object) => [...(notes.get(target)?.keys() ?? [])];
  reflect.getOwnMetadata = (key: unknown, target: object) => notes.get(target)?.get(key);
  reflect.defineMetadata = (key: unknown, value: unknown, target: object) =>
    notes.set(target, new Map(notes.get(target)).set(key, value));
  try {
    const handler = async () => 1;
    notes.set(handler, new Map([['path', '/users']]));
    const wrapper = invalidates(handler, 'a', { cache: openCache() });
    expect(notes.get(wrapper)?.get('path')).toBe('/users');
  } finally {
    for (const name of ['getOwnMetadataKeys', 'getOwnMetadata', 'defineMetadata']) delete reflect[name];
  }
});
