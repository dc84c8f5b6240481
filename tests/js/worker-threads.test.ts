import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { openCache } from './support/cache.js';

/** A thread that uses a cache of its own, of the engine of this run, until it is done or terminated. */
function startThread(operations: number): Worker {
  const script = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { MemoryCache } = require('node:module').createRequire(workerData.from)('tiercel');
    const cache = MemoryCache.createSync({ maxEntries: 100, values: 'bytes', seed: new Uint8Array(16) });
    const another = MemoryCache.createSync();
    parentPort.postMessage('ready');
    for (let i = 0; i < workerData.operations; i++) {
      cache.set('k' + (i % 200), 'value ' + i, { tags: ['t' + (i % 3)] });
      another.set('k' + (i % 200), { i });
      if (i % 100 === 0) cache.invalidateTags('t1');
    }
    parentPort.postMessage({ engine: cache.engine, size: cache.size, bytes: cache.bytes, stats: cache.stats() });
  `;
  return new Worker(script, { eval: true, workerData: { from: __filename, operations } });
}

async function resultOf(thread: Worker): Promise<{ engine: string; size: number }> {
  // Listened to all the time: two messages may come at once.
  const messages: unknown[] = [];
  thread.on('message', (message) => messages.push(message));
  await once(thread, 'exit');
  return messages[1] as { engine: string; size: number };
}

describe('worker threads', () => {
  test('have caches of their own, which do not disturb each other', async () => {
    const cache = openCache<string>();
    cache.set('k0', 'mine');
    const results = await Promise.all(Array.from({ length: 4 }, () => resultOf(startThread(20_000))));
    for (const result of results) {
      expect(result).toEqual(results[0]);
      expect(result).toMatchObject({ engine: process.env.TIERCEL_ENGINE, size: 100 });
    }
    expect(cache.get('k0')).toBe('mine');
  });

  test('may be terminated in the middle of a call', async () => {
    for (let i = 0; i < 20; i++) {
      const thread = startThread(Number.POSITIVE_INFINITY);
      await once(thread, 'message');
      expect(await thread.terminate()).toBe(1);
    }
    expect(openCache<number>().set('k', 1)).toBe(true);
  });
});
