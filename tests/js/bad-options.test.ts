import { MemoryCache } from 'tiercel';
import { openCache } from './support/cache.js';
import { FakeClock } from './support/clock.js';
import { expectFailure, expectThrow } from './support/errors.js';

const { NaN: NAN, POSITIVE_INFINITY: INFINITE } = Number;
const never = [null, {}, [], true, 1n, Symbol('s'), () => 1];
const notADuration = [-1, -0.5, NAN, -INFINITE, 2 ** 53, '', '5', 'abc', '-1s', '1w', ...never];
const serializer = { serialize: () => new Uint8Array(), deserialize: () => 0 };

const label = (value: unknown): string =>
  typeof value === 'string' ? JSON.stringify(value) : typeof value === 'object' ? JSON.stringify(value) : String(value);

/** For each option the values that are refused, and those at the edges that are not. */
const opening: Record<string, { bad: unknown[]; good: unknown[]; beside?: object }> = {
  maxEntries: {
    bad: [-1, 0, 0.5, NAN, INFINITE, -INFINITE, 2 ** 31, 2 ** 53, '', '10', ...never],
    good: [1, 2 ** 31 - 1],
  },
  maxBytes: {
    bad: [-1, 0.5, NAN, INFINITE, 2 ** 53, '', '10', 'mb', '1tb', '-1mb', '0.3b', ...never],
    good: [0, 1, 2 ** 53 - 1, '64mb', '1.5kb', '1 gb', '64MB'],
  },
  policy: { bad: ['LRU', 'lfu', '', 0, 1, ...never], good: ['adaptive', 'lru', 'sieve', 's3fifo'] },
  values: { bad: ['byte', '', 0, 1, ...never], good: ['reference', 'bytes'] },
  serializer: {
    bad: [
      0,
      1,
      '',
      'json',
      { serialize: serializer.serialize },
      { deserialize: serializer.deserialize },
      { serialize: 1, deserialize: 1 },
      ...never,
    ],
    good: [serializer],
    beside: { values: 'bytes' },
  },
  ttl: { bad: notADuration, good: [0, 0.5, 2 ** 53 - 1, INFINITE, '1d', '0ms', '1.5h'] },
  stale: { bad: notADuration, good: [0, 0.5, 2 ** 53 - 1, INFINITE, '1d'] },
  jitter: { bad: [-0.1, 1.1, 2, NAN, INFINITE, '', '0.1', ...never], good: [0, 0.5, 1] },
  engine: { bad: ['wsam', 'WASM', '', 0, ...never], good: ['auto', 'wasm'] },
  sizeOf: { bad: [0, 1, '', 'length', null, {}, [], true, 1n, Symbol('s')], good: [() => 1] },
  maxKeyBytes: { bad: [0, -1, 0.5, NAN, INFINITE, 1_048_577, 2 ** 53, '', '1kb', ...never], good: [1, 1_048_576] },
  seed: {
    bad: [
      0,
      1,
      '',
      'seed',
      new Uint8Array(0),
      new Uint8Array(15),
      new Uint8Array(17),
      new Array(16).fill(0),
      new Uint16Array(16),
      ...never,
    ],
    good: [new Uint8Array(16), Buffer.alloc(16)],
  },
  now: { bad: [0, 1, '', 'now', new Date(0), null, {}, [], true, 1n, Symbol('s')], good: [() => 5] },
};

const opensWith = (name: string, value: unknown, beside?: object) => () => openCache({ ...beside, [name]: value });

describe.each(Object.entries(opening))('the option %s of createSync', (name, { bad, good, beside }) => {
  test.each(bad.map((value): [string, unknown] => [label(value), value]))('cannot be %s', async (_, value) => {
    const message = new RegExp(`^${name}: got .*accepted`);
    expectThrow(opensWith(name, value, beside), 'ERR_TIERCEL_INVALID_OPTION', message);
    await expectFailure(() => MemoryCache.create({ ...beside, [name]: value }), 'ERR_TIERCEL_INVALID_OPTION', message);
  });

  test.each(good.map((value): [string, unknown] => [label(value), value]))('may be %s', (_, value) => {
    const cache = opensWith(name, value, beside)();
    expect(cache.set('k', 1) || value === 1).toBe(true);
  });

  test('is its default where it is undefined', () => {
    expect(opensWith(name, undefined, beside)().stats()).toEqual(openCache({ ...beside }).stats());
  });
});

