import { buildKey, escapePattern, type KeyPart } from 'tiercel';
import { openCache } from './support/cache.js';
import { expectThrow } from './support/errors.js';
import { Random } from './support/random.js';

/** Texts out of which wrong joining, escaping or cutting makes the same key. */
const PIECES = ['', 'a', 'b', ':', '%', '%3A', '*', '?', '[', ']', '\\', '{', '}', '#', '~', '1', 'ä', '\ud800', '中'];

function randomPart(random: Random): string {
  if (random.chance(0.02)) return random.pick(['x', ':', '中']).repeat(60 + random.below(150));
  let part = '';
  for (let left = random.below(4); left > 0; left--) part += random.pick(PIECES);
  return part;
}

test('a key is its parts, joined', () => {
  expect(buildKey('user', 7, 'posts', 3n, true)).toBe('user:7:posts:3:true');
  expect(buildKey('user')).toBe('user');
});

test('empty parts are left out', () => {
  expect(buildKey('', 'a', null, undefined, 'b', '')).toBe('a:b');
  expect(buildKey()).toBe('');
  expect(buildKey(0, false)).toBe('0:false');
});

test('different lists of parts are different keys: 200,000 random ones', () => {
  const random = new Random(1);
  const seen = new Map<string, string>();
  for (let i = 0; i < 200_000; i++) {
    const parts = Array.from({ length: 1 + random.below(5) }, () => randomPart(random)).filter((part) => part !== '');
    const list = JSON.stringify(parts);
    const key = buildKey(...parts);
    const other = seen.get(key);
    if (other !== undefined && other !== list) throw new Error(`${other} and ${list} are both ${JSON.stringify(key)}`);
    seen.set(key, list);
    if (key.length > 200) throw new Error(`${list} gave ${key.length} characters`);
  }
  expect(seen.size).toBeGreaterThan(100_000);
});

test('the harness would notice keys that are just joined', () => {
  expect(['a:b', 'c'].join(':')).toBe(['a', 'b:c'].join(':'));
  expect(buildKey('a:b', 'c')).not.toBe(buildKey('a', 'b:c'));
});

test('a key is a pattern of itself alone, whatever is in its parts', () => {
  const random = new Random(2);
  const cache = openCache();
  for (let i = 0; i < 2_000; i++) {
    const key = buildKey(randomPart(random).slice(0, 20), randomPart(random).slice(0, 20), 'end');
    const others = ['', 'a', 'ab', 'a:b', '1:end', `${key}x`, key.slice(1)].filter((other) => other !== key);
    for (const other of [...others, key]) cache.set(other, 1);
    cache.invalidatePattern(key);
    expect([key, cache.has(key), others.every((other) => cache.has(other))]).toEqual([key, false, true]);
  }
});

test('nothing that a part says reaches another segment or widens a pattern', () => {
  expect(buildKey('files', '*', 'x')).toBe('files:%2A:x');
  expect(buildKey('a:b?[c]\\{d}%')).toBe('a%3Ab%3F%5Bc%5D%5C%7Bd%7D%25');
});

describe('a key of more than 200 characters', () => {
  const long = 'q'.repeat(300);

  test('ends in a hash, the same in every process', () => {
    expect(buildKey('search', long)).toBe('search:~8BRnsUdGyYyCPd1ADViLpUkHtaX3H4VF');
  });

  test('is written out up to there', () => {
    expect(buildKey('a'.repeat(200))).toBe('a'.repeat(200));
    expect(buildKey('a'.repeat(201))).toMatch(/^~[\w-]{32}$/);
  });

  test('keeps its first parts, for prefixes', () => {
    const key = buildKey('tenant', 7, 'search', long, 'page', 2);
    expect(key).toMatch(/^tenant:7:search:~[\w-]{32}$/);
    expect(key).not.toBe(buildKey('tenant', 7, 'search', long, 'page', 3));
    const many = buildKey(...Array.from({ length: 100 }, (_, i) => i));
    expect(many).toMatch(/^0:1:.*:~[\w-]{32}$/);
    expect(many.length).toBeLessThanOrEqual(200);
  });

  test('is no key of parts that look like it', () => {
    const key = buildKey('search', long);
    expect(buildKey(...key.split(':'))).not.toBe(key);
  });
});

test('an object stands for what is in it, and is no text that looks like it', () => {
  const key = buildKey('list', { page: 1, sort: 'name' });
  expect(key).toMatch(/^list:#[\w-]{32}$/);
  expect(buildKey('list', { sort: 'name', page: 1 })).toBe(key);
  expect(buildKey('list', { page: '1', sort: 'name' })).not.toBe(key);
  expect(buildKey('list', key.slice(5))).not.toBe(key);
});

test.each([[Number.NaN], [Number.POSITIVE_INFINITY], [() => 1], [Symbol('s')]])('%p is no part of a key', (part) => {
  expectThrow(() => buildKey('a', part as KeyPart), 'ERR_TIERCEL_INVALID_ARGUMENT', /^parts\[1\]: got .*accepted/);
});

test('an escaped text is a pattern of itself alone', () => {
  const random = new Random(3);
  const cache = openCache();
  for (let i = 0; i < 2_000; i++) {
    const text = randomPart(random).slice(0, 20);
    const others = ['a', 'ab', ':', `${text}x`, `x${text}`, text.slice(1)].filter((other) => other !== text);
    for (const other of [...others, text]) cache.set(other, 1);
    cache.invalidatePattern(escapePattern(text));
    expect([text, cache.has(text), others.every((other) => cache.has(other))]).toEqual([text, false, true]);
  }
  expectThrow(() => escapePattern(5 as unknown as string), 'ERR_TIERCEL_INVALID_ARGUMENT', /^pattern: got 5/);
});
