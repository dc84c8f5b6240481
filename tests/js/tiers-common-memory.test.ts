import { type Cache, type Invalidation, MemoryCache, memoryBus, memoryRemote } from 'tiercel';
import { deferred, settled } from './support/deferred.js';
import { openTiers } from './support/tiers.js';

/** Two caches with a second tier and buses of their own in front of one memory, as threads have that share one. */
async function two() {
  const hub = memoryBus();
  const remote = memoryRemote();
  const memory = MemoryCache.createSync();
  const [a, b] = [
    await openTiers({ memory, remote, bus: hub.connect() }),
    await openTiers({ memory, remote, bus: hub.connect() }),
  ];
  return { hub, remote, a, b };
}

const changes: [string, (cache: Cache) => Promise<Invalidation | boolean>][] = [
  ['set', (cache) => cache.set('p:k', 'new')],
  ['delete', (cache) => cache.delete('p:k')],
  ['invalidateKeys', (cache) => cache.invalidateKeys('p:k')],
  ['invalidateTags', (cache) => cache.invalidateTags('t')],
  ['invalidatePrefix', (cache) => cache.invalidatePrefix('p:')],
  ['invalidatePattern', (cache) => cache.invalidatePattern('p:?')],
];

describe('caches that have one memory', () => {
  test.each(changes)(
    'do not bring back what %s of another has not brought to the second tier yet',
    async (_, change) => {
      for (const loads of ['before', 'until after']) {
        const { hub, remote, a, b } = await two();
        await a.getOrSet('p:k', () => 'old', { tags: ['t'] });
        await settled();
        // So that it trusts the second tier alone, and does not hear of the change either.
        hub.cut(1);
        const arrival = deferred<void>();
        const answer = deferred<void>();
        remote.fault = (operation) =>
          operation === 'read' ? { after: loads === 'before' ? 0 : answer.promise } : { before: arrival.promise };
        const changing = change(a);
        await settled();
        const reading = b.getOrSet('p:k', () => 'new', { tags: ['t'] });
        await settled();
        arrival.resolve();
        await changing;
        answer.resolve();
        await reading;
        remote.fault = undefined;
        await settled();
        expect(await a.getOrSet('p:k', () => 'new', { tags: ['t'] })).toBe('new');
      }
    },
  );

  test('keeps what was set as long as only one of them is open', async () => {
    const { a, b } = await two();
    await b.close();
    await a.set('k', 1);
    expect(a.memory.get('k')).toBe(1);
  });
});