describe('the options of createSync', () => {
  test.each([null, 0, 1, '', 'x', true, 1n, Symbol('s'), () => 1, []].map((value) => [label(value), value]))(
    'cannot be %s',
    async (_, value) => {
      expectThrow(() => openCache(value as object), 'ERR_TIERCEL_INVALID_ARGUMENT', /^options: got .*object/);
      await expectFailure(() => MemoryCache.create(value as object), 'ERR_TIERCEL_INVALID_ARGUMENT', /^options/);
    },
  );

  test('may be left out, be undefined, or be without a prototype', () => {
    expect(MemoryCache.createSync().closed).toBe(false);
    expect(openCache(undefined).stats().maxEntries).toBe(10_000);
    expect(openCache(Object.assign(Object.create(null), { maxEntries: 5 })).stats().maxEntries).toBe(5);
  });

  test('are read once, and a change to them later changes nothing', () => {
    const options = { maxEntries: 5, ttl: 100, now: new FakeClock().now };
    const cache = openCache(options);
    options.ttl = 7;
    options.maxEntries = 1;
    cache.set('a', 1);
    cache.set('b', 1);
    expect([cache.size, cache.ttl('a')]).toEqual([2, 100]);
  });
});

/** The options of calls: each with what it cannot be. */
const calls: Record<string, Record<string, { bad: unknown[]; good: unknown[] }>> = {
  set: {
    ttl: { bad: notADuration, good: [0, 5, INFINITE, '5s'] },
    stale: { bad: notADuration, good: [0, 5, INFINITE, '5s'] },
    tags: {
      bad: [
        0,
        1,
        '',
        'tag',
        [1],
        [null],
        [undefined],
        [['a']],
        new Set(['a']),
        null,
        {},
        true,
        1n,
        Symbol('s'),
        () => 1,
      ],
      good: [[], ['a']],
    },
    dependsOn: {
      bad: [0, 1, '', 'key', [1], [null], [undefined], [['a']], new Set(['a']), null, {}, true, 1n, Symbol('s')],
      good: [[], ['a']],
    },
    pinned: { bad: [0, 1, '', 'yes', null, {}, [], 1n, Symbol('s'), () => 1], good: [true, false] },
    contentType: { bad: [0, 1, null, {}, [], true, 1n, Symbol('s'), () => 1], good: ['', 'settings', '\u4e2d'] },
    weight: { bad: [-1, NAN, INFINITE, '', '5', ...never], good: [0, 0.5, 1, 2 ** 53 - 1] },
  },
  getOrSet: {
    forceRefresh: { bad: [0, 1, '', 'yes', null, {}, [], 1n, Symbol('s'), () => 1], good: [true, false] },
    signal: {
      bad: [0, 1, '', 'abort', new AbortController(), { aborted: false }, ...never],
      good: [new AbortController().signal],
    },
    waitTimeout: { bad: notADuration, good: [0, 5, INFINITE, '5s'] },
    waitUntil: { bad: [0, 1, '', 'f', null, {}, [], true, 1n, Symbol('s')], good: [() => undefined] },
  },
  resize: {
    maxEntries: { bad: [-1, 0, 0.5, NAN, INFINITE, 2 ** 31, '', '10', ...never], good: [1, 2 ** 31 - 1] },
    maxBytes: { bad: [-1, 0.5, NAN, INFINITE, 2 ** 53, '', '10', ...never], good: [0, 1000, '64mb'] },
  },
};
calls.setMany = calls.set as (typeof calls)[string];
calls.getOrSet = { ...calls.set, ...calls.getOrSet };

const use = (method: string, options: object) => {
  // Made with maxBytes, the sizes of its values are known, so that maxBytes can be changed.
  const cache = openCache<number>('maxBytes' in options ? { maxEntries: 1000, maxBytes: '1mb' } : {});
  if (method === 'set') return cache.set('k', 1, options);
  if (method === 'setMany') return cache.setMany([['k', 1]], options);
  if (method === 'getOrSet') return cache.getOrSet('k', () => 1, options);
  return cache.resize(options);
};

