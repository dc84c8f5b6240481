import type { MemoryCache } from 'tiercel';
import { openCache } from './support/cache.js';
import { deferred } from './support/deferred.js';
import { expectThrow } from './support/errors.js';
import { matchesPlainly } from './support/glob.js';
import { forEachSeed, type Random } from './support/random.js';

const KEYS = ['user:1', 'user:1:posts', 'user:2', 'users', 'page:1', ''];

function filled(options = {}): MemoryCache<string> {
  const cache = openCache<string>(options);
  for (const key of KEYS) cache.set(key, `value of ${key}`);
  return cache;
}

const left = (cache: MemoryCache<string>) => [...cache.keys()].sort();
const without = (...gone: string[]) => KEYS.filter((key) => !gone.includes(key)).sort();

describe('invalidatePrefix', () => {
  test.each<[string, string[]]>([
    ['user:', ['user:1', 'user:1:posts', 'user:2']],
    ['user', ['user:1', 'user:1:posts', 'user:2', 'users']],
    ['user:1', ['user:1', 'user:1:posts']],
    ['page:1', ['page:1']],
    ['nothing', []],
    ['*', []],
    ['', KEYS],
  ])('%j invalidates the keys that begin with it, and no other', (prefix, gone) => {
    const cache = filled();
    expect(cache.invalidatePrefix(prefix)).toBe(gone.length);
    expect(left(cache)).toEqual(without(...gone));
    for (const key of gone) expect(cache.get(key)).toBeUndefined();
  });

  test('leaves other namespaces alone, those below too', () => {
    const cache = filled();
    const below = cache.namespace('user:');
    below.set('user:1', 'below');
    expect(cache.invalidatePrefix('user:')).toBe(3);
    expect(below.get('user:1')).toBe('below');
    expect(below.invalidatePrefix('user:')).toBe(1);
  });

  test('leaves what is set after it alone', () => {
    const cache = filled();
    cache.invalidatePrefix('user:');
    cache.set('user:1', 'new');
    expect(cache.get('user:1')).toBe('new');
    expect(cache.invalidatePrefix('user:')).toBe(1);
  });

  test('has the cause "pattern"', () => {
    const cache = filled();
    const causes: string[] = [];
    cache.on('remove', ({ cause }) => causes.push(cause));
    cache.invalidatePrefix('user:');
    expect(causes).toEqual(['pattern', 'pattern', 'pattern']);
    expect(cache.stats().removals).toMatchObject({ pattern: 3, explicit: 0 });
  });

  test.each<[string, (cache: MemoryCache<string>) => unknown, boolean]>([
    ['a prefix of it', (cache) => cache.invalidatePrefix('user:'), false],
    ['a pattern that it matches', (cache) => cache.invalidatePattern('*:1'), false],
    ['another prefix', (cache) => cache.invalidatePrefix('page:'), true],
    ['another pattern', (cache) => cache.invalidatePattern('*:2'), true],
  ])('of a key in flight has the load not stored: %s', async (_, invalidate, stored) => {
    const cache = openCache<string>();
    const value = deferred<string>();
    const load = cache.getOrSet('user:1', () => value.promise);
    invalidate(cache);
    value.resolve('loaded');
    expect(await load).toBe('loaded');
    expect(cache.has('user:1')).toBe(stored);
  });

  test('of a hundred thousand entries takes effect at once, and the space is returned later', () => {
    const cache = openCache<number>({ maxEntries: 200_000 });
    for (let i = 0; i < 100_000; i++) cache.set(`a:${i}`, i);
    for (let i = 0; i < 10; i++) cache.set(`b:${i}`, i);
    expect(cache.invalidatePrefix('a:')).toBeGreaterThanOrEqual(100_000);
    let served = 0;
    for (let i = 0; i < 100_000; i++) if (cache.has(`a:${i}`)) served++;
    expect(served).toBe(0);
    expect([...cache.keys()]).toHaveLength(10);
    cache.set('a:1', -1);
    expect(cache.get('a:1')).toBe(-1);
    cache.sweep(Number.POSITIVE_INFINITY);
    expect(cache.size).toBe(11);
    expect(cache.stats().removals.pattern).toBe(100_000);
  });
});

