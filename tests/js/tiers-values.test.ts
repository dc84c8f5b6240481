import { type Cache, type CacheOptions, MemoryCache, memoryBus, memoryRemote } from 'tiercel';
import { FakeClock } from './support/clock.js';
import { deferred, settled } from './support/deferred.js';
import { openTiers } from './support/tiers.js';

/** Three caches whose values go with their messages, and that each know where the second tier is. */
async function fleet(options: CacheOptions = {}) {
  const clock = new FakeClock();
  const hub = memoryBus();
  const remote = memoryRemote(clock.now);
  const caches: Cache[] = [];
  for (let i = 0; i < 3; i++) {
    const cache = await openTiers({ bus: hub.connect(), remote, now: clock.now, publishValue: true, ...options });
    await cache.get('not there');
    caches.push(cache);
  }
  remote.calls.read = 0;
  const [a, b, c] = caches as [Cache, Cache, Cache];
  /** Messages that one sends from now on come to another when that is called. */
  const hold = (from: number, to: number) => {
    const gate = deferred();
    let sender: string | undefined;
    const before = hub.fault;
    hub.fault = (text, listener) => {
      const message = JSON.parse(text) as { from: string; changes: unknown[] };
      if (listener !== to || message.changes.length === 0) return before?.(text, listener) ?? [0];
      sender ??= from === to ? undefined : message.from;
      return message.from === sender ? [gate.promise] : (before?.(text, listener) ?? [0]);
    };
    return async () => {
      gate.resolve();
      await settled();
    };
  };
  return { clock, hub, remote, a, b, c, hold };
}

const user = { name: 'Ada', roles: ['a', 'b'] };

describe('a value that goes with the message', () => {
  test('is in the memory of the others, with all that is known of it, and nobody was asked', async () => {
    const { a, b, remote, clock } = await fleet();
    await a.set('k', user, { ttl: 5_000, stale: 1_000, tags: ['t'] });
    expect(b.memory.get('k')).toEqual(user);
    expect(b.memory.getEntry('k')).toMatchObject({ tags: ['t'], stale: false });
    expect(await b.getOrSet('k', () => 'no')).toEqual(user);
    expect(remote.calls.read).toBe(0);
    expect(b.stats()).toMatchObject({ valuesTaken: 1, valuesRefused: 0, heard: 1 });
    clock.advance(5_500);
    expect(b.memory.getEntry('k')).toMatchObject({ stale: true });
    await a.invalidateTags('t');
    expect(b.memory.getEntry('k')).toBeUndefined();
  });

  test('is that of a load as well, unless that is not wanted', async () => {
    for (const loads of [true, false]) {
      const { a, b } = await fleet({ publishValue: { loads } });
      await a.getOrSet('k', ({ setValidators }) => {
        setValidators({ etag: 'x' });
        return user;
      });
      await settled();
      expect(b.memory.get('k')).toEqual(loads ? user : undefined);
      expect(b.stats().heard).toBe(loads ? 1 : 0);
      let etag: unknown;
      if (loads)
        await b.getOrSet(
          'k',
          (context) => {
            etag = context.stale?.etag;
            return context.notModified();
          },
          { forceRefresh: true },
        );
      expect(etag).toBe(loads ? 'x' : undefined);
    }
  });

  test('is in the namespace that it was set in', async () => {
    const { a, b } = await fleet();
    await a.namespace('x', 'y').set('k', 1);
    expect(b.memory.get('k')).toBeUndefined();
    expect(b.memory.namespace('x', 'y').get('k')).toBe(1);
  });

  test('is not taken by a cache that is another part of the memory', async () => {
    const { a, hub, remote } = await fleet();
    const part = await openTiers({ bus: hub.connect(), remote, publishValue: true, namespace: ['x'] });
    await part.get('not there');
    await a.set('k', 1);
    await a.namespace('x').set('k', 2);
    expect(part.memory.get('k')).toBe(2);
    expect(part.memory.size).toBe(1);
    expect(part.stats()).toMatchObject({ valuesTaken: 1, valuesRefused: 1 });
  });

  test.each<[string, unknown, object]>([
    ['is what JSON would change', new Date(0), {}],
    ['is an instance of a class', new (class User {})(), {}],
    ['was made from others', 1, { dependsOn: ['other'] }],
    ['is too large', 'x'.repeat(17_000), {}],
    ['is too large in UTF-8', 'ä'.repeat(9_000), {}],
  ])('is not there if it %s; then the others forget theirs', async (_, value, options) => {
    const { a, b } = await fleet();
    await a.set('k', 'old');
    expect(b.memory.get('k')).toBe('old');
    await a.set('k', value, options).catch(() => undefined);
    expect(b.memory.get('k')).toBeUndefined();
    expect(b.stats().valuesRefused).toBe(0);
  });

  test('takes with others of its message no more than the bound', async () => {
    const { a, b } = await fleet({ publishValue: { maxBytes: 1_000 } });
    await a.setMany(Array.from({ length: 50 }, (_, i) => [`k${i}`, 'x'.repeat(98)] as const));
    expect(b.memory.size).toBe(10);
    expect(b.stats()).toMatchObject({ heard: 50, valuesTaken: 10 });
  });

  test('is refused by a memory that does not take it, which harms nothing', async () => {
    const { a, hub, remote } = await fleet();
    const memory = { maxBytes: 4_000 };
    const small = await openTiers({ bus: hub.connect(), remote, publishValue: true, memory });
    await small.get('not there');
    await a.set('k', 'x'.repeat(15_000));
    expect(small.memory.get('k')).toBeUndefined();
    expect(small.health().bus).toMatchObject({ state: 'live', missed: 0 });
    expect(await small.get('k')).toBe('x'.repeat(15_000));
  });
});

