import { type Bus, type BusListener, type Cache, type Change, memoryBus, memoryRemote } from 'tiercel';
import { deferred, settled } from './support/deferred.js';
import { fleet } from './support/fleet.js';
import { openTiers } from './support/tiers.js';

const changes: [string, (cache: Cache) => Promise<unknown>][] = [
  ['set', (cache) => cache.set('p:k', 2)],
  ['setMany', (cache) => cache.setMany([['p:k', 2]])],
  ['delete', (cache) => cache.delete('p:k')],
  ['deleteMany', (cache) => cache.deleteMany(['p:k', 'other'])],
  ['invalidateTags', (cache) => cache.invalidateTags('t')],
  ['invalidatePrefix', (cache) => cache.invalidatePrefix('p:')],
  ['invalidatePattern', (cache) => cache.invalidatePattern('p:?')],
  ['clear', (cache) => cache.clear()],
  ['expire', (cache) => cache.expire('p:k')],
];

describe.each([true, false])('over the bus (second tier: %s)', (withRemote) => {
  test.each(changes)('others hear of %s, in its namespace', async (name, change) => {
    const { a, b } = await fleet(2, {}, withRemote);
    for (const cache of [a, b]) {
      for (const view of [cache.namespace('x', 'y'), cache.namespace('x'), cache]) {
        view.memory.set('p:k', 1, { tags: ['t'], ttl: 1000, stale: 1000 });
      }
    }
    await change(a.namespace('x'));
    expect(b.memory.namespace('x').get('p:k')).toBeUndefined();
    expect(b.memory.namespace('x').getEntry('p:k')?.stale).toBe(name === 'expire' ? true : undefined);
    expect(b.memory.namespace('x', 'y').get('p:k')).toBe(name === 'clear' ? undefined : 1);
    expect(b.memory.get('p:k')).toBe(1);
    expect(b.stats().heard).toBe(name === 'deleteMany' ? 2 : 1);
    expect(a.stats().heard).toBe(0);
  });

  test.each(changes)('%s voids the loads of others that are in flight', async (_, change) => {
    const { a, b } = await fleet(2, {}, withRemote);
    const gate = deferred<string>();
    const first = b.getOrSet('p:k', () => gate.promise, { tags: ['t'] });
    await settled();
    await change(a);
    const second = b.getOrSet('p:k', () => 'new', { tags: ['t'] });
    gate.resolve('old');
    expect(await first).toBe('old');
    expect(['new', 2]).toContain(await second);
    await settled();
    expect(['new', 2]).toContain(await b.get('p:k'));
  });
});

