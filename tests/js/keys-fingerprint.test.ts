import { createHash } from 'node:crypto';
import { runInNewContext } from 'node:vm';
import { fingerprint } from 'tiercel';
import { expectThrow } from './support/errors.js';
import { Random } from './support/random.js';

class Point {
  constructor(
    readonly x: number,
    readonly y: number,
  ) {}
}

class Money {
  readonly #cents: number;
  constructor(cents: number) {
    this.#cents = cents;
  }
  toJSON() {
    return { cents: this.#cents };
  }
}

/** Makes a value anew at each call: nothing may depend on identity. */
const DIFFERENT: [string, () => unknown][] = [
  ['undefined', () => undefined],
  ['null', () => null],
  ['true', () => true],
  ['false', () => false],
  ['0', () => 0],
  ['-0', () => -0],
  ['1', () => 1],
  ['NaN', () => Number.NaN],
  ['Infinity', () => Number.POSITIVE_INFINITY],
  ['-Infinity', () => Number.NEGATIVE_INFINITY],
  ['1n', () => 1n],
  ['the text 1', () => '1'],
  ['the text null', () => 'null'],
  ['the empty text', () => ''],
  ['a lone surrogate', () => '\ud800'],
  ['another', () => '\ud801'],
  ['[]', () => []],
  ['[undefined]', () => [undefined]],
  ['[null]', () => [null]],
  ['a hole', () => new Array(1)],
  ['[1, 2]', () => [1, 2]],
  ['[2, 1]', () => [2, 1]],
  ['[[1], 2]', () => [[1], 2]],
  ['["1,2"]', () => ['1,2']],
  ['{}', () => ({})],
  ['{ a: undefined }', () => ({ a: undefined })],
  ['{ a: null }', () => ({ a: null })],
  ['{ a: 1, b: 2 }', () => ({ a: 1, b: 2 })],
  ['{ a: 2, b: 1 }', () => ({ a: 2, b: 1 })],
  ['{ 0: 1, 1: 2 }', () => ({ 0: 1, 1: 2 })],
  ['an own __proto__', () => JSON.parse('{"__proto__": 1}')],
  ['an empty Map', () => new Map()],
  ['a Map', () => new Map<unknown, unknown>([['a', 1]])],
  ['a Map with another key', () => new Map<unknown, unknown>([['b', 1]])],
  ['a Map that has the pair as a key', () => new Map<unknown, unknown>([[['a', 1], undefined]])],
  ['an empty Set', () => new Set()],
  ['a Set', () => new Set([1, 2])],
  ['a Set of texts', () => new Set(['1', '2'])],
  ['a Date', () => new Date(0)],
  ['a later Date', () => new Date(1)],
  ['an invalid Date', () => new Date(Number.NaN)],
  ['the text of a Date', () => new Date(0).toJSON()],
  ['a RegExp', () => /a/],
  ['a RegExp with a flag', () => /a/g],
  ['a URL', () => new URL('https://example.org/')],
  ['the text of a URL', () => 'https://example.org/'],
  ['URLSearchParams', () => new URLSearchParams('a=1')],
  ['an Int8Array', () => Int8Array.of(1, 2)],
  ['a Uint8Array', () => Uint8Array.of(1, 2)],
  ['a Uint16Array of the same bytes', () => Uint16Array.of(0x201)],
  ['an ArrayBuffer of the same bytes', () => Uint8Array.of(1, 2).buffer],
  ['a DataView of the same bytes', () => new DataView(Uint8Array.of(1, 2).buffer)],
  ['a Float64Array of -0', () => Float64Array.of(-0)],
  ['a Float64Array of 0', () => Float64Array.of(0)],
  ['a boxed 1', () => Object(1)],
  ['a class', () => new Point(1, 2)],
  ['a class with toJSON', () => new Money(5)],
  ['another of it', () => new Money(6)],
];

test('different values have different fingerprints, equal ones the same', () => {
  const seen = new Map<string, string>();
  for (const [name, make] of DIFFERENT) {
    const print = fingerprint(make());
    expect(print).toMatch(/^[\w-]{32}$/);
    expect([name, seen.get(print)]).toEqual([name, undefined]);
    expect([name, fingerprint(make())]).toEqual([name, print]);
    seen.set(print, name);
    // Within others too.
    expect(fingerprint([make()])).not.toBe(print);
  }
});

test('order does not matter in objects, maps and sets', () => {
  const one = { a: 1, b: { c: [1, 2], d: 'x' }, e: new Map([['k', 1], ['l', 2]]), f: new Set([1, '1']) }; // biome-ignore format: a line each
  const two = { f: new Set(['1', 1]), e: new Map([['l', 2], ['k', 1]]), b: { d: 'x', c: [1, 2] }, a: 1 }; // biome-ignore format: a line each
  expect(fingerprint(one)).toBe(fingerprint(two));
});

test('an object is what its members are, whatever made it', () => {
  const print = fingerprint({ x: 1, y: 2 });
  expect(fingerprint(new Point(1, 2))).toBe(print);
  expect(fingerprint(Object.assign(Object.create(null), { y: 2, x: 1 }))).toBe(print);
  expect(fingerprint(runInNewContext('({ x: 1, y: 2 })'))).toBe(print);
  expect(fingerprint(Buffer.from([1, 2]))).toBe(fingerprint(Uint8Array.of(0, 1, 2, 3).subarray(1, 3)));
  expect(fingerprint(runInNewContext('new Map([["a", new Set([1])]])'))).toBe(
    fingerprint(new Map([['a', new Set([1])]])),
  );
});

test('the same in every process: it does not change from version to version', () => {
  expect(fingerprint({ page: 1, tags: ['a', 'b'], since: new Date(0) })).toBe('UX-pmoUclYSH2CdrKUbfuTqpb5cmpq17');
});

test('is SHA-256, of the units as one byte or two each, cut to 192 bits', () => {
  const reference = (text: string) => {
    const canonical = `s${text.length}:${text}`;
    const units = Array.from({ length: canonical.length }, (_, i) => canonical.charCodeAt(i));
    const isWide = units.some((unit) => unit > 0xff);
    const bytes = isWide ? [2, ...units.flatMap((unit) => [unit >> 8, unit & 0xff])] : [1, ...units];
    return createHash('sha256').update(Uint8Array.from(bytes)).digest().subarray(0, 24).toString('base64url');
  };
  const random = new Random(1);
  for (let length = 0; length < 300; length++) {
    for (const text of ['x'.repeat(length), '\ud800'.repeat(length), random.string(length)])
      expect(fingerprint(text)).toBe(reference(text));
  }
});

function randomValue(random: Random, depth: number): unknown {
  const kinds = depth === 0 ? 6 : 10;
  switch (random.below(kinds)) {
    case 0:
      return random.below(4);
    case 1:
      return String(random.below(4));
    case 2:
      return random.pick([null, undefined, true, false, -0, Number.NaN]);
    case 3:
      return BigInt(random.below(4));
    case 4:
      return random.pick(['', 'a', 's1:a', ':', ';', 'd1;', 'o0:', 'u']);
    case 5:
      return new Date(random.below(3));
    case 6:
      return Array.from({ length: random.below(3) }, () => randomValue(random, depth - 1));
    case 7:
      return new Set(Array.from({ length: random.below(3) }, () => random.pick([1, '1', 'a', 2n])));
    case 8:
      return new Map(
        Array.from({ length: random.below(3) }, () => [random.pick(['a', 'b']), randomValue(random, depth - 1)]),
      );
    default:
      return Object.fromEntries(
        Array.from({ length: random.below(3) }, () => [random.pick(['a', 'b', 'c']), randomValue(random, depth - 1)]),
      );
  }
}

/** Another canonical form, written in another way: equal for equal values only. */
function spelling(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spelling).join(',')}]`;
  if (value instanceof Date) return `Date(${value.getTime()})`;
  if (value instanceof Set) return `Set(${[...value].map(spelling).sort().join(',')})`;
  if (value instanceof Map)
    return `Map(${[...value]
      .map((pair) => pair.map(spelling).join('=>'))
      .sort()
      .join(',')})`;
  if (typeof value === 'object' && value !== null)
    return `{${Object.keys(value)
      .sort()
      .map((name) => `${name}=${spelling((value as Record<string, unknown>)[name])}`)
      .join(',')}}`;
  if (typeof value === 'string') return JSON.stringify(value);
  return Object.is(value, -0) ? '-0' : `${String(value)}${typeof value === 'bigint' ? 'n' : ''}`;
}

test('random values have equal fingerprints if, and only if, they are equal: 100,000', () => {
  const random = new Random(4);
  const byPrint = new Map<string, string>();
  const bySpelling = new Map<string, string>();
  for (let i = 0; i < 100_000; i++) {
    const value = randomValue(random, 3);
    const print = fingerprint(value);
    const spelt = spelling(value);
    if ((byPrint.get(print) ?? spelt) !== spelt)
      throw new Error(`${spelt} and ${byPrint.get(print)} are both ${print}`);
    if ((bySpelling.get(spelt) ?? print) !== print) throw new Error(`${spelt} has two fingerprints`);
    byPrint.set(print, spelt);
    bySpelling.set(spelt, print);
  }
  expect(byPrint.size).toBeGreaterThan(5_000);
});

describe('what has no fingerprint', () => {
  const cyclic: Record<string, unknown> = { list: [] };
  (cyclic.list as unknown[]).push({ back: cyclic });
  const map = new Map<string, unknown>();
  map.set('self', map);
  class Opaque {
    readonly #secret = 1;
    reveal() {
      return this.#secret;
    }
  }

  test.each<[string, unknown, RegExp]>([
    ['a function', () => 1, /^value: got a function; accepted: /],
    ['a symbol', Symbol('s'), /^value: got Symbol\(s\)/],
    ['a function within', { a: [1, () => 1] }, /^value\.a\[1\]: got a function/],
    ['a symbol as a name', { [Symbol('s')]: 1 }, /^value\[Symbol\(s\)\]: got .*symbols/],
    ['a cycle', cyclic, /^value\.list\[0\]\.back: a cycle/],
    ['a cycle of a map', map, /^value\.values\(\): a cycle/],
    ['a promise', Promise.resolve(1), /^value: got an object/],
    ['a weak map', new WeakMap(), /^value: got an object/],
    ['an error', new Error('e'), /^value: got an object/],
    ['an iterator', [1].values(), /^value: got an object/],
    ['headers', new Headers({ a: '1' }), /^value: got an object/],
    ['an instance with private fields only', new Opaque(), /^value: got an object/],
    ['a revoked proxy', revoked(), /^value: could not be read/],
    ['what only says it is a date', { [Symbol.toStringTag]: 'Date' }, /^value: could not be read/],
    ['what only says it is something', { [Symbol.toStringTag]: 'Thing', a: 1 }, /^value: got an object/],
  ])('%s', (_, value, message) => {
    expectThrow(() => fingerprint(value), 'ERR_TIERCEL_INVALID_ARGUMENT', message);
  });

  function revoked(): unknown {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  }

  test('the same object twice is no cycle', () => {
    const shared = { a: 1 };
    expect(fingerprint([shared, shared])).toBe(fingerprint([{ a: 1 }, { a: 1 }]));
  });

  test('what is too deep, or of too many values', () => {
    let deep: unknown = 1;
    for (let i = 0; i < 300; i++) deep = [deep];
    expectThrow(() => fingerprint(deep), 'ERR_TIERCEL_LIMIT', /256 levels/);
    let wide: unknown = 1;
    for (let i = 0; i < 25; i++) wide = [wide, wide];
    expectThrow(() => fingerprint(wide), 'ERR_TIERCEL_LIMIT', /1048576 values/);
  });

  test('errors of getters are the getter’s', () => {
    const value = {
      get a(): never {
        throw new RangeError('mine');
      },
    };
    expect(() => fingerprint(value)).toThrow(new RangeError('mine'));
  });
});
