import { memoize } from 'tiercel';
import { openCache } from './support/cache.js';
import { FakeClock } from './support/clock.js';
import { deferred } from './support/deferred.js';
import { expectThrow } from './support/errors.js';

test('what a function returns at once is remembered, and returned at once', () => {
  let calls = 0;
  const square = memoize((n: number) => ({ square: n * n, call: ++calls }));
  expect(square(3)).toEqual({ square: 9, call: 1 });
  expect(square(3)).toBe(square(3));
  expect(square(4).call).toBe(2);
  expect(square.invalidate(3)).toBe(true);
  expect(square.invalidate(3)).toBe(false);
  expect([square(3).call, square(4).call]).toEqual([3, 2]);
  square.clear();
  expect([square(3).call, square(4).call]).toEqual([4, 5]);
});

test('arguments are told apart by value and type', () => {
  const seen: unknown[] = [];
  const note = memoize((value: unknown) => seen.push(value));
  for (const value of [1, '1', 1n, true, 'true', null, 'null', undefined, { a: 1 }, { a: '1' }, [1], Number.NaN]) {
    note(value);
    note(typeof value === 'object' && value !== null ? structuredClone(value) : value);
  }
  expect(seen).toHaveLength(12);
});

test('errors are thrown, and not remembered; neither is undefined', () => {
  let calls = 0;
  const odd = memoize((n: number) => {
    calls++;
    if (n % 2 === 0) throw new RangeError('even');
    return undefined;
  });
  expect(() => odd(2)).toThrow(new RangeError('even'));
  expect(() => odd(2)).toThrow(new RangeError('even'));
  expect([odd(1), odd(1), calls]).toEqual([undefined, undefined, 4]);
});

test('of promises one is made for all that ask meanwhile, also at the first call', async () => {
  const results = [deferred<number>(), deferred<number>()];
  let calls = 0;
  const load = memoize((_key: string) => (results[calls++] as (typeof results)[0]).promise);
  const [a, b, c] = [load('k'), load('k'), load('k')];
  expect(calls).toBe(1);
  results[0]?.reject(new RangeError('down'));
  for (const promise of [a, b, c]) await expect(promise).rejects.toThrow(new RangeError('down'));
  results[1]?.resolve(7);
  expect([await load('k'), await load('k'), calls]).toEqual([7, 7, 2]);
});

test('what was forgotten while it was loaded stays forgotten', async () => {
  const results = [deferred<number>(), deferred<number>()];
  let calls = 0;
  const load = memoize(() => (results[calls++] as (typeof results)[0]).promise);
  const first = load();
  load.invalidate();
  const second = load();
  results[0]?.resolve(1);
  results[1]?.resolve(2);
  expect([await first, await second, await load()]).toEqual([1, 2, 2]);
});

test('results that are not wanted are not remembered', async () => {
  let calls = 0;
  const options = { unless: (result: number) => result > 5 };
  const now = memoize((n: number) => [calls++, n][1] as number, options);
  expect([now(1), now(1), now(6), now(6), calls]).toEqual([1, 1, 6, 6, 3]);
  const later = memoize(async (n: number) => [calls++, n][1] as number, options);
  expect([await later(1), await later(1), await later(6), await later(6), calls]).toEqual([1, 1, 6, 6, 6]);
});

test('the cache is bounded, and its options are one’s own', () => {
  const clock = new FakeClock();
  let calls = 0;
  const count = memoize((_n: number) => ++calls, {
    cache: { maxEntries: 2, policy: 'lru', now: clock.now },
    ttl: '1s',
  });
  expect([count(1), count(2), count(3), count(1)]).toEqual([1, 2, 3, 4]);
  clock.advance(999);
  expect(count(1)).toBe(4);
  clock.advance(1);
  expect(count(1)).toBe(5);
});

test('a cache can be shared, under a name', () => {
  const cache = openCache();
  const one = memoize((n: number) => n + 1, { cache, name: 'one' });
  const two = memoize((n: number) => n + 2, { cache, name: 'two' });
  expect([one(1), two(1), one(1)]).toEqual([2, 3, 2]);
  one.clear();
  expect(cache.size).toBe(1);
  expectThrow(() => memoize((n: number) => n, { cache }), 'ERR_TIERCEL_INVALID_OPTION', /^name: got undefined/);
});

test('keys can be one’s own', () => {
  let calls = 0;
  const byTemplate = memoize((user: { id: number; seen: Date }) => [user.id, ++calls], { key: '{user.id}' });
  expect([byTemplate({ id: 1, seen: new Date() }), byTemplate({ id: 1, seen: new Date(0) })]).toEqual([
    [1, 1],
    [1, 1],
  ]);
  const byFunction = memoize((user: { id: number }) => [user.id, ++calls], { key: (user) => String(user.id) });
  expect([byFunction({ id: 1 }), byFunction({ id: 1 })]).toEqual([
    [1, 2],
    [1, 2],
  ]);
});

test('keeps name, parameters and this', () => {
  const host = {
    factor: 2,
    times: memoize(function times(this: { factor: number }, n: number) {
      return this.factor * n;
    } as (n: number) => number),
  };
  expect([host.times(4), host.times.name, host.times.length]).toEqual([8, 'times', 1]);
});

test('what is no function is refused', () => {
  expectThrow(() => memoize(5 as never), 'ERR_TIERCEL_INVALID_ARGUMENT', /^fn: got 5/);
  expectThrow(
    () => memoize(() => 1, { key: '{a}' }),
    'ERR_TIERCEL_INVALID_ARGUMENT',
    /^key: nothing is known as \{a\}/,
  );
  expectThrow(() => memoize(() => 1, { cache: { maxEntires: 1 } as never })(), 'ERR_TIERCEL_UNKNOWN_OPTION');
});