describe('when a message may be missing', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  test('memory is emptied at the next one', async () => {
    const { a, b, hub } = await fleet(2);
    const doubts = jest.fn();
    b.on('doubt', doubts);
    await a.set('k', 1);
    await b.get('k');
    await b.get('l');
    hub.fault = () => [];
    await a.set('k', 2);
    hub.fault = undefined;
    // Nobody can know yet.
    expect(await b.get('k')).toBe(1);
    await a.set('other', 1);
    expect(doubts).toHaveBeenCalledWith({ state: 'missed', reason: 'a message did not come' });
    expect(b.memory.size).toBe(0);
    expect(await b.get('k')).toBe(2);
  });

  test('and it was the last, memory is emptied with the next sign of life', async () => {
    const { a, b, hub } = await fleet(2);
    await a.set('k', 1);
    await b.get('k');
    hub.fault = () => [];
    await a.set('k', 2);
    hub.fault = undefined;
    await jest.advanceTimersByTimeAsync(2_000);
    expect(await b.get('k')).toBe(2);
    expect(b.health()).toMatchObject({ ok: true, bus: { state: 'live', missed: 1, details: { gaps: 1 } } });
    expect(b.stats().doubts).toBe(1);
    expect(a.stats().doubts).toBe(0);
  });

  test.each(['get', 'getMany', 'has', 'getOrSet'])(
    'a process that was stopped serves nothing by %s before it heard itself again, though no timer ran yet',
    async (how) => {
      const { a, b, hub } = await fleet(2);
      await a.set('k', 1);
      expect(await b.get('k')).toBe(1);
      hub.fault = (_, listener) => (listener === 1 ? [] : [0]);
      await a.delete('k');
      hub.fault = undefined;
      // Until now the bus had reason to think that it hears all.
      expect(await b.get('k')).toBe(1);
      const { now } = performance;
      const stopped = jest.spyOn(performance, 'now').mockImplementation(() => now.call(performance) + 30_000);
      try {
        const reads: Record<string, () => Promise<unknown>> = {
          get: () => b.get('k'),
          getMany: async () => (await b.getMany(['k'])).get('k'),
          has: () => b.has('k'),
          getOrSet: () => b.getOrSet('k', () => 2),
        };
        expect(await reads[how]?.()).toBe({ get: undefined, getMany: undefined, has: false, getOrSet: 2 }[how]);
        expect(b.health()).toMatchObject({ ok: false, bus: { state: 'down', reason: 'no heartbeat came back' } });
        await jest.advanceTimersByTimeAsync(2_000);
        expect(b.health()).toMatchObject({ ok: true, bus: { state: 'live' } });
      } finally {
        stopped.mockRestore();
      }
    },
  );

  test('a sign of life that took too long to come back is none', async () => {
    const { a, b, hub } = await fleet(2);
    hub.fault = (_, listener) => [listener === 1 ? 1_500 : 0];
    await jest.advanceTimersByTimeAsync(20_000);
    expect(a.health().bus?.state).toBe('live');
    expect(b.health().bus).toMatchObject({ state: 'down', reason: 'no heartbeat came back' });
    hub.fault = undefined;
    await jest.advanceTimersByTimeAsync(2_000);
    expect(b.health().bus?.state).toBe('live');
  });

  test('doubled and late ones do no harm', async () => {
    const { a, b, hub } = await fleet(2);
    hub.fault = () => [0, 0, 10];
    await a.set('k', 1);
    expect(await b.get('k')).toBe(1);
    await jest.advanceTimersByTimeAsync(20);
    expect(b.memory.get('k')).toBe(1);
    let late = 30;
    hub.fault = () => {
      late -= 10;
      return [late];
    };
    // The second overtakes the first.
    await a.set('k', 2);
    await a.set('k', 3);
    await jest.advanceTimersByTimeAsync(30);
    expect(await b.get('k')).toBe(3);
    expect(b.health().bus?.missed).toBe(1);
  });

  test('as one cannot be read, memory is emptied', async () => {
    const { b } = await fleet(2);
    let listener: BusListener | undefined;
    const channel: Bus = {
      open: (given) => {
        listener = given;
        given.live();
      },
      publish: async () => undefined,
      close: () => undefined,
    };
    const cache = await openTiers({ bus: channel });
    await cache.set('k', 1);
    listener?.changed([{ kind: 'delete', namespace: ['default'], key: 'x'.repeat(2000) }]);
    expect(await cache.get('k')).toBeUndefined();
    await cache.set('k', 1);
    listener?.changed([{ kind: 'delete', namespace: ['another cache'], key: 'k' }]);
    expect(await cache.get('k')).toBe(1);
    expect(b.closed).toBe(false);
  });

  test('as the connection is cut, memory is not served until it is back, and starts empty then', async () => {
    const { a, b, hub } = await fleet(2);
    await a.set('k', 1);
    expect(await b.get('k')).toBe(1);
    hub.cut(1);
    expect(b.health()).toMatchObject({ ok: false, bus: { state: 'down', reason: 'the connection was cut' } });
    await a.set('k', 2);
    expect(await b.get('k')).toBe(2);
    expect(await b.getOrSet('k', () => 9)).toBe(2);
    await a.set('k', 3);
    expect(await b.get('k')).toBe(3);
    expect(await b.getMany(['k'])).toEqual(new Map([['k', 3]]));
    hub.heal(1);
    expect(b.health()).toMatchObject({ ok: true, bus: { state: 'live' } });
    expect(b.memory.size).toBe(0);
    await a.set('k', 4);
    expect(await b.get('k')).toBe(4);
  });

  test('what was begun to be loaded meanwhile is not for those who ask later: they share one more load', async () => {
    const { a, b, hub } = await fleet(2);
    hub.cut(1);
    let version = 1;
    const gates = [deferred(), deferred()];
    const load = jest.fn(async () => {
      const loaded = version;
      await gates[load.mock.calls.length - 1]?.promise;
      return loaded;
    });
    const first = b.getOrSet('k', load);
    await settled();
    version = 2;
    await a.delete('k');
    const later = [b.getOrSet('k', load), b.getOrSet('k', load), b.getOrSetMany(['k'], async () => new Map())];
    await settled();
    gates[0]?.resolve();
    await settled();
    later.push(b.getOrSet('k', load));
    gates[1]?.resolve();
    expect(await first).toBe(1);
    expect(await Promise.all(later)).toEqual([2, 2, new Map([['k', 2]]), 2]);
    expect(load.mock.calls.length).toBeLessThanOrEqual(3);
  });

  test('as nothing comes any more though the connection looks well, that is noticed within 3 s', async () => {
    const { b, hub } = await fleet(2);
    await b.set('k', 1);
    hub.fault = (_, listener) => (listener === 1 ? [] : [0]);
    await jest.advanceTimersByTimeAsync(3_000);
    expect(b.health().bus).toMatchObject({ state: 'down', reason: 'no heartbeat came back' });
    hub.fault = undefined;
    await jest.advanceTimersByTimeAsync(2_000);
    expect(b.health().bus?.state).toBe('live');
  });

  test('as nothing comes any more, that is noticed though signs of life are sent more often than waited for', async () => {
    const hub = memoryBus({ heartbeat: 100, patience: 1_000 });
    const cache = await openTiers({ bus: hub.connect() });
    expect(cache.health().bus?.state).toBe('live');
    hub.fault = () => [];
    await jest.advanceTimersByTimeAsync(1_100);
    expect(cache.health().bus).toMatchObject({ state: 'down', reason: 'no heartbeat came back' });
    hub.fault = undefined;
    await jest.advanceTimersByTimeAsync(100);
    expect(cache.health().bus?.state).toBe('live');
  });

  test('nor could be sent: the change is pending, and is sent when that is possible again', async () => {
    const { a, b, hub, clock } = await fleet(2);
    await a.set('k', 1);
    expect(await b.get('k')).toBe(1);
    hub.cut(0);
    expect(await a.invalidateKeys('k')).toEqual({ removed: 1, pending: true });
    expect(await b.get('k')).toBe(1);
    hub.heal(0);
    clock.advance(5_000);
    await jest.advanceTimersByTimeAsync(5_000);
    expect(a.health()).toMatchObject({ ok: true, pending: { changes: 0, replayed: 1 } });
    expect(await b.get('k')).toBeUndefined();
  });

  test('and a value that is replayed meanwhile is taken away again, whichever came first to the second tier', async () => {
    const { a, b, remote } = await fleet(2);
    remote.fault = (operation) => (operation === 'write' ? { error: new Error('down') } : undefined);
    await a.set('k', 'old');
    expect(a.health().pending.changes).toBe(1);
    const gate = deferred();
    remote.fault = (operation) => (operation === 'write' ? { before: gate.promise } : undefined);
    const replaying = a.acknowledged();
    // Heard of here before the value that is on its way has arrived.
    expect(await b.invalidateKeys('k')).toMatchObject({ pending: false });
    gate.resolve();
    expect(await replaying).toBe(true);
    expect(await b.get('k')).toBeUndefined();
    expect(remote.size).toBe(0);
  });

  test('nor could be sent: health says so also while a newer change of the key is on its way', async () => {
    const { a, b, hub, remote, clock } = await fleet(2);
    const gate = deferred();
    remote.fault = (operation) => (operation === 'change' ? { after: gate.promise } : undefined);
    hub.cut(0);
    const setting = a.set('k', 1);
    const deleting = a.invalidateKeys('k');
    await setting;
    expect(a.health()).toMatchObject({ ok: false, pending: { changes: 1 } });
    gate.resolve();
    expect(await deleting).toMatchObject({ pending: true });
    expect(a.health()).toMatchObject({ ok: false, pending: { changes: 1 } });
    hub.heal(0);
    clock.advance(5_000);
    await jest.advanceTimersByTimeAsync(5_000);
    expect(a.health()).toMatchObject({ ok: true, pending: { changes: 0 } });
    expect(await b.get('k')).toBeUndefined();
  });

  test('nor could be sent: a newer change of the key that everybody heard of settles it', async () => {
    const { a, hub, remote } = await fleet(2);
    const gate = deferred();
    remote.fault = (operation) => (operation === 'change' ? { after: gate.promise } : undefined);
    hub.cut(0);
    const setting = a.set('k', 1);
    const deleting = a.invalidateKeys('k');
    await setting;
    hub.heal(0);
    gate.resolve();
    expect(await deleting).toMatchObject({ pending: false });
    expect(a.health().pending).toMatchObject({ changes: 0, queued: 1 });
  });

  const ofMany: [string, (cache: Cache) => Promise<unknown>][] = [
    ['invalidateTags', (cache) => cache.invalidateTags('t')],
    ['invalidatePrefix', (cache) => cache.invalidatePrefix('p:')],
    ['invalidatePattern', (cache) => cache.invalidatePattern('p:?')],
    ['clear', (cache) => cache.clear()],
  ];
  test.each(ofMany)('nor could be sent: %s made twice reaches the second tier twice', async (_, change) => {
    const { a, b, hub, remote, clock } = await fleet(2);
    const [first, second] = [deferred(), deferred()];
    const gates = [first, undefined, second];
    remote.fault = (operation) => {
      const gate = operation === 'change' ? gates.shift() : undefined;
      return gate && { after: gate.promise };
    };
    const once = change(a);
    hub.cut(0);
    // It waits to be heard, and what comes after it waits as well.
    await a.invalidateKeys('other');
    const waiting = a.invalidateTags('other');
    await b.set('p:k', 1, { tags: ['t'] });
    const twice = change(a);
    first.resolve();
    await once;
    second.resolve();
    await Promise.all([waiting, twice]);
    hub.heal(0);
    clock.advance(5_000);
    await jest.advanceTimersByTimeAsync(5_000);
    expect(a.health()).toMatchObject({ ok: true, pending: { changes: 0 } });
    expect([await a.get('p:k'), await b.get('p:k')]).toEqual([undefined, undefined]);
  });

  test("onDoubt 'revalidate' keeps what is there for those whose load fails", async () => {
    const { b, hub } = await fleet(2, { onDoubt: 'revalidate' }, false);
    await b.set('k', 1, { ttl: '1h' });
    hub.cut(1);
    const fail = () => Promise.reject(new Error('no'));
    await expect(b.getOrSet('k', fail)).rejects.toThrow('no');
    expect(await b.get('k')).toBeUndefined();
    expect(await b.getOrSet('k', fail, { grace: '1h' })).toBe(1);
    expect(await b.getOrSet('k', () => 2, { grace: '1h' })).toBe(2);
    hub.heal(1);
    expect(b.memory.size).toBe(0);
  });

  test('a cache whose bus cannot be opened in time does not serve memory, and is made all the same', async () => {
    const bus: Bus = {
      open: () => new Promise<void>(() => undefined),
      publish: async () => undefined,
      close: () => new Promise<void>(() => undefined),
    };
    const opening = openTiers({ bus });
    await jest.advanceTimersByTimeAsync(100);
    const cache = await opening;
    expect(await cache.getOrSet('k', () => 1)).toBe(1);
    expect(await cache.getOrSet('k', () => 2)).toBe(2);
    expect(cache.health()).toMatchObject({ ok: false, bus: { state: 'down' } });
    const closing = cache.close();
    await jest.advanceTimersByTimeAsync(100);
    await closing;
    expect(jest.getTimerCount()).toBe(0);
  });
});

