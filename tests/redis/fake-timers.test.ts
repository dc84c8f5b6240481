import { createCache } from 'tiercel';
import { redisTier } from 'tiercel/redis';
import { CLIENTS } from './support/jest-clients.js';

afterEach(() => jest.useRealTimers());

// Node-redis itself sends nothing then.
test('over ioredis, a cache works where all timers and queues are those of a test', async () => {
  const client = await CLIENTS.ioredis?.();
  const cache = await createCache({
    name: 'fake timers',
    memory: { maxEntries: 1 },
    remote: redisTier(client as never),
  });
  jest.useFakeTimers();
  await cache.set('a', 1, { tags: ['t'] });
  await cache.set('b', 2);
  expect(await cache.get('a')).toBe(1);
  expect(await cache.invalidateTags('t')).toMatchObject({ pending: false });
  expect(await cache.get('a')).toBeUndefined();
  expect(await cache.getOrSet('a', () => 3)).toBe(3);
  jest.useRealTimers();
  await cache.close();
});
