import type { MemoryCacheOptions } from 'tiercel';
import { openCache } from './support/cache.js';
import { expectThrow } from './support/errors.js';
import { forEachSeed, type Random } from './support/random.js';

const bytesCache = <V = unknown>(options: MemoryCacheOptions<V> = {}) => openCache<V>({ values: 'bytes', ...options });

/** The value after a way through the cache, by each kind of read. */
function throughCache(value: unknown): unknown[] {
  const cache = bytesCache();
  expect(cache.set('k', value)).toBe(true);
  return [
    cache.get('k'),
    cache.peek('k'),
    cache.getEntry('k')?.value,
    cache.getMany(['k']).get('k'),
    ...cache.values(),
  ];
}

const cyclic: { self?: unknown } = {};
cyclic.self = cyclic;

class Point {
  x = 1;
}

describe('in bytes mode a value comes back exactly', () => {
  test.each<[string, string]>([
    ['empty', ''],
    ['of NUL', '\0'],
    ['ASCII', 'plain text'],
    ['Latin-1', 'caf\u00e9 \u0000\u00ff'],
    ['UTF-16', '\u4e2d\u6587 \ud83d\ude00'],
    ['with lone surrogates', '\udc00a\ud800'],
    ['that looks like JSON', '{"a":1}'],
    ['of 70,000 units', 'x\u0100'.repeat(35_000)],
  ])('if it is a string: %s', (_, text) => {
    for (const found of throughCache(text)) expect(found).toBe(text);
  });

  test.each([0, 1, -1, 0.1, 5e-324, 2 ** 53, -(2 ** 31), 1.7976931348623157e308, true, false, null])(
    'if it is %p',
    (value) => {
      for (const found of throughCache(value)) expect(found).toBe(value);
    },
  );

  test.each<[string, Uint8Array]>([
    ['empty', new Uint8Array(0)],
    ['of all bytes', Uint8Array.from({ length: 256 }, (_, i) => i)],
    ['a view into a larger buffer', new Uint8Array(new ArrayBuffer(64), 7, 9).fill(7)],
    ['on shared memory', new Uint8Array(new SharedArrayBuffer(8)).fill(3)],
  ])('if it is a Uint8Array: %s', (_, bytes) => {
    for (const found of throughCache(bytes)) {
      expect(found).toBeInstanceOf(Uint8Array);
      expect([...(found as Uint8Array)]).toEqual([...bytes]);
    }
  });

  test('if it is a Buffer, as a plain Uint8Array', () => {
    for (const found of throughCache(Buffer.from('buffer'))) {
      expect(Object.getPrototypeOf(found)).toBe(Uint8Array.prototype);
      expect(Buffer.from(found as Uint8Array).toString()).toBe('buffer');
    }
  });

  test.each<[unknown]>([
    [{}],
    [[]],
    [{ a: 1, b: [true, null, 'x'], c: { d: {} } }],
    [[[[]], {}]],
    [{ '': 1, '\ud800': '\udc00', '0': 0, 'a b': '\u2028' }],
    [JSON.parse('{"__proto__": {"polluted": true}, "constructor": {"prototype": {}}}')],
    [Object.assign(Object.create(null), { bare: true })],
  ])('if it is what JSON carries: %j', (value) => {
    for (const found of throughCache(value)) {
      expect(found).toEqual(value);
      expect(JSON.stringify(found)).toBe(JSON.stringify(value));
    }
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test('if it is 5 MiB large', () => {
    const cache = bytesCache();
    const text = 'latin-1 '.repeat(655_360);
    const wide = '\u4e00\u4e01\u4e02\u4e03'.repeat(655_360);
    const bytes = new Uint8Array(5 * 1024 ** 2).map((_, i) => i * 31);
    const json = Array.from({ length: 500_000 }, (_, i) => `n${i}`);
    cache.set('text', text);
    cache.set('wide', wide);
    cache.set('bytes', bytes);
    cache.set('json', json);
    expect(cache.get('text') === text).toBe(true);
    expect(cache.get('wide') === wide).toBe(true);
    expect(Buffer.from(cache.get('bytes') as Uint8Array).equals(bytes)).toBe(true);
    expect(JSON.stringify(cache.get('json')) === JSON.stringify(json)).toBe(true);
    expect(cache.bytes).toBeGreaterThan(15 * 1024 ** 2);
  });

  test('for random strings and documents', () => {
    const document = (random: Random, depth: number): unknown => {
      const kind = random.below(depth > 0 ? 7 : 5);
      if (kind === 0) return random.string(20);
      if (kind === 1) return (random.next() - 0.5) * 10 ** random.below(20);
      if (kind === 2) return random.below(1_000_000);
      if (kind === 3) return random.chance(0.5);
      if (kind === 4) return null;
      const items = Array.from({ length: random.below(5) }, () => document(random, depth - 1));
      return kind === 5 ? items : Object.fromEntries(items.map((item) => [random.string(5), item]));
    };
    forEachSeed(500, (random) => {
      const value = document(random, 4);
      for (const found of throughCache(value)) expect(found).toEqual(value);
    });
  });
});

describe('in bytes mode a value that would come back changed', () => {
  test.each<[string, unknown]>([
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['-Infinity', Number.NEGATIVE_INFINITY],
    ['a BigInt', 1n],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a cycle', cyclic],
    ['a Map', new Map([[1, 2]])],
    ['a Set', new Set([1])],
    ['a Date', new Date(0)],
    ['a RegExp', /x/],
    ['an Error', new Error('x')],
    ['a Promise', Promise.resolve(1)],
    ['a class instance', new Point()],
    ['a Float64Array', new Float64Array(2)],
    ['an ArrayBuffer', new ArrayBuffer(2)],
    ['a DataView', new DataView(new ArrayBuffer(2))],
    ['a boxed string', Object('s')],
    ['an array with a hole', Object.assign(new Array(3), { 0: 1, 2: 3 })],
    ['an array with a name as key', Object.assign([1], { name: 2 })],
    ['an instance of a class of arrays', new (class List extends Array {})()],
    ['an array with undefined', [undefined]],
    ['an object with a toJSON', { toJSON: () => 'other' }],
    [
      'a throwing toJSON',
      {
        toJSON: () => {
          throw new Error('no');
        },
      },
    ],
    [
      'a throwing getter',
      {
        get x() {
          throw new Error('no');
        },
      },
    ],
    ['a nested NaN', { a: [Number.NaN] }],
    ['a nested Date', { a: { b: new Date(0) } }],
    ['a nested Uint8Array', { a: new Uint8Array(2) }],
    ['a nested Map', [new Map()]],
    ['a nested function', { a: () => 1 }],
    ['a nested BigInt', { a: 1n }],
    ['a member with a symbol as key', { [Symbol('s')]: 1 }],
  ])('is refused, and nothing changes: %s', (_, value) => {
    const cache = bytesCache({ maxEntries: 2 });
    cache.set('k', 'old', { ttl: '1h', tags: ['t'] });
    cache.set('other', 'x');
    const before = { stats: cache.stats(), keys: [...cache.keys()] };
    const events: string[] = [];
    cache.on('set', ({ key }) => events.push(key));
    cache.on('remove', ({ key }) => events.push(key));
    const error = expectThrow(() => cache.set('k', value), 'ERR_TIERCEL_NOT_SERIALIZABLE', /value/);
    expect(error.message.length).toBeLessThan(500);
    expectThrow(() => cache.set('new', value), 'ERR_TIERCEL_NOT_SERIALIZABLE');
    expectThrow(
      () =>
        cache.setMany([
          ['first', 1],
          ['new', value],
        ]),
      'ERR_TIERCEL_NOT_SERIALIZABLE',
    );
    expect({ stats: cache.stats(), keys: [...cache.keys()] }).toEqual(before);
    expect(events).toEqual([]);
    expect(cache.getEntry('k')).toMatchObject({ value: 'old', tags: ['t'] });
  });

  test('says why, as its cause', () => {
    const cache = bytesCache();
    const reason = new Error('no');
    const value = {
      get x() {
        throw reason;
      },
    };
    expect(expectThrow(() => cache.set('k', value), 'ERR_TIERCEL_NOT_SERIALIZABLE').cause).toBe(reason);
  });

  test('may still be the result of a loader: its callers get the error, and nothing is stored', async () => {
    const cache = bytesCache();
    const load = cache.getOrSet('k', () => new Map());
    await expect(load).rejects.toMatchObject({ code: 'ERR_TIERCEL_NOT_SERIALIZABLE' });
    expect(cache.size).toBe(0);
    expect(cache.stats().loading).toBe(0);
    await expect(cache.getOrSet('k', () => 'fine')).resolves.toBe('fine');
  });

  test('may be -0, which comes back as 0: the one change that is documented', () => {
    const cache = bytesCache();
    for (const value of [-0, [-0], { a: -0 }]) {
      cache.set('k', value);
      expect(JSON.stringify(cache.get('k'))).toBe(JSON.stringify(value));
    }
    cache.set('k', -0);
    expect(Object.is(cache.get('k'), 0)).toBe(true);
  });
});

describe('in bytes mode a value that may not fit the buffer comes back exactly, however it is read', () => {
  // Around what the buffer of an engine has room for, and around what it is kept at.
  const sizes = [65_520, 65_535, 65_536, 65_537, 2 ** 20 - 8, 2 ** 20 + 1];
  const kinds: [string, (size: number) => unknown][] = [
    ['Latin-1', (size) => '\u00e9'.repeat(size)],
    ['UTF-16', (size) => '\u4e2d'.repeat(Math.ceil(size / 2))],
    ['bytes', (size) => new Uint8Array(size).map((_, i) => i * 31)],
    ['JSON', (size) => ['x'.repeat(size - 4)]],
  ];
  test.each(sizes.flatMap((size) => kinds.map(([kind, make]) => [size, kind, make] as const)))(
    '%d bytes of %s',
    async (size, _, make) => {
      const value = make(size);
      const cache = bytesCache<unknown>();
      const isValue = (found: unknown) =>
        value instanceof Uint8Array
          ? found instanceof Uint8Array && Buffer.from(found).equals(value)
          : JSON.stringify(found) === JSON.stringify(value);
      cache.set('k', value, { tags: ['t'], stale: 1e6 });
      cache.set('short', 'short');
      expect(isValue(cache.get('k'))).toBe(true);
      expect(cache.get('short')).toBe('short');
      expect(isValue(cache.peek('k'))).toBe(true);
      const entry = cache.getEntry('k');
      expect(isValue(entry?.value)).toBe(true);
      expect(entry?.tags).toEqual(['t']);
      expect(isValue(cache.getMany(['short', 'k']).get('k'))).toBe(true);
      expect(isValue(new Map(cache.entries()).get('k'))).toBe(true);
      expect(isValue(await cache.getOrSet('k', () => 0))).toBe(true);
      cache.expire('k');
      let stales: boolean[] = [];
      await cache.getOrSet('k', ({ stale }) => {
        stales = [isValue(stale?.value), isValue(stale?.value)];
        return 0;
      });
      expect(stales).toEqual([true, true]);
      cache.set('k', value);
      let removed: unknown;
      cache.on('remove', ({ value: gone }) => {
        removed = gone;
      });
      cache.delete('k');
      expect(isValue(removed)).toBe(true);
    },
  );
});

describe('in bytes mode the cache holds a copy', () => {
  test('so a change to what was set does not change what is read', () => {
    const cache = bytesCache<Uint8Array | { a: { n: number }[] }>();
    const bytes = Uint8Array.of(1, 2, 3);
    const json = { a: [{ n: 1 }] };
    cache.set('bytes', bytes);
    cache.set('json', json);
    bytes.fill(9);
    json.a.push({ n: 2 });
    expect(cache.get('bytes')).toEqual(Uint8Array.of(1, 2, 3));
    expect(cache.get('json')).toEqual({ a: [{ n: 1 }] });
  });

  test('so a change to what was read does not change what is read next', () => {
    const cache = bytesCache<Uint8Array | { a: number[] }>();
    cache.set('bytes', Uint8Array.of(1, 2, 3));
    cache.set('json', { a: [1] });
    const reads = [
      (key: string) => cache.get(key),
      (key: string) => cache.peek(key),
      (key: string) => cache.getEntry(key)?.value,
      (key: string) => cache.getMany([key]).get(key),
      (key: string) => new Map(cache.entries()).get(key),
    ];
    for (const read of reads) {
      const bytes = read('bytes') as Uint8Array;
      expect(bytes).toEqual(Uint8Array.of(1, 2, 3));
      bytes.fill(9);
      const json = read('json') as { a: number[] };
      expect(json).toEqual({ a: [1] });
      json.a.push(2);
    }
  });

  test('so what was read outlives the entry, the growth of the engine and the cache', () => {
    const cache = bytesCache<Uint8Array>();
    cache.set('k', Uint8Array.of(1, 2, 3));
    const read = cache.get('k') as Uint8Array;
    expect(read.buffer.byteLength).toBe(3);
    cache.delete('k');
    for (let i = 0; i < 50; i++) cache.set(`k${i}`, new Uint8Array(1024 ** 2).fill(i));
    expect(read).toEqual(Uint8Array.of(1, 2, 3));
    for (let i = 0; i < 50; i++) expect(cache.get(`k${i}`)?.[1024 ** 2 - 1]).toBe(i);
    cache.close();
    expect(read).toEqual(Uint8Array.of(1, 2, 3));
  });

  test('so a change to what a load returned does not change what is read', async () => {
    const cache = bytesCache<{ n: number }>();
    const load = () => ({ n: 1 });
    const first = await cache.getOrSet('k', load);
    first.n = 2;
    expect(await cache.getOrSet('k', load)).toEqual({ n: 1 });
  });
});
