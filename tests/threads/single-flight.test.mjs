// One loader call for all threads that ask, and what happens to it is told to all.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { it } from 'node:test';
import { MemoryCache } from 'tiercel';
import { messageOf, newName, start } from './support/threads.mjs';

it('calls one loader for all that ask in eight threads', async () => {
  const options = { shared: newName(), maxEntries: 100_000 };
  const cache = MemoryCache.createSync(options);
  const keys = Array.from({ length: 5 }, (_, i) => `key ${i}`);
  const workers = Array.from({ length: 8 }, (_, name) => start('asker', { options, keys, askers: 1250, name }));
  await Promise.all(workers.map(messageOf));
  const results = workers.map(messageOf);
  for (const worker of workers) worker.postMessage('go');
  const all = await Promise.all(results);
  assert.equal(
    all.reduce((sum, { loaders }) => sum + loaders, 0),
    keys.length,
  );
  for (const key of keys) {
    const values = new Set(all.flatMap((result) => result.values[key]));
    assert.equal(values.size, 1, key);
    assert.equal(cache.get(key), [...values][0]);
  }
  assert.equal(cache.stats().loads, keys.length);
  cache.close();
});

/** @returns {Promise<{ fulfilled?: unknown, rejected?: Error & { code?: string }, own: number, stored: unknown }>} */
async function waitFor(how) {
  const options = { shared: newName() };
  const cache = MemoryCache.createSync(options);
  const worker = start('outcome', { options, key: 'k', how });
  assert.equal(await messageOf(worker), 'loading');
  let own = 0;
  const value = cache.getOrSet('k', () => {
    own++;
    return 'own';
  });
  worker.postMessage('go');
  const result = await value.then(
    (fulfilled) => ({ fulfilled }),
    (/** @type {any} */ rejected) => ({ rejected }),
  );
  await once(worker, 'exit');
  const stored = cache.get('k');
  cache.close();
  return { ...result, own, stored };
}

it('shares a value', async () => {
  const { fulfilled, own, stored } = await waitFor('value');
  assert.deepEqual([fulfilled, own, stored], [{ how: 'value' }, 0, { how: 'value' }]);
});

it('shares what is not to be stored', async () => {
  const { fulfilled, own, stored } = await waitFor('skip');
  assert.deepEqual([fulfilled, own, stored], [{ how: 'skip' }, 0, undefined]);
});

it('shares that there is nothing', async () => {
  const { fulfilled, own, stored } = await waitFor('nothing');
  assert.deepEqual([fulfilled, own, stored], [undefined, 0, undefined]);
});

it('shares a rejection: name, message and code of an error, or a value', async () => {
  const { rejected, own, stored } = await waitFor('reject');
  assert.equal(rejected instanceof Error, true);
  assert.deepEqual(
    [rejected.name, rejected.message, rejected.code, own, stored],
    ['RangeError', 'out of bounds', 'ERR_MEANT', 0, undefined],
  );
  assert.equal((await waitFor('reject with a string')).rejected, 'a string');
});

it('shares that the value cannot be kept', async () => {
  const { rejected, own } = await waitFor('not serializable');
  assert.deepEqual([rejected.code, own], ['ERR_TIERCEL_NOT_SERIALIZABLE', 0]);
});

for (const how of ['close', 'exit', 'throw', 'terminate']) {
  it(`hands over when the thread of the loader ends by ${how}`, async () => {
    const options = { shared: newName() };
    const cache = MemoryCache.createSync(options);
    const worker = start('loader', { options, key: 'k' });
    const ended = new Promise((resolve) => {
      worker.on('error', resolve);
      worker.on('exit', resolve);
    });
    await messageOf(worker);
    const values = Array.from({ length: 100 }, () => cache.getOrSet('k', () => 'own'));
    assert.equal(await Promise.race([values[0], new Promise((r) => setImmediate(r, 'waits'))]), 'waits');
    if (how === 'terminate') worker.terminate();
    else worker.postMessage(how);
    // Nothing else would ever end the wait: there is no timer in it.
    assert.deepEqual(new Set(await Promise.all(values)), new Set(['own']));
    assert.equal(cache.stats().loads, 2);
    await ended;
    cache.close();
  });
}

it('waits no longer than it is told, and serves those that go on waiting', async () => {
  const options = { shared: newName() };
  const cache = MemoryCache.createSync(options);
  const worker = start('loader', { options, key: 'k' });
  await messageOf(worker);
  const patient = cache.getOrSet('k', () => 'never');
  assert.equal(await cache.getOrSet('k', () => 'own', { waitTimeout: 10 }), 'own');
  assert.equal(await patient, 'own');
  assert.equal(cache.get('k'), 'own');
  await worker.terminate();
  cache.close();
});

it('keeps a thread alive that has nothing else to wait for', async () => {
  const options = { shared: newName() };
  const cache = MemoryCache.createSync(options);
  let end;
  const loading = cache.getOrSet(
    'k',
    () =>
      new Promise((resolve) => {
        end = resolve;
      }),
  );
  const worker = start('asker', { options, keys: ['k'], askers: 1, name: 'worker' });
  await messageOf(worker);
  const result = messageOf(worker);
  worker.postMessage('go');
  while (cache.stats().shared.references < 2) await new Promise(setImmediate);
  setTimeout(end, 50, 'by main');
  assert.equal(await loading, 'by main');
  assert.deepEqual((await result).values, { k: ['by main'] });
  cache.close();
});
