import type { MemoryCache } from 'tiercel';
import { openCache } from './support/cache.js';
import { expectFailure, failureOf } from './support/errors.js';

type Cache = MemoryCache<unknown>;
/** A label for the name of the test, and the value. */
type Bad = [label: string, value: unknown];

const hostile = {
  get name(): string {
    throw new Error('a getter was called');
  },
  toString(): string {
    throw new Error('toString was called');
  },
  [Symbol.toPrimitive](): string {
    throw new Error('toPrimitive was called');
  },
};

const revoked = Proxy.revocable({}, {});
revoked.revoke();

const NUMBERS: Bad[] = [0, 1, -1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY].map((n) => [String(n), n]);
const OBJECTS: Bad[] = [
  ['null', null],
  ['true', true],
  ['1n', 1n],
  ['a symbol', Symbol('s')],
  ['{}', {}],
  ['[]', []],
  ['["k"]', ['k']],
  ['a function', () => 'k'],
  ['a boxed string', Object('k')],
  ['a promise', Promise.resolve('k')],
  ['a hostile object', hostile],
  ['a revoked proxy', revoked.proxy],
];
const NOT_A_STRING: Bad[] = [['undefined', undefined], ...NUMBERS, ...OBJECTS];
const NOT_AN_OBJECT: Bad[] = [
  ...NUMBERS,
  ['""', ''],
  ['"text"', 'text'],
  ...OBJECTS.filter(([label]) => !/object|\{\}|proxy|promise|boxed/.test(label)),
];
const NOT_A_FUNCTION: Bad[] = [...NUMBERS, ['"text"', 'text'], ...OBJECTS.filter(([label]) => label !== 'a function')];
const NOT_A_DURATION: Bad[] = [
  ...[-1, -0.5, 2 ** 53, Number.NaN, Number.NEGATIVE_INFINITY].map((n): Bad => [String(n), n]),
  ...['', ' ', '5', 'abc', '-1s', '1w', '1 000ms', '1e3s', 's', '10 s s', '0x10s', '1.s', '\uff15s'].map(
    (t): Bad => [JSON.stringify(t), t],
  ),
  ['a number of 1000 digits', `${'9'.repeat(1000)}s`],
  ...OBJECTS,
];

const NOT_AN_INSTANT: Bad[] = [
  ['undefined', undefined],
  ...[Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53].map((n): Bad => [String(n), n]),
  ['an invalid Date', new Date(Number.NaN)],
  ['"tomorrow"', 'tomorrow'],
  ['"5m"', '5m'],
  ...OBJECTS,
];
const NOT_A_BUDGET: Bad[] = [
  ...[-1, -0.5, Number.NaN, Number.NEGATIVE_INFINITY].map((n): Bad => [String(n), n]),
  ['"5ms"', '5ms'],
  ...OBJECTS,
];

/** A cache that holds something, and the check that a refused call left it as it was. */
function unchanged(): { cache: Cache; check: () => void } {
  const cache = openCache<unknown>();
  cache.set('k', 'v', { tags: ['t'] });
  const before = cache.stats();
  return {
    cache,
    check() {
      expect(cache.stats()).toEqual(before);
      expect([...cache.entries()]).toEqual([['k', 'v']]);
    },
  };
}

const keyed: Record<string, (cache: Cache, key: string) => unknown> = {
  get: (cache, key) => cache.get(key),
  getEntry: (cache, key) => cache.getEntry(key),
  peek: (cache, key) => cache.peek(key),
  has: (cache, key) => cache.has(key),
  set: (cache, key) => cache.set(key, 1),
  delete: (cache, key) => cache.delete(key),
  ttl: (cache, key) => cache.ttl(key),
  touch: (cache, key) => cache.touch(key, 1),
  extendTtl: (cache, key) => cache.extendTtl(key, 1),
  expire: (cache, key) => cache.expire(key),
  addTags: (cache, key) => cache.addTags(key, 't'),
  tagsOf: (cache, key) => cache.tagsOf(key),
  invalidateWithDependents: (cache, key) => cache.invalidateWithDependents(key),
  scheduleInvalidation: (cache, key) => cache.scheduleInvalidation(key, Date.now()),
  getOrSet: (cache, key) => cache.getOrSet(key, () => 1),
  'getMany, among others,': (cache, key) => cache.getMany(['k', key]),
  'setMany, among others,': (cache, key) =>
    cache.setMany([
      ['a', 1],
      [key, 1],
    ]),
  'deleteMany, among others,': (cache, key) => cache.deleteMany(['k', key]),
};

describe.each(Object.entries(keyed))('the key of %s', (_, use) => {
  test.each(NOT_A_STRING)('cannot be %s', async (__, key) => {
    const { cache, check } = unchanged();
    await expectFailure(
      () => use(cache, key as string),
      'ERR_TIERCEL_INVALID_ARGUMENT',
      /^(key|keys|entries)\b.*got .*string/,
    );
    check();
  });
});

