import { readThrough } from 'tiercel/patterns';
import { openCache } from './support/cache.js';
import { expectFailure, expectThrow } from './support/errors.js';
import { forEachSeed } from './support/random.js';

describe('read-through', () => {
  it('loads a key by the first pattern that matches it', async () => {
    const things = readThrough<string>(openCache<string>());
    things.register('user:admin', () => 'the administrator');
    things.register('user:*', ({ key }) => `user ${key}`);
    things.register('*', ({ key }) => `something ${key}`);
    expect(await things.get('user:admin')).toBe('the administrator');
    expect(await things.get('user:7')).toBe('user user:7');
    expect(await things.get('file:7')).toBe('something file:7');
  });

  it('loads once, and with the options of the loader', async () => {
    const cache = openCache<string>();
    const things = readThrough<string, typeof cache>(cache, { options: { ttl: '1h', tags: ['all'] } });
    const loader = jest.fn(() => 'x');
    things.register('a*', loader, { ttl: '1m' });
    await things.getMany(['ab', 'ac', 'ab']);
    expect(loader).toHaveBeenCalledTimes(2);
    expect(cache.ttl('ab')).toBeLessThanOrEqual(60_000);
    expect(cache.tagsOf('ab')).toEqual(['all']);
  });

  it('says which key has no loader, and does so again once the loader was taken away', async () => {
    const things = readThrough<string>(openCache<string>());
    const remove = things.register('user:*', () => 'x');
    await expectFailure(() => things.get('file:1'), 'ERR_TIERCEL_NO_LOADER', /"file:1"/);
    remove();
    await expectFailure(() => things.get('user:1'), 'ERR_TIERCEL_NO_LOADER');
  });

  it('refuses patterns that are too long, and what is no pattern', () => {
    const things = readThrough<string>(openCache<string>());
    for (const pattern of ['a'.repeat(257), '*a'.repeat(9), 1, undefined])
      expectThrow(() => things.register(pattern as string, () => 'x'), 'ERR_TIERCEL_INVALID_ARGUMENT', /^pattern: /);
    expectThrow(() => things.register('a', 'x' as never), 'ERR_TIERCEL_INVALID_ARGUMENT', /^loader: /);
  });

  it('understands patterns as the core does', async () => {
    const alphabet = ['a', 'b', 'c', '*', '?', '[', ']', '^', '-', '\\', 'é', '\ud83d'];
    const checks: Promise<void>[] = [];
    const cache = openCache<string>();
    forEachSeed(3_000, (random) => {
      const text = (length: number) =>
        Array.from({ length: random.below(length + 1) }, () => random.pick(alphabet)).join('');
      const pattern = text(8);
      // Half of the keys are made from the pattern, so that more of them match.
      const key = random.chance(0.5) ? pattern.replace(/[*?]/g, () => text(2)) : text(6);
      cache.clear();
      cache.set(key, 'x');
      const matchesInCore = [...cache.keys(pattern)].length === 1;
      const things = readThrough<string>(cache);
      things.register(pattern, () => 'x');
      checks.push(
        things.get(key).then(
          () => expect([pattern, key, true]).toEqual([pattern, key, matchesInCore]),
          () => expect([pattern, key, false]).toEqual([pattern, key, matchesInCore]),
        ),
      );
    });
    await Promise.all(checks);
  });
});
