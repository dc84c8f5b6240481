import { type RegionName, regions } from 'tiercel';
import { openCache } from './support/cache.js';
import { FakeClock } from './support/clock.js';
import { expectThrow } from './support/errors.js';
import { KINDS } from './support/kinds.js';

const MINUTE = 60_000;

describe.each(KINDS)('regions of %s', (_, open) => {
  async function opened(options?: Parameters<typeof regions>[1]) {
    const { cache, memory } = await open({ now: new FakeClock().now, ttl: 1 });
    const made = regions(cache, options);
    const ttl = (region: RegionName, key = 'k') => memory.namespace('region', region).ttl(key);
    return { ...made, cache, memory, ttl };
  }

  test('have a ttl each', async () => {
    const { short, default: usual, long, memory, ttl } = await opened();
    await short.set('k', 1);
    await usual.getOrSet('k', () => 2);
    await long.setMany([['k', 3]]);
    await regions(memory).memory.set('k', 4);
    expect([ttl('short'), ttl('default'), ttl('long'), ttl('memory')]).toEqual([
      MINUTE,
      5 * MINUTE,
      1440 * MINUTE,
      5 * MINUTE,
    ]);
    expect([await short.get('k'), await usual.get('k'), await long.get('k')]).toEqual([1, 2, 3]);
  });

  test('may have other times, and a call its own', async () => {
    const { short, long, memory, ttl } = await opened({ short: { ttl: '10s', stale: '1m' }, long: { ttl: 0 } });
    await short.set('k', 1);
    await short.set('own', 1, { ttl: 7, stale: 0 });
    await short.set('unsaid', 1, { ttl: undefined } as never);
    await long.set('k', 1);
    expect([ttl('short'), ttl('short', 'own'), ttl('short', 'unsaid')]).toEqual([10_000, 7, 10_000]);
    expect(ttl('long')).toBe(Number.POSITIVE_INFINITY);
    await short.expire('k');
    expect(memory.namespace('region', 'short').getEntry('k')?.stale).toBe(true);
    await short.touch('k');
    expect(ttl('short')).toBe(10_000);
  });

  test('are apart from each other', async () => {
    const { short, long, memory } = await opened();
    for (const region of [short, long]) {
      await region.setMany(
        [
          ['a', 1],
          ['b:1', 2],
          ['b:2', 3],
        ],
        { tags: ['t'] },
      );
      await region.namespace('deep').set('a', 4);
    }
    expect(await short.getMany(['a', 'b:1', 'c'])).toEqual(
      new Map([
        ['a', 1],
        ['b:1', 2],
      ]),
    );
    await short.delete('a');
    await short.invalidatePrefix('b:');
    expect([await short.has('a'), await short.has('b:1'), await long.has('a'), await long.has('b:1')]).toEqual([
      false,
      false,
      true,
      true,
    ]);
    await long.invalidateTags('t');
    expect([await long.has('a'), await long.namespace('deep').has('a')]).toEqual([false, true]);
    await long.clear();
    expect(await short.namespace('deep').get('a')).toBe(4);
    await short.deleteMany(['a']);
    await short.invalidatePattern('*');
    await short.clear();
    expect(memory.size).toBe(0);
  });
});

test('the region memory is in the memory of a cache of several tiers', () => {
  const memory = openCache();
  const tiers = Object.assign(openCache(), { memory });
  const { memory: region } = regions(tiers);
  region.set('k', 1);
  expect([memory.size, tiers.size, region.get('k')]).toEqual([1, 0, 1]);
});

test('what is wrong is refused', () => {
  expectThrow(() => regions(5 as never), 'ERR_TIERCEL_INVALID_ARGUMENT', /^cache: got 5/);
  const cache = openCache();
  expectThrow(() => regions(cache, { shrot: {} } as never), 'ERR_TIERCEL_UNKNOWN_OPTION', /did you mean "short"/);
  expectThrow(() => regions(cache, { short: { tll: 1 } } as never), 'ERR_TIERCEL_UNKNOWN_OPTION', /did you mean "ttl"/);
  expectThrow(() => regions(cache, { short: { ttl: 'x' } }), 'ERR_TIERCEL_INVALID_OPTION', /^short\.ttl: got "x"/);
});
