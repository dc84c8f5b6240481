import { fleet } from './support/fleet.js';

describe('what was set while the second tier was away', () => {
  beforeEach(() => {
    jest.useFakeTimers();
    // Nothing is tried before its time.
    jest.spyOn(Math, 'random').mockReturnValue(0);
  });
  afterEach(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  async function withPendingSet() {
    const tiers = await fleet(2);
    const { a, remote, clock } = tiers;
    remote.fault = () => ({ error: new Error('down') });
    await a.set('k', 'set while away', { ttl: 60_000, tags: ['t'] });
    remote.fault = undefined;
    const recover = () => {
      clock.advance(5_000);
      return jest.advanceTimersByTimeAsync(5_000);
    };
    return { ...tiers, recover };
  }

  test('is there when it is back, for the others as well, as long as it would have been', async () => {
    const { b, recover } = await withPendingSet();
    await recover();
    expect(await b.get('k')).toBe('set while away');
    expect(b.memory.ttl('k')).toBe(55_000);
    expect(b.memory.tagsOf('k')).toEqual(['t']);
  });

  test('is not if it was invalidated, or expired, or the bus was away meanwhile: then nothing is', async () => {
    const meanwhile: ((tiers: Awaited<ReturnType<typeof withPendingSet>>) => unknown)[] = [
      ({ a }) => void a.invalidateTags('t'),
      ({ a }) => void a.memory.delete('k'),
      ({ clock }) => clock.advance(60_000),
      ({ hub }) => {
        hub.cut(0);
        hub.heal(0);
      },
    ];
    for (const happens of meanwhile) {
      const tiers = await withPendingSet();
      happens(tiers);
      await tiers.recover();
      expect(await tiers.b.get('k')).toBeUndefined();
      expect(tiers.a.health().pending.changes).toBe(0);
    }
  });

  test('is not if it depends on other keys, which memory could not tell any more', async () => {
    const { a, b, remote, recover } = await withPendingSet();
    await recover();
    remote.fault = () => ({ error: new Error('down') });
    await a.set('page', 1, { dependsOn: ['k'] });
    remote.fault = undefined;
    await recover();
    expect(a.health().pending.changes).toBe(0);
    expect(await b.get('page')).toBeUndefined();
  });

  test('goes again if it turns out that another cache changed it before', async () => {
    const { a, b, hub, clock } = await withPendingSet();
    clock.advance(5_000);
    await jest.advanceTimersByTimeAsync(4_900);
    // Its message is late: by then the older value has been made up for.
    hub.fault = (text) => (text.includes('"delete"') ? [1_000] : [0]);
    await b.delete('k');
    await jest.advanceTimersByTimeAsync(200);
    expect(await b.get('k')).toBe('set while away');
    await jest.advanceTimersByTimeAsync(1_000);
    expect(await b.get('k')).toBeUndefined();
    expect(await a.get('k')).toBeUndefined();
  });
});
