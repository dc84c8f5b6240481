// A process that brings a shared cache to a stage, in the main thread or in a worker, and ends there as it is told:
// `life.mjs main|worker|both return|exit|throw|terminate STAGE`. Prints that it got there, and how the worker ended.
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { ignore, never } from './threads.mjs';

const [where, how, stage] = isMainThread ? process.argv.slice(2) : workerData;
const options = { shared: 'life', maxEntries: 1000, shards: 4 };

async function bringTo() {
  const { MemoryCache } = await import('tiercel');
  if (stage === 'loaded') return;
  const cache = MemoryCache.createSync(options);
  if (stage === 'open') return;
  for (let i = 0; i < 2000; i++) cache.set(`k${i}`, 'v'.repeat(i % 200), { tags: ['t'], ttl: '1h' });
  if (stage === 'filled') return;
  if (stage === 'reading') {
    for (const key of cache.keys()) if (cache.get(key) !== undefined) return;
  }
  if (stage === 'loading') cache.getOrSet('new', never).catch(ignore);
  if (stage === 'waiting') {
    // Another connection of the same thread is as good as another thread.
    const other = MemoryCache.createSync(options);
    other.getOrSet('new', never).catch(ignore);
    cache.getOrSet('new', () => 'never').catch(ignore);
    if (how === 'return') other.close();
  }
  if (stage === 'listening') cache.on('remove', ignore);
  if (stage === 'closed') cache.close();
}

async function again() {
  while (true) {
    await bringTo();
    await new Promise(setImmediate);
  }
}

function end() {
  if (how === 'busy') void again();
  if (how === 'exit') process.exit(7);
  if (how === 'throw') {
    setImmediate(() => {
      throw new Error('meant');
    });
  }
  // The thread stays until somebody terminates it.
  if (how === 'terminate') setInterval(ignore, 1000);
}

if (!isMainThread) {
  await bringTo();
  const { parentPort } = await import('node:worker_threads');
  parentPort.postMessage('staged');
  end();
} else if (where === 'main') {
  await bringTo();
  console.log('staged');
  end();
} else {
  const { MemoryCache, engineInfo } = await import('tiercel');
  const cache = MemoryCache.createSync(options);
  const worker = new Worker(new URL(import.meta.url), { workerData: [where, where === 'both' ? 'busy' : how, stage] });
  worker.on('error', ignore);
  worker.on('message', () => {
    console.log('staged');
    if (where === 'both') {
      // In the middle of whatever the worker does.
      setTimeout(() => process.exit(7), 5);
      for (let i = 0; i < 1000; i++) cache.set(`main ${i}`, i);
    } else if (how === 'terminate') {
      worker.terminate();
    }
  });
  worker.on('exit', (code) => {
    if (where === 'both') return;
    console.log(`exit ${code}`);
    const [{ references }] = engineInfo().shared;
    console.log(`left ${references}`);
    cache.close();
  });
}
