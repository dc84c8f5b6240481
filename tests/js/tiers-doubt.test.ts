import { memoryBus, memoryRemote } from 'tiercel';
import { FakeClock } from './support/clock.js';
import { type Deferred, deferred, settled } from './support/deferred.js';
import { openTiers } from './support/tiers.js';

/*
 * A cache whose bus is down does not hear of invalidations: what a load found before somebody asked may have been
 * invalidated since, and all may know of that.
 */

const STALE = { stale: 30 };

/** A cache in doubt, and a load of `k` there: it has found what went stale in the second tier, and asks its source. */
async function loadInDoubt() {
  const clock = new FakeClock();
  const remote = memoryRemote(clock.now);
  const hub = memoryBus({ heartbeat: '1h', patience: '1h' });
  const options = { remote, now: clock.now, remoteTimeout: '1h' } as const;
  const cache = await openTiers<string>({ ...options, bus: hub.connect(), memory: { now: clock.now } });
  const other = await openTiers<string>({ ...options, bus: hub.connect(), memory: { now: clock.now } });
  hub.cut(0);
  await settled();
  expect(cache.health().bus?.state).toBe('down');
  await other.set('k', 'old', { ttl: 20, stale: 30 });
  clock.advance(22);
  const source = deferred<string>();
  const first = cache.getOrSet('k', () => source.promise, { ...STALE, grace: 30 });
  await settled();
  return { cache, other, source, first, clock };
}

async function invalidate({ other }: Awaited<ReturnType<typeof loadInDoubt>>): Promise<void> {
  expect(await other.invalidateKeys('k')).toMatchObject({ pending: false });
}

/** Ways in which the load that was there before comes to an end. */
const ends: [string, (source: Deferred<string>) => void][] = [
  ['brings what is out of date', (source) => source.resolve('old')],
  ['fails', (source) => source.reject(new Error('the source failed'))],
];

test('whoever asked before has the stale value at once', async () => {
  const { first, source } = await loadInDoubt();
  expect(await first).toBe('old');
  source.resolve('new');
});

describe.each(ends)('a load in doubt that began before an invalidation and %s', (_, end) => {
  test('gives a later caller nothing stale', async () => {
    const begun = await loadInDoubt();
    await invalidate(begun);
    const later = begun.cache.getOrSet('k', () => 'new', STALE);
    await settled();
    end(begun.source);
    expect(await later).toBe('new');
    expect(await begun.first).toBe('old');
  });

  test('nor if the later load fails as well', async () => {
    const begun = await loadInDoubt();
    await invalidate(begun);
    const failing = () => Promise.reject(new Error('it fails'));
    const later = begun.cache.getOrSet('k', failing, { ...STALE, grace: 30, softTimeout: 5 });
    const rejected = expect(later).rejects.toThrow('it fails');
    await settled();
    end(begun.source);
    await rejected;
  });
});

test('what the second tier has, asked in doubt, is there for a load that fails', async () => {
  const { cache, source, first } = await loadInDoubt();
  source.reject(new Error('it fails'));
  await first;
  const failing = () => Promise.reject(new Error('it fails'));
  expect(await cache.getOrSet('k', failing, { grace: 30, graceBackoff: 0 })).toBe('old');
});

test('what memory has, of which nobody knows whether it was invalidated, is not', async () => {
  const { cache, other, source, first, clock } = await loadInDoubt();
  source.resolve('new');
  await first;
  await settled();
  clock.advance(5);
  await cache.set('k', 'newest', { ttl: 1, stale: 60 });
  await invalidate({ cache, other, source, first, clock });
  clock.advance(5);
  const failing = () => Promise.reject(new Error('it fails'));
  await expect(cache.getOrSet('k', failing, { grace: 30 })).rejects.toThrow('it fails');
});
