// However a thread ends, at whatever stage: the exit code of the process is the one it should be, and no signal.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { engineInfo, MemoryCache } from 'tiercel';
import { messageOf, newName, start } from './support/threads.mjs';

const STAGES = ['loaded', 'open', 'filled', 'reading', 'loading', 'waiting', 'listening', 'closed'];

/** How the part that is tested ends, and the exit code of the process and of the worker, if there is one. */
const ENDS = {
  'main, by itself': { where: 'main', how: 'return', code: 0 },
  'main, process.exit': { where: 'main', how: 'exit', code: 7 },
  'main, uncaught error': { where: 'main', how: 'throw', code: 1 },
  'worker, by itself': { where: 'worker', how: 'return', code: 0, worker: 0 },
  'worker, terminate()': { where: 'worker', how: 'terminate', code: 0, worker: 1 },
  'worker, process.exit': { where: 'worker', how: 'exit', code: 0, worker: 7 },
  'worker, uncaught error': { where: 'worker', how: 'throw', code: 0, worker: 1 },
  'main, process.exit with a busy worker': { where: 'both', how: 'exit', code: 7 },
};

function run(args) {
  const script = fileURLToPath(new URL('./support/life.mjs', import.meta.url));
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    child.stdout.on('data', (data) => {
      output += data;
    });
    child.stderr.on('data', (data) => {
      errors += data;
    });
    child.on('close', (code, signal) => resolve({ code, signal, output, errors }));
  });
}

for (const [name, { where, how, code, worker }] of Object.entries(ENDS)) {
  describe(name, { concurrency: 2 }, () => {
    for (const stage of STAGES) {
      it(`ends well when the cache is ${stage}`, async () => {
        const result = await run([where, how, stage]);
        assert.deepEqual([result.signal, result.code], [null, code], result.errors);
        const said = worker === undefined ? 'staged' : `staged exit ${worker} left 1`;
        assert.equal(result.output.trim().replaceAll('\n', ' '), said, result.errors);
      });
    }
  });
}

/** More by `npm run soak`. */
const WORKERS = Number(process.env.TIERCEL_WORKERS ?? 200);

it(`goes through ${WORKERS} workers that are created and terminated while others use the cache`, async () => {
  const options = { shared: newName(), maxEntries: 1000, shards: 4 };
  const cache = MemoryCache.createSync(options);
  const workers = [];
  for (let i = 0; i < WORKERS; i++) {
    const worker = start('busy', { options, seed: i + 1 });
    workers.push(worker);
    await messageOf(worker);
    cache.set(`main ${i}`, i, { tags: ['main'] });
    assert.equal(cache.get(`main ${i}`), i);
    if (workers.length === 4) assert.equal(await workers.shift().terminate(), 1);
  }
  for (const worker of workers) await worker.terminate();
  const { references } = cache.stats().shared;
  assert.equal(references, 1);
  // What they were loading is not in flight any more, and can be loaded.
  assert.equal(cache.stats().loading, 0);
  assert.equal(await cache.getOrSet('load k1', () => 'loaded'), 'loaded');
  cache.close();
  assert.deepEqual(
    engineInfo().shared.filter(({ name }) => name === options.shared),
    [],
  );
});

it('closes what a thread has forgotten once it is collected, and counts exactly', async () => {
  const name = newName();
  const count = () => engineInfo().shared.filter((cache) => cache.name.startsWith(`${name} `)).length;
  const worker = start('forgetful', { options: { shared: name }, count: 50 });
  await messageOf(worker);
  assert.equal(count(), 50);
  worker.postMessage('collect');
  await messageOf(worker);
  assert.equal(count(), 0);
});

it('is there until the last that opened it has closed it', async () => {
  const options = { shared: newName() };
  const references = () => engineInfo().shared.find(({ name }) => name === options.shared)?.references;
  const cache = MemoryCache.createSync(options);
  const again = MemoryCache.createSync(options);
  cache.set('k', 'kept');
  const worker = start('holder', { options });
  await messageOf(worker);
  assert.equal(references(), 3);
  cache.close();
  cache.close();
  again.close();
  assert.equal(references(), 1);
  const later = MemoryCache.createSync(options);
  assert.equal(later.get('k'), 'kept');
  later.close();
  worker.postMessage('close');
  assert.equal(await messageOf(worker), 'closed');
  assert.equal(references(), undefined);
  const anew = MemoryCache.createSync({ ...options, maxEntries: 7 });
  assert.equal(anew.get('k'), undefined);
  anew.close();
});
