import type { Serializer } from 'tiercel';
import { openCache } from './support/cache.js';
import { expectFailure, expectThrow } from './support/errors.js';

/** Dates as the eight bytes of their time. */
const dates: Serializer<Date> = {
  serialize: (date) => new Uint8Array(Float64Array.of(date.getTime()).buffer),
  deserialize: (bytes) => new Date(new Float64Array(bytes.slice().buffer)[0] as number),
};

const open = <V>(serializer: Serializer<V>) => openCache<V>({ values: 'bytes', serializer });

describe('a custom serializer', () => {
  test('carries what the built-in codec does not', () => {
    const cache = open(dates);
    const date = new Date(1_234_567_890_123);
    expect(cache.set('k', date)).toBe(true);
    expect(cache.get('k')).toEqual(date);
    expect(cache.get('k')).not.toBe(date);
    expect([...cache.values()]).toEqual([date]);
    expect(cache.getMany(['k']).get('k')).toEqual(date);
  });

  test('is used for every value, strings and bytes too', () => {
    const cache = open<string | Uint8Array>({
      serialize: (value) => Buffer.from(`<${String(value)}>`),
      deserialize: (bytes) => Buffer.from(bytes).toString(),
    });
    cache.set('a', 'text');
    cache.set('b', Uint8Array.of(1, 2));
    expect(cache.get('a')).toBe('<text>');
    expect(cache.get('b')).toBe('<1,2>');
  });

  test('is called as a method of its object', () => {
    class Tagged implements Serializer<string> {
      private readonly tag = '!';
      serialize(value: string): Uint8Array {
        return Buffer.from(value + this.tag);
      }
      deserialize(bytes: Uint8Array): string {
        return Buffer.from(bytes).toString() + this.tag;
      }
    }
    const cache = open(new Tagged());
    cache.set('k', 'a');
    expect(cache.get('k')).toBe('a!!');
  });

  test('may keep and change the bytes it is given', () => {
    const kept: Uint8Array[] = [];
    const cache = open<string>({
      serialize: (value) => Buffer.from(value),
      deserialize: (bytes) => {
        const text = Buffer.from(bytes).toString();
        kept.push(bytes.fill(0));
        return text;
      },
    });
    cache.set('k', 'value');
    expect([cache.get('k'), cache.get('k')]).toEqual(['value', 'value']);
    cache.set('k', 'other');
    expect(kept.every((bytes) => bytes.length === 5 && bytes.every((byte) => byte === 0))).toBe(true);
  });

  test('may change the bytes it gave after set has returned', () => {
    const scratch = new Uint8Array(4);
    const cache = open<number>({ serialize: (n) => scratch.fill(n), deserialize: (bytes) => bytes[0] as number });
    cache.set('a', 1);
    cache.set('b', 2);
    expect([cache.get('a'), cache.get('b')]).toEqual([1, 2]);
  });

  test('may call the cache again', () => {
    const cache = open<string>({
      serialize(value): Uint8Array {
        if (value !== 'inner') cache.set('inner', 'inner');
        cache.get('inner');
        return Buffer.from(value);
      },
      deserialize(bytes): string {
        const text = Buffer.from(bytes).toString();
        if (text === 'outer') cache.set(`read-${cache.size}`, 'inner');
        return text;
      },
    });
    cache.set('k', 'outer');
    expect(cache.get('k')).toBe('outer');
    expect(cache.get('inner')).toBe('inner');
    expect([...cache.values()].filter((value) => value === 'outer')).toHaveLength(1);
  });

  test('that throws in serialize is the cause of the error, and nothing changes', async () => {
    const reason = new Error('cannot');
    const cache = open<string>({
      serialize(value) {
        if (value === 'bad') throw reason;
        return Buffer.from(value);
      },
      deserialize: (bytes) => Buffer.from(bytes).toString(),
    });
    cache.set('k', 'old');
    expect(expectThrow(() => cache.set('k', 'bad'), 'ERR_TIERCEL_NOT_SERIALIZABLE').cause).toBe(reason);
    const failure = await expectFailure(() => cache.getOrSet('new', () => 'bad'), 'ERR_TIERCEL_NOT_SERIALIZABLE');
    expect(failure.cause).toBe(reason);
    expect(cache.get('k')).toBe('old');
    expect(cache.stats()).toMatchObject({ sets: 1, entries: 1, loading: 0 });
  });

  test.each<[string, unknown]>([
    ['a string', 'text'],
    ['undefined', undefined],
    ['an array', [1, 2]],
    ['an ArrayBuffer', new ArrayBuffer(2)],
    ['a promise', Promise.resolve(new Uint8Array(1))],
  ])('that returns %s from serialize is refused', (_, result) => {
    const cache = open<number>({ serialize: () => result as Uint8Array, deserialize: () => 0 });
    expectThrow(() => cache.set('k', 1), 'ERR_TIERCEL_NOT_SERIALIZABLE', /Uint8Array/);
    expect(cache.size).toBe(0);
  });

  test('that throws in deserialize is the cause of ERR_TIERCEL_CORRUPT_VALUE', () => {
    const reason = new Error('cannot');
    let broken = true;
    const cache = open<string>({
      serialize: (value) => Buffer.from(value),
      deserialize(bytes) {
        if (broken) throw reason;
        return Buffer.from(bytes).toString();
      },
    });
    cache.set('k', 'value');
    for (const read of [
      () => cache.get('k'),
      () => cache.peek('k'),
      () => cache.getEntry('k'),
      () => cache.getMany(['k']),
      () => [...cache.values()],
    ]) {
      expect(expectThrow(read, 'ERR_TIERCEL_CORRUPT_VALUE', /serializer/).cause).toBe(reason);
    }
    expect(cache.has('k')).toBe(true);
    expect([...cache.keys()]).toEqual(['k']);
    broken = false;
    expect(cache.get('k')).toBe('value');
    cache.delete('k');
    expect(cache.size).toBe(0);
  });

  test('that cannot read a value does not keep its key from being set or removed', async () => {
    const cache = open<string>({
      serialize: (value) => Buffer.from(value),
      deserialize: (bytes) => {
        if (bytes[0] === 0x21) throw new Error('damaged');
        return Buffer.from(bytes).toString();
      },
    });
    const removed: string[] = [];
    cache.set('k', '!');
    cache.set('k', 'fine');
    expect(cache.get('k')).toBe('fine');
    cache.on('evict', ({ key }) => removed.push(key));
    cache.set('k', '!');
    expect(cache.delete('k')).toBe(true);
    expect(cache.size).toBe(0);
    expect(removed).toEqual([]);
  });

  test('is refused in reference mode, and if a method is missing', () => {
    expectThrow(() => openCache<Date>({ serializer: dates }), 'ERR_TIERCEL_INVALID_OPTION', /serializer.*bytes/);
    const half = { serialize: dates.serialize } as Serializer<Date>;
    expectThrow(() => open(half), 'ERR_TIERCEL_INVALID_OPTION', /serializer/);
  });
});