/** The arguments that are not keys: each with what it cannot be. */
const positional: [argument: string, use: (cache: Cache, value: never) => unknown, bad: Bad[]][] = [
  ['loader', (cache, value) => cache.getOrSet('new', value), [['undefined', undefined], ...NOT_A_FUNCTION]],
  [
    'event',
    (cache, value) => cache.on(value, () => undefined),
    [...NOT_A_STRING, ['""', ''], ['"hits"', 'hits'], ['"__proto__"', '__proto__'], ['"constructor"', 'constructor']],
  ],
  ['listener', (cache, value) => cache.on('set', value), [['undefined', undefined], ...NOT_A_FUNCTION]],
  ['part', (cache, value) => cache.namespace('a', value), NOT_A_STRING],
  ['tag', (cache, value) => cache.invalidateTags('a', value), NOT_A_STRING],
  ['ttl', (cache, value) => cache.touch('k', value), NOT_A_DURATION],
  ['by', (cache, value) => cache.extendTtl('k', value), [['undefined', undefined], ...NOT_A_DURATION]],
  ['tag', (cache, value) => cache.addTags('k', 'a', value), NOT_A_STRING],
  ['prefix', (cache, value) => cache.invalidatePrefix(value), NOT_A_STRING],
  ['pattern', (cache, value) => cache.invalidatePattern(value), NOT_A_STRING],
  ['pattern', (cache, value) => cache.keys(value), [...NUMBERS, ...OBJECTS]],
  ['pattern', (cache, value) => cache.invalidateIf(() => true, value), [...NUMBERS, ...OBJECTS]],
  ['pattern', (cache, value) => cache.on('set', () => undefined, value), [...NUMBERS, ...OBJECTS]],
  ['predicate', (cache, value) => cache.invalidateIf(value), [['undefined', undefined], ...NOT_A_FUNCTION]],
  ['at', (cache, value) => cache.scheduleInvalidation('k', value), NOT_AN_INSTANT],
  ['budgetMs', (cache, value) => cache.sweep(value), NOT_A_BUDGET],
  ['bytes', (cache, value) => cache.restore(value), [['undefined', undefined], ...NUMBERS, ['"k"', 'k'], ...OBJECTS]],
  [
    'keys',
    (cache, value) => cache.getMany(value),
    [
      ['undefined', undefined],
      ...NUMBERS,
      ['"text"', 'text'],
      ...OBJECTS.filter(([label]) => !/^\[|boxed/.test(label)),
    ],
  ],
  [
    'keys',
    (cache, value) => cache.deleteMany(value),
    [['undefined', undefined], ...NUMBERS, ['"k"', 'k'], ...OBJECTS.filter(([label]) => !/^\[|boxed/.test(label))],
  ],
  [
    'entries',
    (cache, value) => cache.setMany(value),
    [
      ['undefined', undefined],
      ...NUMBERS,
      ['"ab"', 'ab'],
      ['[1]', [1]],
      ['[null]', [null]],
      ['[[]]', [[]]],
      ['["ab"]', ['ab']],
      ...OBJECTS.filter(([label]) => label !== '[]'),
    ],
  ],
  ['options', (cache, value) => cache.set('k', 1, value), NOT_AN_OBJECT],
  ['options', (cache, value) => cache.setMany([['k', 1]], value), NOT_AN_OBJECT],
  ['options', (cache, value) => cache.getOrSet('new', () => 1, value), NOT_AN_OBJECT],
  ['bounds', (cache, value) => cache.resize(value), NOT_AN_OBJECT],
];

for (const [argument, use, bad] of positional) {
  const method = /cache\.(\w+)/.exec(String(use))?.[1];
  describe(`the argument ${argument} of ${method}`, () => {
    test.each(bad)('cannot be %s', async (_, value) => {
      const { cache, check } = unchanged();
      await expectFailure(
        () => use(cache, value as never),
        'ERR_TIERCEL_INVALID_ARGUMENT',
        new RegExp(`^${argument}.*got `),
      );
      check();
    });
  });
}

describe('what the caller’s own code throws while an argument is read', () => {
  const reason = new Error('mine');
  const fail = (): never => {
    throw reason;
  };
  const getter = {
    get ttl() {
      return fail();
    },
  };
  const trapped = new Proxy({}, { ownKeys: fail, get: fail, has: fail, getOwnPropertyDescriptor: fail });

  test.each<[string, (cache: Cache) => unknown]>([
    ['set', (cache) => cache.set('k', 1, getter)],
    ['setMany', (cache) => cache.setMany([['k', 1]], getter)],
    ['getOrSet', (cache) => cache.getOrSet('new', () => 1, getter)],
    ['resize', (cache) => cache.resize(Object.defineProperty({}, 'maxEntries', { get: fail, enumerable: true }))],
    ['set, of a proxy', (cache) => cache.set('k', 1, trapped)],
    ['getOrSet, of a proxy', (cache) => cache.getOrSet('new', () => 1, trapped)],
    ['set, of a tag', (cache) => cache.set('k', 1, { tags: Object.defineProperty(['a'], 0, { get: fail }) })],
  ])('is the cause of the error, for the options of %s', async (_, use) => {
    const { cache, check } = unchanged();
    const error = await expectFailure(() => use(cache), 'ERR_TIERCEL_INVALID_OPTION', /^(options|bounds): /);
    expect(error.cause).toBe(reason);
    check();
  });

  test.each<[string, (cache: Cache) => unknown]>([
    ['getMany', (cache) => cache.getMany({ [Symbol.iterator]: fail })],
    [
      'setMany',
      (cache) =>
        cache.setMany(
          (function* (): Generator<[string, unknown]> {
            yield ['k', 1];
            fail();
          })(),
        ),
    ],
    [
      'deleteMany',
      (cache) =>
        cache.deleteMany(
          (function* () {
            yield 'k';
            fail();
          })(),
        ),
    ],
  ])('passes through, for the iterable of %s', async (_, use) => {
    const { cache, check } = unchanged();
    expect(await failureOf(() => use(cache))).toBe(reason);
    check();
  });
});
