// Servers that take each other's place: what one of them did not hear of is not served by any.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { redisTier } from 'tiercel/redis';
import { CLIENTS } from './support/clients.mjs';
import { startServer, until } from './support/server.mjs';

const CALL = { signal: new AbortController().signal };
const NS = ['cache'];
const OPTIONS = { timeout: 10_000 };
const READ = { namespace: NS, key: 'k', lease: false, tags: [], dependsOn: [] };
const entry = { value: 'old', ttl: 60_000, stale: 0, tags: ['t'], dependsOn: [] };

let a;
let b;
before(async () => {
  [a, b] = await Promise.all([startServer(), startServer()]);
});
after(() => Promise.all([a.stop(), b.stop()]));

it('a primary that gave way to a replica, and comes back with its data, serves nothing of before', async () => {
  const client = await CLIENTS.ioredis(a.port);
  const tier = redisTier(client, OPTIONS);
  const trusting = redisTier(client, { ...OPTIONS, prefix: 'tiercel:trusting', durable: true });
  await b.command('REPLICAOF', '127.0.0.1', a.port);
  await until('the replica follows', async () => /state=online/.test(await a.command('INFO', 'replication')));
  for (const one of [tier, trusting]) {
    assert.deepEqual(await one.write([{ namespace: NS, key: 'k', entry }], CALL), [true]);
    assert.equal((await one.read([READ], CALL))[0].entry.value, 'old');
  }
  await until('the replica has all of it', async () => (await a.command('DBSIZE')) === (await b.command('DBSIZE')));
  await b.command('REPLICAOF', 'NO', 'ONE');
  for (const one of [tier, trusting]) {
    await one.change([{ kind: 'tags', namespace: NS, tags: ['t'] }], CALL);
    assert.equal((await one.read([READ], CALL))[0].entry, undefined);
  }

  await a.command('REPLICAOF', '127.0.0.1', b.port);
  await until('it has what the other has', async () =>
    /master_link_status:up/.test(await a.command('INFO', 'replication')),
  );
  assert.equal(await a.command('EXISTS', 'tiercel:t:{["cache","t"]}'), 1);
  await assert.rejects(tier.read([READ], CALL), /no primary/);
  await a.command('REPLICAOF', 'NO', 'ONE');

  assert.equal((await tier.read([READ], CALL))[0].entry, undefined);
  // One that takes Redis at its word has the value again: so this test would notice.
  assert.equal((await trusting.read([READ], CALL))[0].entry.value, 'old');
  assert.deepEqual(await tier.write([{ namespace: NS, key: 'k', entry: { ...entry, value: 'new' } }], CALL), [true]);
  assert.equal((await tier.read([READ], CALL))[0].entry.value, 'new');
  client[Symbol.dispose]();
});
