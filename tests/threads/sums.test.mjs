// Nothing that eight threads do at once is lost.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { MemoryCache } from 'tiercel';
import { messageOf, newName, play, start } from './support/threads.mjs';

const WORKERS = 8;

it('sums up 8 x 100,000 increments under a lock of Atomics', async () => {
  const options = { shared: newName() };
  const cache = MemoryCache.createSync(options);
  await play('adder', WORKERS, { options, signals: new SharedArrayBuffer(4), times: 100_000 });
  assert.equal(cache.get('sum'), WORKERS * 100_000);
  cache.close();
});

it('sums up increments under the lock that a load is', async () => {
  const options = { shared: newName() };
  const cache = MemoryCache.createSync(options);
  await play('lockingAdder', WORKERS, { options, times: 1000 });
  assert.equal(cache.get('sum'), WORKERS * 1000);
  cache.close();
});

it('counts every read and write, and every entry that comes and goes', async () => {
  const options = { shared: newName(), maxEntries: 400, shards: 4 };
  const cache = MemoryCache.createSync(options);
  const all = await play('counted', WORKERS, { options, operations: 30_000 });
  const stats = cache.stats();
  const sum = (name) => all.reduce((total, counts) => total + counts[name], 0);
  assert.equal(stats.hits + stats.misses, sum('gets'));
  assert.equal(stats.sets, sum('sets'));
  const removals = Object.values(stats.removals).reduce((total, count) => total + count, 0);
  assert.equal(stats.adds - removals, stats.entries);
  assert.equal(stats.entries, cache.size);
  assert.ok(cache.size <= 400);
  cache.close();
});

it('tells a listener in one thread of all that happens in the others', async () => {
  const options = { shared: newName(), maxEntries: 400, shards: 4 };
  const cache = MemoryCache.createSync(options);
  const heard = { set: 0, hit: 0, miss: 0, remove: 0 };
  for (const name of ['set', 'hit', 'miss', 'remove']) cache.on(/** @type {'set'} */ (name), () => heard[name]++);
  const listener = start('listener', { options, event: 'clear' });
  await messageOf(listener);
  await play('counted', 4, { options, operations: 3000 });
  assert.ok(cache.clear() > 0);
  const stats = cache.stats();
  // What they did is on its way; a turn of the event loop brings it.
  while (heard.hit + heard.miss < stats.hits + stats.misses) await new Promise(setImmediate);
  const removals = Object.values(stats.removals).reduce((total, count) => total + count, 0);
  assert.deepEqual(heard, { set: stats.sets, hit: stats.hits, miss: stats.misses, remove: removals });
  listener.postMessage('tell');
  assert.equal((await messageOf(listener)).length, 1);
  cache.close();
});
