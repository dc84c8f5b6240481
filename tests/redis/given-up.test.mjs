// What a tier knows of calls that nobody waits for, over a server that is made up: it answers what the test says, or nothing.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { redisTier } from 'tiercel/redis';

const TIMEOUT = 50;
const NOTHING_THERE = [-2, null];
const read = { namespace: ['cache'], key: 'k', lease: false, tags: [], dependsOn: [] };
const waiting = { signal: new AbortController().signal };

/** A server that answers scripts as it is told, and then that nothing is there. */
function serverOf() {
  /** @type {(() => Promise<unknown>)[]} */
  const answers = [];
  const send = async ([command]) => {
    if (command === 'SCRIPT') return 'a sha';
    return (answers.shift() ?? (() => NOTHING_THERE))();
  };
  return { answers, client: 'ioredis', topology: 'standalone', isReady: () => true, send };
}

it('one that was given up before it could be sent is not in flight, and does not end twice', async () => {
  const server = serverOf();
  const tier = redisTier(/** @type {any} */ (server), { timeout: TIMEOUT });
  const health = () => /** @type {any} */ (tier.health());
  await tier.read([read], waiting);
  server.answers.push(
    () => new Promise(() => undefined),
    () => Promise.reject(new Error('NOSCRIPT No matching script.')),
  );
  // The second has to wait for the first, which is never answered, before it brings the scripts again.
  const both = [tier.read([read], waiting), tier.read([read], waiting)];
  for (const one of both) await assert.rejects(one, { code: 'ERR_TIERCEL_TIMEOUT' });
  const reason = new Error('nobody waits');
  await assert.rejects(tier.read([read], { signal: AbortSignal.abort(reason) }), reason);
  await pause(2 * TIMEOUT);
  assert.deepEqual({ inFlight: health().inFlight, timeouts: health().timeouts }, { inFlight: 1, timeouts: 2 });
  const [found] = await tier.read([read], waiting);
  assert.equal(found?.entry, undefined);
});