describe('a value is not taken', () => {
  const later: [string, (cache: Cache) => Promise<unknown>][] = [
    ['set', (cache) => cache.set('p:k', 'new')],
    ['delete', (cache) => cache.delete('p:k')],
    ['expire', (cache) => cache.expire('p:k')],
    ['invalidateTags', (cache) => cache.invalidateTags('t')],
    ['invalidatePrefix', (cache) => cache.invalidatePrefix('p:')],
    ['invalidatePattern', (cache) => cache.invalidatePattern('*k')],
    ['clear', (cache) => cache.clear()],
  ];

  test.each(later)('that a later %s of another has overtaken on the way', async (_, change) => {
    const { a, b, c, hold } = await fleet();
    const release = hold(0, 1);
    await a.set('p:k', 'old', { tags: ['t'] });
    await change(c);
    await release();
    expect(b.memory.get('p:k')).not.toBe('old');
    expect(b.stats().valuesRefused).toBe(1);
  });

  test.each(later)(
    'that a later %s of its own has overtaken, while that is on its way and after',
    async (_, change) => {
      for (const isDone of [false, true]) {
        const { a, b, remote, hold } = await fleet();
        const release = hold(0, 1);
        await a.set('p:k', 'old', { tags: ['t'] });
        const gate = deferred();
        if (!isDone) remote.fault = () => ({ after: gate.promise });
        const changing = change(b);
        if (isDone) await changing;
        await release();
        expect(b.memory.get('p:k')).not.toBe('old');
        gate.resolve();
        await changing;
        expect(b.memory.get('p:k')).not.toBe('old');
      }
    },
  );

  test('that is older than what the second tier answered meanwhile', async () => {
    const { a, b, c, hold } = await fleet({ publishValue: { loads: false } });
    const release = hold(0, 1);
    await a.set('k', 'old');
    const silent = hold(2, 1);
    await c.set('k', 'new');
    expect(await b.get('k')).toBe('new');
    await release();
    expect(b.memory.get('k')).toBeUndefined();
    expect(await b.get('k')).toBe('new');
    await silent();
    expect(await b.get('k')).toBe('new');
  });

  test('while the answer of the second tier is on its way', async () => {
    const { a, b, remote } = await fleet();
    const gate = deferred();
    remote.fault = (operation) => (operation === 'read' ? { after: gate.promise } : undefined);
    const reading = b.get('k');
    await settled();
    await a.set('k', 1);
    expect(b.memory.get('k')).toBeUndefined();
    gate.resolve();
    await reading;
    await a.set('k', 2);
    expect(b.memory.get('k')).toBe(2);
  });

  test('after a message was missed, until the second tier has answered once', async () => {
    const { a, b, hub } = await fleet();
    hub.fault = () => [];
    await a.set('k', 1);
    hub.fault = undefined;
    await a.set('l', 2);
    await a.set('m', 3);
    expect(b.memory.size).toBe(0);
    await b.get('not there');
    await a.set('n', 4);
    expect(b.memory.get('n')).toBe(4);
  });

  test('after a change of which nobody knows when it was, until the second tier has answered once', async () => {
    const { a, b, c, hub, remote } = await fleet();
    const plain = await openTiers({ bus: hub.connect(), remote });
    await plain.set('other', 1);
    await a.set('k', 1);
    expect(b.memory.get('k')).toBeUndefined();
    await b.get('not there');
    await c.set('k', 2);
    expect(b.memory.get('k')).toBe(2);
  });

  test('that is of before the second tier forgot everything', async () => {
    const { a, b, c, remote, hold } = await fleet();
    const release = hold(0, 1);
    await a.set('k', 'old');
    remote.wipe();
    await c.delete('k');
    await b.get('not there');
    await release();
    expect(b.memory.get('k')).toBeUndefined();
    await b.get('not there');
    await b.get('not there');
    await c.set('k', 'new');
    expect(b.memory.get('k')).toBe('new');
  });

  test('while the bus is not live', async () => {
    const { a, b, hub } = await fleet();
    hub.cut(1);
    await a.set('k', 1);
    hub.heal(1);
    // The next message tells that there was another.
    await a.set('m', 1);
    await b.get('not there');
    expect(b.health().bus?.state).toBe('live');
    await a.set('l', 2);
    expect(b.memory.get('l')).toBe(2);
    expect(b.memory.get('k')).toBeUndefined();
  });

  test('that may have been on its way for longer than its ttl, and what is taken is fresh for that much less', async () => {
    const { a, b } = await fleet();
    const { now } = performance;
    const late = jest.spyOn(performance, 'now').mockImplementation(() => now.call(performance) + 1_500);
    try {
      await a.set('k', 1, { ttl: 1_500 });
      expect(b.memory.get('k')).toBeUndefined();
      await a.set('k', 2, { ttl: 2_500 });
      expect(b.memory.get('k')).toBe(2);
      expect(b.memory.getEntry('k')?.ttl).toBeLessThanOrEqual(1_000);
      await a.set('k', 3, { ttl: 0 });
      expect(b.memory.get('k')).toBe(3);
    } finally {
      late.mockRestore();
    }
  });

  test('from a message that makes no sense, which is told without', async () => {
    const { a, b, hub } = await fleet();
    await a.set('k', 'old');
    const epoch = 'x';
    let sequence = 0;
    const value = { json: '1', ttl: 0, stale: 0, tags: [] };
    for (const carried of [
      1,
      { point: { epoch, at: 'soon' }, values: [value] },
      { point: { epoch, at: 1e9 }, values: [] },
      { point: { epoch, at: 1e9 }, values: [{ ...value, ttl: -1 }] },
      { point: { epoch, at: 1e9 }, values: [{ ...value, json: 1 }] },
      { point: { epoch, at: 1e9 }, values: [{ ...value, json: '{' }] },
    ]) {
      const changes = [{ kind: 'set', namespace: ['default'], key: 'k' }];
      hub.broadcast(JSON.stringify({ from: 'somebody', sequence: ++sequence, changes, carried }));
      expect(b.memory.get('k')).toBeUndefined();
    }
    expect(b.health().bus).toMatchObject({ state: 'live', missed: 0 });
  });
});

