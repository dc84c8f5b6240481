import type { MemoryCache } from 'tiercel';
import { openCache } from './support/cache.js';
import { FakeClock } from './support/clock.js';
import { deferred } from './support/deferred.js';
import { expectThrow } from './support/errors.js';

/** user <- posts <- page, and something that depends on nothing. */
function chain(cache: MemoryCache<string>): void {
  cache.set('user', 'u');
  cache.set('posts', 'p', { dependsOn: ['user'] });
  cache.set('page', 'q', { dependsOn: ['posts', 'layout'] });
  cache.set('other', 'o');
}

const left = (cache: MemoryCache<string>) => [...cache.keys()].sort();

describe('an entry that depends on another goes', () => {
  test.each<[string, (cache: MemoryCache<string>) => unknown, string[]]>([
    ['when that is deleted', (cache) => cache.delete('user'), ['other']],
    ['when that is set', (cache) => cache.set('user', 'new'), ['other', 'user']],
    ['when that is set by setMany', (cache) => cache.setMany([['user', 'new']]), ['other', 'user']],
    ['when that is deleted by deleteMany', (cache) => cache.deleteMany(['user']), ['other']],
    ['when that is invalidated by a prefix', (cache) => cache.invalidatePrefix('user'), ['other']],
    ['when that is invalidated by a pattern', (cache) => cache.invalidatePattern('us?r'), ['other']],
    ['when that is deleted by invalidateIf', (cache) => cache.invalidateIf((key) => key === 'user'), ['other']],
    ['when a key that was never there is deleted', (cache) => cache.delete('layout'), ['other', 'posts', 'user']],
    ['but not when one that depends on it does', (cache) => cache.delete('page'), ['other', 'posts', 'user']],
  ])('%s', (_, act, kept) => {
    const cache = openCache<string>();
    chain(cache);
    act(cache);
    expect(left(cache)).toEqual(kept);
  });

  test('when that is loaded anew', async () => {
    const cache = openCache<string>();
    chain(cache);
    await cache.getOrSet('user', () => 'new', { forceRefresh: true });
    expect(left(cache)).toEqual(['other', 'user']);
  });

  test('when a tag of that is invalidated', () => {
    const cache = openCache<string>();
    cache.set('user', 'u', { tags: ['t'] });
    cache.set('posts', 'p', { dependsOn: ['user'] });
    cache.invalidateTags('t');
    expect(left(cache)).toEqual([]);
  });

  test('but not when that expires or is evicted: what it said is still true', () => {
    const clock = new FakeClock();
    const cache = openCache<string>({ now: clock.now, maxEntries: 2, policy: 'lru' });
    cache.set('user', 'u', { ttl: 10 });
    cache.set('posts', 'p', { dependsOn: ['user'] });
    clock.advance(10);
    cache.sweep();
    expect(left(cache)).toEqual(['posts']);
    cache.set('user', 'u');
    cache.set('posts', 'p', { dependsOn: ['user'] });
    cache.set('x', 'x');
    expect(left(cache)).toEqual(['posts', 'x']);
    cache.delete('user');
    expect(left(cache)).toEqual(['x']);
  });

  test('with the cause "dependency", and once', () => {
    const cache = openCache<string>();
    chain(cache);
    const removed: string[] = [];
    cache.on('remove', ({ key, cause }) => removed.push(`${key} ${cause}`));
    cache.delete('user');
    expect(removed.sort()).toEqual(['page dependency', 'posts dependency', 'user explicit']);
    expect(cache.stats().removals).toMatchObject({ explicit: 1, dependency: 2 });
  });
});