test('changes from outside that make no sense are no changes, but something was missed', async () => {
  const hub = memoryBus();
  const bus = hub.connect();
  const heard: Change[] = [];
  const missed = jest.fn();
  await bus.open({ changed: (list) => heard.push(...list), live: () => undefined, missed, down: () => undefined });
  const texts = ['', 'null', '{}', '[]', '{"from":1}', '{"from":"x","sequence":1,"changes":[{"kind":"delete"}]}'];
  for (const text of texts) hub.broadcast(text);
  expect(heard).toEqual([]);
  expect(missed).toHaveBeenCalledTimes(texts.length);
  await bus.close();
});

test('the clock of the wall of each cache may step by an hour, either way, and nothing changes', async () => {
  const remote = memoryRemote();
  const hub = memoryBus();
  // With the clocks that they have by default.
  const open = () => openTiers<number>({ remote, bus: hub.connect() });
  const [a, b] = [await open(), await open()];
  const real = Date.now();
  const wall = jest.spyOn(Date, 'now');
  try {
    let version = 0;
    for (const [first, second] of [
      [3_600_000, -3_600_000],
      [-3_600_000, 3_600_000],
      [0, 1e12],
    ] as const) {
      const at = async <T>(step: number, action: () => Promise<T>) => {
        wall.mockReturnValue(real + step);
        return action();
      };
      await at(first, () => a.set('k', ++version, { ttl: '30m', tags: ['t'] }));
      expect(await at(second, () => b.get('k'))).toBe(version);
      expect(b.memory.ttl('k')).toBeGreaterThan(29 * 60_000);
      // In one millisecond of the wall, before and after a step.
      await at(second, () => b.invalidateTags('t'));
      expect(await at(first, () => a.get('k'))).toBeUndefined();
      expect(await at(first, () => a.getOrSet('k', () => ++version, { ttl: '30m', tags: ['t'] }))).toBe(version);
      await settled();
      expect(await at(second, () => b.get('k'))).toBe(version);
      b.memory.clear();
      expect(await at(-second, () => b.get('k'))).toBe(version);
    }
  } finally {
    wall.mockRestore();
  }
});