test('a message is of so many changes at most', async () => {
  const { a, b, hub } = await fleet();
  const counts: number[] = [];
  hub.fault = (text, listener) => {
    if (listener === 1) counts.push((JSON.parse(text) as { changes: unknown[] }).changes.length);
    return [0];
  };
  await a.deleteMany(Array.from({ length: 600 }, (_, i) => `k${i}`));
  expect(counts).toEqual([256, 256, 88]);
  expect(b.stats().heard).toBe(600);
});

test.each<[object, string]>([
  [{ publishValue: true }, 'publishValue'],
  [{ publishValue: 1, bus: memoryBus().connect(), remote: memoryRemote() }, 'publishValue'],
  [{ publishValue: { maxBytes: 0 }, bus: memoryBus().connect(), remote: memoryRemote() }, 'publishValue.maxBytes'],
  [{ publishValue: { maxBytes: '2mb' }, bus: memoryBus().connect(), remote: memoryRemote() }, 'publishValue.maxBytes'],
])('options that mean nothing are refused: %j', async (options, name) => {
  await expect(openTiers(options as CacheOptions)).rejects.toMatchObject({
    code: 'ERR_TIERCEL_INVALID_OPTION',
    message: expect.stringContaining(name),
  });
});

test('a cache whose memory is that of another as well takes no values', async () => {
  const { a, hub, remote } = await fleet();
  const memory = MemoryCache.createSync();
  const caches = await Promise.all(
    [1, 2].map(() => openTiers({ memory, bus: hub.connect(), remote, publishValue: true })),
  );
  for (const cache of caches) await cache.get('not there');
  await a.set('k', 1);
  expect(memory.get('k')).toBeUndefined();
  expect(caches.map((cache) => cache.stats().valuesRefused)).toEqual([1, 1]);
  for (const cache of caches) await cache.close();
  memory.close();
});