describe('dependencies', () => {
  test('may go round in a circle, of which only the last that was set is true', () => {
    const cache = openCache<string>();
    cache.set('a', 'a', { dependsOn: ['c'] });
    cache.set('b', 'b', { dependsOn: ['a'] });
    cache.set('c', 'c', { dependsOn: ['b', 'c'] });
    expect(left(cache)).toEqual(['c']);
    cache.delete('b');
    expect(left(cache)).toEqual([]);
  });

  test('are of the namespace that the entry is in', () => {
    const cache = openCache<string>();
    const inner = cache.namespace('n');
    inner.set('posts', 'p', { dependsOn: ['user'] });
    cache.set('user', 'u');
    cache.delete('user');
    expect(inner.has('posts')).toBe(true);
    inner.delete('user');
    expect(inner.has('posts')).toBe(false);
  });

  test('are no tags, and tags are no dependencies', () => {
    const cache = openCache<string>();
    cache.set('by tag', 'v', { tags: ['x'] });
    cache.set('by key', 'v', { dependsOn: ['x'] });
    expect(cache.tagsOf('by key')).toEqual([]);
    expect(cache.invalidateTags('x')).toBe(1);
    expect(left(cache)).toEqual(['by key']);
    cache.set('by tag', 'v', { tags: ['x'] });
    cache.delete('x');
    expect(left(cache)).toEqual(['by tag']);
  });

  test('are those of the last set', () => {
    const cache = openCache<string>();
    cache.set('k', '1', { dependsOn: ['a'] });
    cache.set('k', '2', { dependsOn: ['b'] });
    cache.delete('a');
    expect(cache.get('k')).toBe('2');
    cache.delete('b');
    expect(cache.get('k')).toBeUndefined();
  });

  test('are at most 128 with the tags', () => {
    const cache = openCache<string>();
    const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
    expect(cache.set('k', 'v', { dependsOn: names('k', 64), tags: names('t', 64) })).toBe(true);
    expectThrow(() => cache.set('j', 'v', { dependsOn: names('k', 129) }), 'ERR_TIERCEL_LIMIT');
    expectThrow(() => cache.set('j', 'v', { dependsOn: names('k', 65), tags: names('t', 64) }), 'ERR_TIERCEL_LIMIT');
    expect(left(cache)).toEqual(['k']);
  });

  test('of a load are known to it from the beginning: it is not stored if one of them changes meanwhile', async () => {
    for (const [changed, stored] of [
      ['user', false],
      ['nobody', true],
    ] as const) {
      const cache = openCache<string>();
      const value = deferred<string>();
      const load = cache.getOrSet('posts', () => value.promise, { dependsOn: ['user'] });
      cache.set(changed, 'new');
      const second = cache.getOrSet('posts', () => 'second', { dependsOn: ['user'] });
      value.resolve('first');
      expect(await load).toBe('first');
      expect(await second).toBe(stored ? 'first' : 'second');
      expect(cache.get('posts')).toBe(stored ? 'first' : 'second');
    }
  });
});

describe('invalidateWithDependents', () => {
  test('counts the key and all that went with it', () => {
    const cache = openCache<string>();
    chain(cache);
    expect(cache.invalidateWithDependents('user')).toBe(3);
    expect(left(cache)).toEqual(['other']);
  });

  test('counts only those that depend on it if it is not there', () => {
    const cache = openCache<string>();
    chain(cache);
    expect(cache.invalidateWithDependents('layout')).toBe(1);
    expect(cache.invalidateWithDependents('nothing')).toBe(0);
    expect(left(cache)).toEqual(['other', 'posts', 'user']);
  });

  test('counts many', () => {
    const cache = openCache<string>();
    cache.set('root', 'r');
    for (let i = 0; i < 3000; i++) cache.set(`k${i}`, 'v', { dependsOn: [i % 2 ? 'root' : `k${Math.max(0, i - 1)}`] });
    const before = cache.size;
    expect(cache.invalidateWithDependents('root')).toBe(before - cache.size);
    expect(cache.has('root')).toBe(false);
  });

  test('is told by delete only of the key itself', () => {
    const cache = openCache<string>();
    chain(cache);
    expect(cache.delete('layout')).toBe(false);
    expect(cache.delete('user')).toBe(true);
  });
});
