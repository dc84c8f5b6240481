import { type CacheLike, cached, fingerprint } from 'tiercel';
import { openCache } from './support/cache.js';
import { FakeClock } from './support/clock.js';
import { deferred, settled } from './support/deferred.js';
import { expectFailure, expectThrow, failureOf } from './support/errors.js';
import { KINDS } from './support/kinds.js';

describe.each(KINDS)('a function whose results are in %s', (_, open) => {
  test('is called once for equal arguments', async () => {
    const { cache } = await open();
    const calls: unknown[][] = [];
    const find = cached(
      async (id: number, filter?: { a: number; b?: number }) => {
        calls.push([id, filter]);
        return { id };
      },
      { cache, name: 'find' },
    );
    expect(await find(1)).toEqual({ id: 1 });
    expect(await find(1)).toEqual({ id: 1 });
    await find(2);
    await find(1, { a: 1, b: 2 });
    await find(1, { b: 2, a: 1 });
    expect(calls).toEqual([
      [1, undefined],
      [2, undefined],
      [1, { a: 1, b: 2 }],
    ]);
  });

  test('is called once for all that ask meanwhile, and its failure is theirs, and not kept', async () => {
    const { cache } = await open();
    const results = [deferred<string>(), deferred<string>()];
    let calls = 0;
    const load = cached(() => (results[calls++] as (typeof results)[0]).promise, { cache, name: 'load' });
    const failing = Promise.allSettled([load(), load(), load()]);
    await settled();
    await settled();
    results[0]?.reject(new RangeError('down'));
    expect((await failing).map((result) => (result as PromiseRejectedResult).reason)).toEqual(
      Array(3).fill(new RangeError('down')),
    );
    results[1]?.resolve('up');
    expect(await load()).toBe('up');
    expect(calls).toBe(2);
  });

  test('takes 1 and "1" for different arguments, unless told otherwise', async () => {
    const { cache } = await open();
    const typed = cached((...args: unknown[]) => typeof args[0], { cache, name: 'typed' });
    expect([await typed(1), await typed('1'), await typed(1n), await typed(true), await typed('true')]).toEqual([
      'number',
      'string',
      'bigint',
      'boolean',
      'string',
    ]);
    const untyped = cached((...args: unknown[]) => typeof args[0], { cache, name: 'untyped', typed: false });
    expect([await untyped(1), await untyped('1')]).toEqual(['number', 'number']);
    expect(await untyped(undefined, 1)).toBe('undefined');
  });

  test('does not keep undefined, but null', async () => {
    const { cache } = await open();
    let calls = 0;
    const nothing = cached((value: null | undefined) => [calls++, value][1], { cache, name: 'nothing' });
    await nothing(undefined);
    expect(await nothing(undefined)).toBe(undefined);
    expect(calls).toBe(2);
    await nothing(null);
    expect(await nothing(null)).toBe(null);
    expect(calls).toBe(3);
  });

  test('does not keep the results that it is told not to', async () => {
    const { cache } = await open();
    let calls = 0;
    const find = cached(async (id: number) => ({ id, draft: id > 5, call: ++calls }), {
      cache,
      name: 'find',
      unless: (result, [id]) => result.draft && id < 10,
    });
    expect([(await find(1)).call, (await find(1)).call]).toEqual([1, 1]);
    expect([(await find(6)).call, (await find(6)).call]).toEqual([2, 3]);
    expect([(await find(10)).call, (await find(10)).call]).toEqual([4, 4]);
  });

  test('has keys by template, with placeholders by position, name and member', async () => {
    const { cache, memory } = await open();
    const byPosition = cached(async (user: { id: number }, page: number) => [user.id, page], {
      cache,
      key: 'a:{0.id}:{1}',
    });
    const byName = cached(async (user: { id: string }, page = 1) => [user.id, page], {
      cache,
      key: 'b:{user.id}:{page}',
    });
    const byMember = cached(async ({ id, page: at }: { id: string; page: number }) => [id, at], {
      cache,
      key: 'c:{id}:{at}',
    });
    const byParams = cached(async (...args: number[]) => args, { cache, key: 'd:{x}:{y}', params: ['x', 'y'] });
    await byPosition({ id: 5 }, 2);
    await byName({ id: 'u:1*' }, 3);
    await byMember({ id: 'z', page: 4 });
    await byParams(6, 7);
    expect([...memory.keys()].sort()).toEqual(['a:5:2', 'b:u%3A1%2A:3', 'c:z:4', 'd:6:7']);
  });

  test('has keys by a function of the arguments', async () => {
    const { cache, memory } = await open();
    const find = cached(async (id: number, _options: object) => id, { cache, key: (id) => `find:${id}` });
    await find(1, {});
    expect([...memory.keys()]).toEqual(['find:1']);
    const bad = cached(async () => 1, { cache, key: () => 5 as unknown as string });
    await expectFailure(() => bad(), 'ERR_TIERCEL_INVALID_ARGUMENT', /^key: got 5/);
  });

  test('refuses calls whose key would lack a value', async () => {
    const { cache } = await open();
    const find = cached(async (user: { id?: number } | null) => user, { cache, key: 'user:{user.id}' });
    await expectFailure(() => find(null), 'ERR_TIERCEL_INVALID_ARGUMENT', /^key: \{user\.id\}: got undefined/);
    await expectFailure(() => find({}), 'ERR_TIERCEL_INVALID_ARGUMENT', /^key: \{user\.id\}: got undefined/);
    expect(await find({ id: 0 })).toEqual({ id: 0 });
  });

  test('passes options on: tags, with placeholders, of the result too', async () => {
    const { cache, memory } = await open();
    const find = cached(async (id: number) => ({ id, owner: `o${id}` }), {
      cache,
      key: 'doc:{id}',
      tags: ['docs', 'doc:{id}', 'owner:{result.owner}'],
      ttl: '5m',
    });
    await find(1);
    expect(memory.tagsOf('doc:1')?.sort()).toEqual(['doc:1', 'docs', 'owner:o1']);
    await cache.invalidateTags('owner:o1');
    expect(memory.has('doc:1')).toBe(false);
    const byFunction = cached(async (id: number) => id, {
      cache,
      key: 'n:{id}',
      tags: (result, [id]) => [`r${result}`, `a${id}`],
    });
    await byFunction(3);
    expect(memory.tagsOf('n:3')?.sort()).toEqual(['a3', 'r3']);
  });

  test('may say how long results live, and what they depend on', async () => {
    const clock = new FakeClock();
    const { cache, memory } = await open({ now: clock.now });
    const find = cached(async (id: number) => ({ id }), {
      cache,
      key: 'doc:{id}',
      ttl: (result, [id]) => 1000 * result.id * id,
      dependsOn: ['owner:{id}'],
    });
    await find(2);
    expect(memory.ttl('doc:2')).toBe(4000);
    await cache.delete('owner:2');
    expect(memory.has('doc:2')).toBe(false);
  });

  test('does not serve a result that is not valid any more', async () => {
    const { cache } = await open();
    let schema = 1;
    let calls = 0;
    const find = cached(async () => ({ schema, call: ++calls }), {
      cache,
      name: 'find',
      validate: (value) => value.schema === schema,
    });
    expect((await find()).call).toBe(1);
    expect((await find()).call).toBe(1);
    schema = 2;
    expect((await Promise.all([find(), find(), find()])).map(({ call }) => call)).toEqual([2, 2, 2]);
    expect((await find()).call).toBe(2);
  });

  test('can have single results invalidated, also those in flight', async () => {
    const { cache } = await open();
    const results = [deferred<number>(), deferred<number>()];
    let calls = 0;
    const find = cached((_id: number) => (results[calls++] as (typeof results)[0]).promise, { cache, name: 'find' });
    const first = find(1);
    await settled();
    await settled();
    await find.invalidate(1);
    results[0]?.resolve(1);
    results[1]?.resolve(2);
    expect(await first).toBe(1);
    expect(await find(1)).toBe(2);
    expect(await find(1)).toBe(2);
    await find.invalidate(1);
    results.push(deferred<number>());
    results[2]?.resolve(3);
    expect(await find(1)).toBe(3);
    expect(find.keyOf(1)).toBe('find:1');
  });

  test('shares no name with another function', async () => {
    const { cache } = await open();
    const make = (tenant: string) =>
      cached(
        async function load(id: number) {
          return `${tenant}${id}`;
        },
        { cache },
      );
    expect(await make('a')(1)).toBe('a1');
    await expectFailure(() => make('b')(1), 'ERR_TIERCEL_INVALID_OPTION', /^name: another function .*"load"/);
  });
});

