// What was measured to go wrong in other caches, each as it was measured.
import { type LoadContext, memoryBus, memoryRemote } from 'tiercel';
import { FakeClock } from './support/clock.js';
import { settled } from './support/deferred.js';
import { openTiers } from './support/tiers.js';

describe('of the defects of other caches there is none', () => {
  test('1. 50 who ask for what fails: one call; those who come 3 ms apart for what takes 10 ms: one at a time', async () => {
    jest.useFakeTimers();
    const cache = await openTiers();
    let running = 0;
    let most = 0;
    const failing = jest.fn(async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 10));
      running--;
      throw new Error('no');
    });
    const together = Promise.allSettled(Array.from({ length: 50 }, () => cache.getOrSet('k', failing)));
    await jest.advanceTimersByTimeAsync(10);
    expect((await together).every(({ status }) => status === 'rejected')).toBe(true);
    expect(failing).toHaveBeenCalledTimes(1);
    const apart: Promise<unknown>[] = [];
    for (let i = 0; i < 50; i++) {
      apart.push(cache.getOrSet('k', failing).catch(() => undefined));
      await jest.advanceTimersByTimeAsync(3);
    }
    await jest.advanceTimersByTimeAsync(20);
    await Promise.all(apart);
    expect(most).toBe(1);
    jest.useRealTimers();
  });

  test('2. 50 who ask for what is skipped: one call', async () => {
    const cache = await openTiers();
    const skipping = jest.fn(async ({ skip }: LoadContext) => {
      skip();
      await settled();
      return 1;
    });
    const results = await Promise.all(Array.from({ length: 50 }, () => cache.getOrSet('k', skipping)));
    expect(results).toEqual(new Array(50).fill(1));
    expect(skipping).toHaveBeenCalledTimes(1);
  });

  test('3. a ttl of 10 s and a grace of 100 ms: the entry is fresh after 200 ms', async () => {
    const clock = new FakeClock();
    const cache = await openTiers({ now: clock.now });
    await cache.set('k', 1, { ttl: '10s', grace: '100ms' });
    clock.advance(200);
    expect(await cache.get('k')).toBe(1);
    clock.advance(9_799);
    expect(await cache.get('k')).toBe(1);
  });

  test('4. tags that a loader sets: the entry goes with them', async () => {
    const cache = await openTiers({ remote: memoryRemote() });
    const loader = ({ setTags }: LoadContext) => {
      setTags('t');
      return 1;
    };
    await cache.getOrSet('k', loader);
    await settled();
    await cache.invalidateTags('t');
    expect(await cache.get('k')).toBeUndefined();
  });

  test('5. a tag invalidated and the value set, in the same millisecond: the value is there, 100,000 times', async () => {
    const clock = new FakeClock();
    const cache = await openTiers<number>({ now: clock.now });
    let lost = 0;
    for (let i = 0; i < 100_000; i++) {
      void cache.invalidateTags('t');
      void cache.set('k', i, { tags: ['t'] });
      if (cache.memory.get('k') !== i) lost++;
      if (i % 1_000 === 0) await settled();
    }
    expect(lost).toBe(0);
    const shared = await openTiers<number>({
      now: clock.now,
      remote: memoryRemote(clock.now),
      bus: memoryBus().connect(),
    });
    for (let i = 0; i < 2_000; i++) {
      await shared.invalidateTags('t');
      await shared.set('k', i, { tags: ['t'] });
      if ((await shared.get('k')) !== i) lost++;
      shared.memory.clear();
      if ((await shared.get('k')) !== i) lost++;
    }
    expect(lost).toBe(0);
  });

  async function twoOnABus() {
    const clock = new FakeClock();
    const remote = memoryRemote(clock.now);
    const hub = memoryBus();
    const open = () => openTiers({ remote, bus: hub.connect(), now: clock.now });
    return { clock, remote, hub, a: await open(), b: await open() };
  }

  test('6. the second tier is away during a write: all have the new value when it is back', async () => {
    jest.useFakeTimers();
    const { clock, remote, a, b } = await twoOnABus();
    await a.set('k', 'v1');
    expect(await b.get('k')).toBe('v1');
    remote.fault = () => ({ error: new Error('down') });
    await a.set('k', 'v2');
    remote.fault = undefined;
    clock.advance(5_000);
    await jest.advanceTimersByTimeAsync(5_000);
    expect([await a.get('k'), await b.get('k')]).toEqual(['v2', 'v2']);
    a.memory.clear();
    expect(await a.get('k')).toBe('v2');
    jest.useRealTimers();
  });

  test('7. the connections of the bus are dropped during a write: nobody is left with the old value', async () => {
    const { hub, a, b } = await twoOnABus();
    await a.set('k', 'v1');
    expect(await b.get('k')).toBe('v1');
    hub.cut(0);
    hub.cut(1);
    await a.set('k', 'v2');
    hub.heal(0);
    hub.heal(1);
    expect([await a.get('k'), await b.get('k')]).toEqual(['v2', 'v2']);
  });

  test('8. a refresh behind the back of the caller: the loader knows the value that it replaces', async () => {
    const clock = new FakeClock();
    const cache = await openTiers<number>({ now: clock.now });
    await cache.set('k', 1, { ttl: 10, stale: 100 });
    clock.advance(20);
    const seen = jest.fn();
    const loader = ({ stale }: LoadContext<number>) => {
      seen(stale);
      return 2;
    };
    await cache.getOrSet('k', loader, { stale: 100 });
    expect(seen).toHaveBeenCalledWith({ value: 1 });
  });

  test('9. what a loader throws is what the caller gets', async () => {
    const cache = await openTiers({ remote: memoryRemote() });
    const reason = new Error('no');
    await expect(
      cache.getOrSet('k', () => {
        throw reason;
      }),
    ).rejects.toBe(reason);
  });

  test('10. one cache is cleared: the others are empty as well', async () => {
    const { a, b } = await twoOnABus();
    await a.set('k', 1);
    expect(await b.get('k')).toBe(1);
    await a.clear();
    expect(await b.get('k')).toBeUndefined();
  });

  test('11. 100 hits of tagged values: the second tier is not read', async () => {
    const { remote, a } = await twoOnABus();
    await a.set('k', 1, { tags: ['t', 'u'] });
    for (let i = 0; i < 100; i++) await a.getOrSet('k', () => 2, { tags: ['t', 'u'] });
    expect(remote.calls.read).toBe(0);
  });

  test('12. a key that only the second tier has is found', async () => {
    const { a, b } = await twoOnABus();
    await a.set('k', 1);
    expect(await b.get('k')).toBe(1);
    expect(await b.has('k')).toBe(true);
  });

  test('13. what is evicted leaves nothing behind: 10 of 100,000 keys with tags', async () => {
    const cache = await openTiers({ memory: { maxEntries: 10 } });
    for (let i = 0; i < 100_000; i += 1_000) {
      const pairs = Array.from({ length: 1_000 }, (_, j): [string, number] => [`k${i + j}`, j]);
      await cache.setMany(pairs, { tags: [`t${i}`], ttl: '1h' });
    }
    expect(cache.stats()).toMatchObject({ entries: 10, pendingReclaim: 0, timed: 10 });
    expect(cache.stats().scopes).toBeLessThan(100);
    expect(cache.stats().bytes).toBeLessThan(2_000);
  });
});