describe('invalidatePattern', () => {
  test.each<[string, string[]]>([
    ['user:*', ['user:1', 'user:1:posts', 'user:2']],
    ['user:?', ['user:1', 'user:2']],
    ['*:1', ['user:1', 'page:1']],
    ['*', KEYS],
    ['', ['']],
    ['user:[13]', ['user:1']],
    ['user:[2-9]', ['user:2']],
    ['user:[^2]', ['user:1']],
    ['[up]*[1s]', ['user:1', 'user:1:posts', 'users', 'page:1']],
    ['user:\\1', ['user:1']],
    ['user:\\*', []],
    ['USER:*', []],
  ])('%j invalidates what matches it', (pattern, gone) => {
    const cache = filled();
    expect(cache.invalidatePattern(pattern)).toBe(gone.length);
    expect(left(cache)).toEqual(without(...gone));
  });

  test('takes literally what is escaped', () => {
    const cache = openCache<number>();
    for (const key of ['a*', 'ab', 'a?', 'a[b]', 'a\\']) cache.set(key, 1);
    expect(cache.invalidatePattern('a\\*')).toBe(1);
    expect(cache.invalidatePattern('a\\?')).toBe(1);
    expect(cache.invalidatePattern('a\\[b\\]')).toBe(1);
    expect(cache.invalidatePattern('a\\\\')).toBe(1);
    expect([...cache.keys()]).toEqual(['ab']);
  });

  test('matches units of any kind, in keys of either encoding', () => {
    const cache = openCache<number>();
    for (const key of ['é1', '\u4e2d1', '\ud8001', 'x1']) cache.set(key, 1);
    expect(cache.invalidatePattern('\u4e2d?')).toBe(1);
    expect(cache.invalidatePattern('\ud800*')).toBe(1);
    expect(cache.invalidatePattern('[é-ü]?')).toBe(1);
    expect([...cache.keys()]).toEqual(['x1']);
  });

  test('takes any number of patterns one after the other', () => {
    const cache = openCache<number>({ maxEntries: 50_000 });
    for (let i = 0; i < 40_000; i++) cache.set(`k${i}`, i);
    for (let i = 0; i < 40; i++) cache.invalidatePattern(`k*${i}`);
    const kept = Array.from({ length: 40_000 }, (_, i) => i).filter((i) => {
      for (let j = 0; j < 40; j++) if (`${i}`.endsWith(`${j}`)) return false;
      return true;
    });
    expect([...cache.values()].sort((a, b) => a - b)).toEqual(kept);
  });
});

const tooLong = '?'.repeat(257);
const tooMany = '*a'.repeat(9);

describe.each<[string, (cache: MemoryCache<string>, pattern: string) => unknown]>([
  ['invalidatePattern', (cache, pattern) => cache.invalidatePattern(pattern)],
  ['invalidateIf', (cache, pattern) => cache.invalidateIf(() => true, pattern)],
  ['keys', (cache, pattern) => cache.keys(pattern)],
  ['on', (cache, pattern) => cache.on('set', () => undefined, pattern)],
])('a pattern of %s', (_, use) => {
  test('that is too long or has too many wildcards is refused at once, and nothing changes', () => {
    const cache = filled();
    for (const pattern of [tooLong, tooMany]) expectThrow(() => use(cache, pattern), 'ERR_TIERCEL_INVALID_ARGUMENT');
    expect(left(cache)).toEqual(without());
  });

  test('may be as long as that', () => {
    const cache = filled();
    use(cache, '?'.repeat(256));
    use(cache, '*a'.repeat(8));
    expect(left(cache)).toEqual(without());
  });
});

