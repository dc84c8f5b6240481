// What requests of a Worker leave behind that end while the second tier is being asked: promises that are never settled,
// and timers that never fire.
import { createCache, memoryRemote } from 'tiercel';

test('writes that never end do not keep later ones from the second tier', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'queueMicrotask', 'nextTick'] });
  const real = globalThis.setTimeout;
  try {
    globalThis.setTimeout = (() => 0) as unknown as typeof setTimeout;
    const remote = memoryRemote();
    const cache = await createCache<number>({ remote });
    const never = new Promise<void>(() => undefined);
    remote.fault = (operation) => (operation === 'write' ? { before: never } : undefined);
    const keys = Array.from({ length: 1_100 }, (_, i) => `k${i}`);
    for (const key of keys) await cache.getOrSet(key, () => 1).catch(() => undefined);
    expect(cache.health().remote).toMatchObject({ inFlight: 1_024 });
    const writes = remote.calls.write;
    expect(writes).toBe(1_024);
    remote.fault = undefined;
    await cache.getOrSet('one more', () => 1);
    expect(remote.calls.write).toBe(writes);
    jest.advanceTimersByTime(61_000);
    await cache.getOrSet('after a while', () => 1);
    await new Promise(setImmediate);
    expect(cache.stats().remoteWrites).toBe(1);
    expect(cache.health().remote).toMatchObject({ inFlight: 0 });
  } finally {
    globalThis.setTimeout = real;
    jest.useRealTimers();
  }
});