for (const [method, options] of Object.entries(calls)) {
  describe.each(Object.entries(options))(`the option %s of ${method}`, (name, { bad, good }) => {
    test.each(bad.map((value): [string, unknown] => [label(value), value]))('cannot be %s', async (_, value) => {
      const message = new RegExp(`^${name}.*got .*accepted`);
      await expectFailure(() => use(method, { [name]: value }), 'ERR_TIERCEL_INVALID_OPTION', message);
    });

    test.each([undefined, ...good].map((value): [string, unknown] => [label(value), value]))(
      'may be %s',
      async (_, value) => {
        await use(method, { [name]: value });
      },
    );
  });
}

describe('an unknown option is refused, and the nearest name suggested', () => {
  test.each<[string, string, string]>([
    ['open', 'maxEntrys', 'maxEntries'],
    ['open', 'maxentries', 'maxEntries'],
    ['open', 'max_bytes', 'maxBytes'],
    ['open', 'TTL', 'ttl'],
    ['open', 'tll', 'ttl'],
    ['open', 'sizeof', 'sizeOf'],
    ['open', 'serialiser', 'serializer'],
    ['open', 'ttlRule', 'ttlRules'],
    ['set', 'tag', 'tags'],
    ['set', 'dependson', 'dependsOn'],
    ['set', 'pined', 'pinned'],
    ['set', 'content-type', 'contentType'],
    ['set', 'wieght', 'weight'],
    ['setMany', 'tlt', 'ttl'],
    ['getOrSet', 'forceRefesh', 'forceRefresh'],
    ['getOrSet', 'waitTimeOut', 'waitTimeout'],
    ['resize', 'maxEntry', 'maxEntries'],
  ])('%s: %s', async (method, name, nearest) => {
    const expected = new RegExp(`"${name}".*did you mean "${nearest}"\\?.*Accepted: `);
    const call = () => (method === 'open' ? openCache({ [name]: 1 }) : use(method, { [name]: 1 }));
    await expectFailure(call, 'ERR_TIERCEL_UNKNOWN_OPTION', expected);
  });

  test('even if its value is undefined, or its name is that of a member of Object', () => {
    expectThrow(() => openCache({ maxEntrys: undefined } as object), 'ERR_TIERCEL_UNKNOWN_OPTION');
    for (const name of ['constructor', 'toString', 'hasOwnProperty', '__proto__']) {
      const options = JSON.parse(`{"${name}": 1}`) as object;
      expectThrow(() => openCache(options), 'ERR_TIERCEL_UNKNOWN_OPTION');
      expectThrow(() => openCache<number>().set('k', 1, options), 'ERR_TIERCEL_UNKNOWN_OPTION');
    }
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test('and an event is suggested in the same way', () => {
    expectThrow(() => openCache().on('hits' as 'hit', () => undefined), 'ERR_TIERCEL_INVALID_ARGUMENT', /"hit"/);
  });
});

describe('a clock', () => {
  test.each(
    [NAN, INFINITE, -INFINITE, -1, '5', undefined, null, 5n, {}, Object.create(null), Symbol('s')].map((value) => [
      label(value),
      value,
    ]),
  )('that gives %s is refused by the call that asked it, which changes nothing', (_, time) => {
    let now: unknown = 1000;
    const cache = openCache<number>({ now: () => now as number });
    cache.set('k', 1, { ttl: 100 });
    now = time;
    expectThrow(() => cache.get('k'), 'ERR_TIERCEL_INVALID_OPTION', /^now: returned .*accepted/);
    expectThrow(() => cache.set('k', 2), 'ERR_TIERCEL_INVALID_OPTION', /^now/);
    now = 1050;
    expect([cache.get('k'), cache.ttl('k')]).toEqual([1, 50]);
  });

  test('that throws has its error passed on, and the cache goes on', () => {
    const reason = new Error('no clock');
    let broken = true;
    const cache = openCache<number>({
      now: () => {
        if (broken) throw reason;
        return 1;
      },
    });
    expect(() => cache.set('k', 1, { ttl: 10 })).toThrow(reason);
    broken = false;
    expect(cache.set('k', 1, { ttl: 10 })).toBe(true);
    expect(cache.size).toBe(1);
  });
});
