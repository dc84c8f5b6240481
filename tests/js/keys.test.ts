import type { MemoryCache } from 'tiercel';
import { openCache } from './support/cache.js';
import { expectFailure, expectThrow } from './support/errors.js';
import { forEachSeed, Random } from './support/random.js';

/** Stores the position of each key and returns the keys that come back with another, or not at all. */
function mixedUp(cache: MemoryCache<number>, keys: readonly string[]): string[] {
  for (const [i, key] of keys.entries()) cache.set(key, i);
  return keys.filter((key, i) => cache.get(key) !== i);
}

describe('two keys are one entry if and only if they are the same string', () => {
  test('for 100,000 random strings, lone surrogates among them', () => {
    const random = new Random(1);
    const keys = new Set<string>();
    while (keys.size < 100_000) keys.add(random.string(12));
    const cache = openCache<number>({ maxEntries: 100_000 });
    expect(mixedUp(cache, [...keys])).toEqual([]);
    expect(cache.size).toBe(100_000);
    expect(new Set(cache.keys())).toEqual(keys);
  });

  test('for every single UTF-16 unit', () => {
    const units = Array.from({ length: 0x10000 }, (_, unit) => String.fromCharCode(unit));
    const cache = openCache<number>({ maxEntries: 0x10000 });
    expect(mixedUp(cache, units)).toEqual([]);
    expect(cache.size).toBe(0x10000);
    expect([...cache.keys()].sort()).toEqual(units.sort());
  });

  test('for keys that other encodings or containers take for each other', () => {
    const keys = [
      ['', '\0', '\0\0', ' '],
      ['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString'],
      ['0', '00', '1', '-1', '1.0', '1e0', '4294967295', 'NaN', 'undefined', 'null'],
      // One string of two bytes, and one of a single unit that is stored as the same two bytes.
      ['aa', '\u6161', 'a\0', '\0a'],
      // The composed and the decomposed letter, which normalisation makes equal.
      ['\u00e9', 'e\u0301', 'E\u0301', '\u00c9'],
      // Encoders to UTF-8 turn each lone surrogate into U+FFFD.
      ['\ud800', '\udc00', '\ufffd', '\ud800\ud800', '\udc00\ud800', '\ud83d\ude00', '\ude00\ud83d'],
      ['\ufeff', '\ufeffa', 'a', 'a ', ' a', 'A'],
    ].flat();
    const cache = openCache<number>();
    expect(mixedUp(cache, keys)).toEqual([]);
    expect(cache.size).toBe(keys.length);
    expect([...cache.keys()].sort()).toEqual([...keys].sort());
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test('for every prefix of a long key, in each encoding', () => {
    for (const unit of ['x', '\u00ff', '\u0100']) {
      const keys = Array.from({ length: 512 }, (_, length) => unit.repeat(length));
      const cache = openCache<number>();
      expect(mixedUp(cache, keys)).toEqual([]);
      expect(cache.size).toBe(512);
    }
  });

  test('however the string was put together', () => {
    const cache = openCache<number>();
    const literal = 'user:1234567890:profile:settings';
    const digits = String(1_234_567_890);
    const rope = `user:${digits}:profile:${['set', 'tings'].join('')}`;
    const slice = `<<${literal}>>`.slice(2, -2);
    // A string of two-byte units whose content fits one byte each.
    const wide = `\u4e00${literal}`.slice(1);
    const decoded = new TextDecoder('utf-16le').decode(Buffer.from(literal, 'utf16le'));
    cache.set(literal, 1);
    for (const same of [rope, slice, wide, decoded]) expect(cache.get(same)).toBe(1);
    cache.set(wide, 2);
    expect(cache.size).toBe(1);
    expect(cache.get(literal)).toBe(2);
    expect(cache.delete(decoded)).toBe(true);
  });

  test('with any seed', () => {
    forEachSeed(20, (random) => {
      const cache = openCache<number>({ seed: random.bytes(16) });
      const keys = [...new Set(Array.from({ length: 500 }, () => random.string(6)))];
      expect(mixedUp(cache, keys)).toEqual([]);
    });
  });
});

describe('a key', () => {
  test('may be 1024 bytes long as stored: one a unit, two if any unit is over U+00FF', () => {
    const cache = openCache<number>();
    for (const key of ['a'.repeat(1024), '\u00ff'.repeat(1024), '\u0100'.repeat(512), `${'a'.repeat(511)}\ud800`]) {
      expect(cache.set(key, 1)).toBe(true);
      expect(cache.get(key)).toBe(1);
    }
    const tooLong = ['a'.repeat(1025), '\u0100'.repeat(513), `${'a'.repeat(512)}\ud800`];
    for (const key of tooLong) expectThrow(() => cache.set(key, 1), 'ERR_TIERCEL_KEY_TOO_LONG', /key.*1024/);
    expect(cache.size).toBe(4);
  });

  test.each<[string, (cache: MemoryCache<unknown>, key: string) => unknown]>([
    ['get', (cache, key) => cache.get(key)],
    ['getEntry', (cache, key) => cache.getEntry(key)],
    ['peek', (cache, key) => cache.peek(key)],
    ['has', (cache, key) => cache.has(key)],
    ['set', (cache, key) => cache.set(key, 1)],
    ['getMany', (cache, key) => cache.getMany(['a', key])],
    ['setMany', (cache, key) => cache.setMany([[key, 1]])],
    ['delete', (cache, key) => cache.delete(key)],
    ['deleteMany', (cache, key) => cache.deleteMany(['a', key])],
    ['getOrSet', (cache, key) => cache.getOrSet(key, () => 1)],
    ['ttl', (cache, key) => cache.ttl(key)],
    ['touch', (cache, key) => cache.touch(key, 1)],
    ['namespace', (cache, key) => cache.namespace('a', key)],
    ['invalidateTags', (cache, key) => cache.invalidateTags('a', key)],
    ['set, as a tag', (cache, key) => cache.set('a', 1, { tags: ['b', key] })],
  ])('that is too long is refused by %s', async (_, use) => {
    const cache = openCache({ maxKeyBytes: 8 });
    await expectFailure(async () => use(cache, 'abcdefghi'), 'ERR_TIERCEL_KEY_TOO_LONG', /8/);
    await expectFailure(async () => use(cache, '\u0100bcde'), 'ERR_TIERCEL_KEY_TOO_LONG', /8/);
    expect(cache.size).toBe(0);
    expect(cache.stats()).toMatchObject({ sets: 0, loads: 0, loading: 0 });
    await use(cache, 'abcdefgh');
  });

  test('may be 1 MiB long where the cache allows it', () => {
    const cache = openCache<number>({ maxKeyBytes: 1_048_576 });
    const keys = ['a', 'b'].flatMap((last) => [
      `${'k'.repeat(1_048_575)}${last}`,
      `${'\u4e00'.repeat(524_287)}${last}`,
      `${last}${'k'.repeat(1_048_575)}`,
    ]);
    expect(mixedUp(cache, keys)).toEqual([]);
    expect(cache.size).toBe(6);
    expect([...cache.keys()].sort()).toEqual([...keys].sort());
    expectThrow(() => cache.get('k'.repeat(1_048_577)), 'ERR_TIERCEL_KEY_TOO_LONG', /1048576/);
  });
});