describe.each(['reference', 'bytes'] as const)('with values by %s', (values) => {
  test('invalidateIf deletes what the predicate says, by key or by value', () => {
    const cache = filled({ values });
    expect(cache.invalidateIf((key) => key.endsWith('1'))).toBe(2);
    expect(cache.invalidateIf((_, value) => value === 'value of users')).toBe(1);
    expect(left(cache)).toEqual(without('user:1', 'page:1', 'users'));
    expect(cache.stats().removals.explicit).toBe(3);
  });

  test('invalidateIf asks only for keys that match, with their values', () => {
    const cache = filled({ values });
    const asked: [string, string][] = [];
    const predicate = (key: string, value: string) => {
      asked.push([key, value]);
      return key === 'user:2';
    };
    expect(cache.invalidateIf(predicate, 'user:?')).toBe(1);
    expect(asked.sort()).toEqual([
      ['user:1', 'value of user:1'],
      ['user:2', 'value of user:2'],
    ]);
  });

  test('keys gives those that match', () => {
    const cache = filled({ values });
    expect([...cache.keys('user:*')].sort()).toEqual(['user:1', 'user:1:posts', 'user:2']);
    expect([...cache.keys('*:posts')]).toEqual(['user:1:posts']);
    expect([...cache.keys('')]).toEqual(['']);
    expect([...cache.keys('nothing')]).toEqual([]);
  });
});

describe('invalidateIf', () => {
  test('goes on while the predicate changes the cache', () => {
    const cache = openCache<number>();
    for (let i = 0; i < 100; i++) cache.set(`k${i}`, i);
    const asked = new Set<string>();
    const count = cache.invalidateIf((key, value) => {
      expect(asked.has(key)).toBe(false);
      asked.add(key);
      cache.set(`new ${key}`, -1);
      cache.delete(`k${value + 1}`);
      return value % 3 === 0;
    });
    expect(count).toBeGreaterThan(0);
    for (const [key, value] of cache.entries()) if (asked.has(key)) expect(value % 3).not.toBe(0);
    expect(cache.has('new k0') || cache.has('new k99')).toBe(true);
  });

  test('stops with what the predicate throws, and what it deleted stays deleted', () => {
    const cache = filled();
    const reason = new Error('mine');
    let calls = 0;
    const predicate = () => {
      if (++calls === 3) throw reason;
      return true;
    };
    expect(() => cache.invalidateIf(predicate)).toThrow(reason);
    expect(cache.size).toBe(KEYS.length - 2);
  });

  test('sees stale entries too', () => {
    let time = 0;
    const cache = openCache<string>({ now: () => time });
    cache.set('k', 'v', { ttl: 10, stale: 10 });
    time = 15;
    expect(cache.invalidateIf((key) => key === 'k')).toBe(1);
    expect(cache.getEntry('k')).toBeUndefined();
  });
});

describe('on, with a pattern,', () => {
  test('calls the listener for keys that match, whatever the event', () => {
    const cache = openCache<string>();
    const told: string[] = [];
    for (const event of ['set', 'hit', 'miss', 'remove'] as const)
      cache.on(event, ({ key }) => told.push(`${event} ${key}`), 'user:*');
    cache.on('set', ({ key }) => told.push(`any ${key}`));
    for (const key of ['user:1', 'page:1']) {
      cache.get(key);
      cache.set(key, 'v');
      cache.get(key);
      cache.delete(key);
    }
    expect(told).toEqual(['miss user:1', 'set user:1', 'any user:1', 'hit user:1', 'remove user:1', 'any page:1']);
  });

  test('is refused for clear, which is of no key', () => {
    expectThrow(() => openCache().on('clear', () => undefined, '*'), 'ERR_TIERCEL_INVALID_ARGUMENT', /^pattern/);
  });
});

test('keys, invalidateIf and invalidatePattern agree with a plain matcher', () => {
  const word = (random: Random, alphabet: string) =>
    Array.from({ length: random.below(6) }, () => random.pick([...alphabet])).join('');
  forEachSeed(300, (random) => {
    const pattern = word(random, 'ab*?\\b\u4e2d').replace(/\\+$/, '');
    const cache = openCache<number>();
    for (let i = 0; i < 40; i++) cache.set(word(random, 'ab*\u4e2d'), i);
    const expected = [...cache.keys()].filter((key) => matchesPlainly(pattern, key)).sort();
    expect([...cache.keys(pattern)].sort()).toEqual(expected);
    const asked: string[] = [];
    cache.invalidateIf((key) => asked.push(key) < 0, pattern);
    expect(asked.sort()).toEqual(expected);
    expect(cache.invalidatePattern(pattern)).toBe(expected.length);
    expect([...cache.keys(pattern)]).toEqual([]);
  });
});

test('a pattern may be the first that a cache is given', () => {
  expect(openCache().invalidatePattern('p*')).toBe(0);
  expect([...openCache().keys('p*')]).toEqual([]);
});
