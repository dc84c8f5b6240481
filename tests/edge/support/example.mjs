// The worker of examples/edge-worker in workerd, with an origin behind it, for the tests of the file that imports this.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ask as askAt } from './client.mjs';
import { bundled } from './modules.mjs';
import { Origin } from './origin.mjs';
import { startWorkerd } from './workerd.mjs';

const ENTRY = fileURLToPath(new URL('../../../examples/edge-worker/src/worker.mjs', import.meta.url));
/** What an invalidation has to be authorized with. */
export const TOKEN = 'a token of this test';

/** @type {Origin} */
export let origin;
/** @type {import('./workerd.mjs').Workerd} */
export let edge;

/** Starts the worker. @param {Omit<Parameters<typeof startWorkerd>[0], 'modules' | 'compatibilityDate'>} options */
export async function startExample(options) {
  return startWorkerd({ modules: await bundled(ENTRY), compatibilityDate: '2026-11-01', ...options });
}

before(async () => {
  origin = await Origin.start();
  edge = await startExample({ env: { ORIGIN: origin.url, INVALIDATE_TOKEN: TOKEN } });
});

after(async () => {
  await edge?.stop();
  await origin?.stop();
});

/**
 * @param {string} path
 * @param {Parameters<typeof askAt>[2]} [options]
 */
export function ask(path, options) {
  return askAt(edge.url, path, options);
}

/**
 * Asks again until the answer is as awaited, for at most two seconds.
 *
 * @template T
 * @param {() => Promise<T>} action
 * @param {(answer: T) => boolean} awaited
 */
export async function eventually(action, awaited) {
  const limit = performance.now() + 2_000;
  while (true) {
    const answer = await action();
    if (awaited(answer)) return answer;
    assert.ok(performance.now() < limit, `still ${JSON.stringify(answer)}`);
    await sleep(10);
  }
}
