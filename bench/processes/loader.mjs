// A worker of threads.bench.mjs: begins a load that never ends, and says so.
import { parentPort, workerData } from 'node:worker_threads';
import { MemoryCache } from 'tiercel';

const { options, key } = workerData;
const cache = MemoryCache.createSync(options);
const loading = cache.getOrSet(key, () => {
  parentPort.postMessage('loading');
  // Keeps the thread alive.
  return new Promise((resolve) => setTimeout(resolve, 2 ** 30));
});
await loading;