test('the arguments of a key are told apart whatever is in them', () => {
  const cache = openCache();
  const fn = cached(async (...args: unknown[]) => args.length, { cache, name: 'f' });
  const lists: unknown[][] = [
    [],
    [undefined],
    [null],
    ['undefined'],
    ['null'],
    [''],
    ["''"],
    [0],
    [-0],
    ['0'],
    ['-0'],
    [Number.NaN],
    ['NaN'],
    [Number.POSITIVE_INFINITY],
    ['Infinity'],
    [1n],
    ['1n'],
    [true],
    ['true'],
    ["'1'"],
    ["1'"],
    [1, 2],
    ['1:2'],
    ['a', 'b'],
    ['a:b'],
    ['a', ''],
    [{}],
    [[]],
    [`#${fingerprint({})}`],
    [new Date(0)],
    ['x'.repeat(300)],
    ['x'.repeat(300), 1],
  ];
  const keys = lists.map((list) => fn.keyOf(...list));
  expect(new Set(keys).size).toBe(lists.length);
  expect(fn.keyOf('user', 7)).toBe('f:user:7');
});

test('keeps the name and the number of parameters of a function, and passes this on', async () => {
  const cache = openCache();
  const host = {
    factor: 3,
    times: cached(
      async function times(this: { factor: number }, n: number) {
        return this.factor * n;
      } as (n: number) => Promise<number>,
      { cache, key: '{this.factor}:{n}' },
    ),
  };
  expect([host.times.name, host.times.length]).toEqual(['times', 1]);
  expect(await host.times(2)).toBe(6);
  host.factor = 4;
  expect(await host.times(2)).toBe(8);
  expect(host.times.keyOf.call(host as never, 2)).toBe('4:2');
  expectThrow(() => host.times.keyOf(2), 'ERR_TIERCEL_INVALID_ARGUMENT', /^key: \{this\.factor\}: got undefined/);
});

