// How a cache that hears of changes finds a single entry: by three commands, between which anything may happen.
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { CALL, client, follower, learn, NS, open, readOf, server, tier, write } from './support/following.mjs';

describe('three commands for a single entry, which are not one step,', () => {
  const LOOK = ['PTTL', 'GET', 'PTTL'];
  const LONG = 3_600_000;
  const ttls = /** @type {const} */ ({ short: 20_000, long: LONG, 'for ever': Number.POSITIVE_INFINITY });

  beforeEach(async () => {
    open({ way: 'commands' });
    await learn('t');
    client.sent = [];
  });

  const found = async (/** @type {string} */ key) => (await follower.read([readOf(key)], CALL))[0].entry;

  it('are all that is sent for what is there, and for what is not', async () => {
    await write('ever', 1, { ttl: Number.POSITIVE_INFINITY, tags: ['t'] });
    assert.equal((await found('known')).value, 'known');
    assert.equal((await found('ever')).ttl, Number.POSITIVE_INFINITY);
    assert.equal(await found('none'), undefined);
    assert.deepEqual(client.sent, [...LOOK, ...LOOK, ...LOOK]);
    assert.equal(tier.health().misses, 1);
  });

  for (const [before, ttl] of Object.entries(ttls)) {
    for (const [after, next] of Object.entries(ttls)) {
      it(`find the value and its own time if one that is kept ${before} gets one that is kept ${after} meanwhile`, async () => {
        // Before the value is asked for, and after.
        for (const [at, { command, skip }] of [
          { command: 'GET', skip: 0 },
          { command: 'PTTL', skip: 1 },
        ].entries()) {
          await write(`k${at}`, 'old', { ttl, tags: ['t'] });
          client.before(command, () => write(`k${at}`, 'new', { ttl: next, tags: ['t'] }), skip);
          const entry = await found(`k${at}`);
          assert.ok(entry.ttl <= (entry.value === 'new' ? next : ttl), `${entry.value}: ${entry.ttl} ms`);
          assert.ok(entry.ttl >= (entry.value === 'new' ? next : ttl) - 10_000, `${entry.value}: ${entry.ttl} ms`);
          if (ttl !== next) assert.equal(entry.value, 'new', 'it was asked for once more');
        }
      });
    }
  }

  it('find nothing of what is not there at the end', async () => {
    const remove = () => server.command('DEL', tier.nameOf(NS, 'k'));
    await write('k', 'old', { tags: ['t'] });
    client.before('GET', remove);
    assert.equal(await found('k'), undefined);
    await write('k', 'old', { tags: ['t'] });
    client.before('PTTL', remove, 1);
    assert.equal(await found('k'), undefined);
    client.before('GET', () => write('k', 'new', { tags: ['t'] }));
    client.before('PTTL', remove, 1);
    assert.equal(await found('k'), undefined);
  });

  it('leave it to the script to say what is not ours', async () => {
    await server.command('SET', tier.nameOf(NS, 'text'), 'text');
    await server.command('LPUSH', tier.nameOf(NS, 'list'), 'text');
    assert.equal(await found('text'), undefined);
    assert.equal(await found('list'), undefined);
    assert.deepEqual(tier.health().unreadable, { foreign: 2 });
  });

  it('fail as one call, and end within the timeout', async () => {
    open({ timeout: 50 });
    await learn('t');
    const { inFlight } = tier.health();
    const { release } = client.holdNext();
    await assert.rejects(found('known'), { code: 'ERR_TIERCEL_TIMEOUT' });
    assert.equal(tier.health().inFlight, inFlight + 1, 'it is in flight until it is answered');
    release();
    while (tier.health().inFlight > inFlight) await new Promise(setImmediate);
    client.before('GET', () => Promise.reject(new Error('the connection ended')));
    await assert.rejects(found('known'), { message: 'the connection ended' });
    assert.equal(tier.health().inFlight, inFlight);
  });
});