describe('what is wrong is refused when it is made', () => {
  const cache = {} as CacheLike;
  test.each<[string, RegExp, () => unknown]>([
    ['no function', /^fn: got 5/, () => cached(5 as never, { cache })],
    ['no options', /^options: got undefined/, () => cached(async () => 1, undefined as never)],
    [
      'a placeholder of no parameter',
      /^key: nothing is known as \{userId\}.*\{0\}.*\{id\}.*params/,
      () => cached(async (id: number) => id, { cache, key: 'user:{userId}' }),
    ],
    [
      'the result in a key',
      /^key: nothing is known as \{result\}/,
      () => cached(async (id: number) => id, { cache, key: 'user:{result.id}' }),
    ],
    ['an empty placeholder', /^key: got "user:\{\}"/, () => cached(async () => 1, { cache, key: 'user:{}' })],
    ['half a placeholder', /^key: got "user:\{0"/, () => cached(async () => 1, { cache, key: 'user:{0' })],
    [
      'placeholders that run into each other',
      /^key: got "\{0\}-\{1\}"; accepted: a ":" between/,
      () => cached(async () => 1, { cache, key: '{0}-{1}' }),
    ],
    ['params of no names', /^params: got/, () => cached(async () => 1, { cache, key: 'a', params: 'id' as never })],
    ['a name of nothing', /^name: got ""/, () => cached(async () => 1, { cache, name: '' })],
    ['tags of no list', /^tags: got "a"/, () => cached(async () => 1, { cache, name: 'n', tags: 'a' as never })],
    [
      'a condition of no function',
      /^unless: got true/,
      () => cached(async () => 1, { cache, name: 'n', unless: true as never }),
    ],
  ])('%s', (_, message, make) => {
    const code = /^(?:params|name|tags|unless)/.test(message.source.slice(1)) ? 'OPTION' : 'ARGUMENT';
    expectThrow(make, `ERR_TIERCEL_INVALID_${code}`, message);
  });

  test('and what only the cache can tell when it is called', async () => {
    const wrong = cached(async () => 1, { cache: {} as CacheLike, name: 'wrong' });
    await expectFailure(wrong, 'ERR_TIERCEL_INVALID_OPTION', /^cache: got an object; accepted: a cache/);
    const real = openCache();
    const misspelt = cached(async () => 1, { cache: real, name: 'misspelt', stael: 5 } as never);
    await expectFailure(misspelt as () => Promise<number>, 'ERR_TIERCEL_UNKNOWN_OPTION', /did you mean "stale"/);
    const anonymous = cached(
      (
        () => async () =>
          1
      )(),
      { cache: real },
    );
    await expectFailure(anonymous, 'ERR_TIERCEL_INVALID_OPTION', /^name: the function has none/);
  });

  test('errors of callbacks are those of the call', async () => {
    const real = openCache();
    for (const callback of ['key', 'unless', 'ttl', 'tags', 'validate']) {
      const fn = cached(async () => 1, {
        cache: real,
        name: callback,
        [callback]: () => {
          throw new RangeError(callback);
        },
      } as never);
      expect(await failureOf(fn as () => Promise<number>)).toEqual(new RangeError(callback));
    }
  });
});
