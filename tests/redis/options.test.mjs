// What clients and options the second tier, the bus and locks take.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { sequencedBus } from 'tiercel';
import { DistributedLock, redisBus, redisTier } from 'tiercel/redis';
import { CLIENTS, USER } from './support/clients.mjs';
import { startServer, until } from './support/server.mjs';

const CALL = { signal: new AbortController().signal };
const NS = ['cache'];
const ignore = () => undefined;

let server;
before(async () => {
  server = await startServer();
});
after(() => server.stop());

it('a prefix that ioredis has for its own keys is none of the tier, the bus and the locks', async () => {
  const clients = await Promise.all(
    [undefined, 'app:'].map((keyPrefix) => CLIENTS.ioredis(server.port, USER, { keyPrefix })),
  );
  await server.command('FLUSHALL');
  const [plain, prefixed] = clients;
  const entry = { value: 'v', ttl: 60_000, stale: 0, tags: [], dependsOn: [] };
  await redisTier(prefixed, { timeout: 5_000 }).write([{ namespace: NS, key: 'k', entry }], CALL);
  const read = { namespace: NS, key: 'k', lease: false, tags: [], dependsOn: [] };
  const [found] = await redisTier(plain, { timeout: 5_000 }).read([read], CALL);
  assert.equal(found.entry.value, 'v');
  const held = await new DistributedLock(prefixed, 'job', { timeout: 5_000 }).acquire();
  assert.equal(await new DistributedLock(plain, 'job', { timeout: 5_000 }).isLocked(), true);
  await held.release();
  const heard = [];
  const [from, to] = [prefixed, plain].map((client) => redisBus(client, { timeout: 5_000, heartbeat: 50 }));
  const live = new Set();
  const listener = (name) => ({
    changed: (changes) => heard.push(...changes),
    live: () => live.add(name),
    missed: ignore,
    down: ignore,
  });
  void from.open(listener('from'));
  void to.open(listener('to'));
  await until('both are live', () => live.size === 2);
  await from.publish([{ kind: 'clear', namespace: NS }]);
  await until('it is heard', () => heard.length === 1);
  await Promise.all([from, to].map((bus) => bus.close()));
  for (const client of clients) client[Symbol.dispose]();
});

it('what may not be an option or a client is refused with what is accepted', () => {
  assert.throws(() => redisTier(/** @type {any} */ ({})), { code: 'ERR_TIERCEL_INVALID_ARGUMENT' });
  assert.throws(() => redisTier(undefined), { code: 'ERR_TIERCEL_INVALID_ARGUMENT' });
  /** @type {any} */
  const client = { on: ignore, duplicate: ignore, subscribe: ignore, callBuffer: ignore, status: 'ready' };
  assert.throws(() => redisTier(client, { prefix: '*' }), { code: 'ERR_TIERCEL_INVALID_OPTION' });
  assert.throws(() => redisTier(client, { timeout: 0 }), { code: 'ERR_TIERCEL_INVALID_OPTION' });
  assert.throws(() => redisTier(client, /** @type {any} */ ({ prefx: 'a' })), {
    code: 'ERR_TIERCEL_UNKNOWN_OPTION',
    message: /"prefix"/,
  });
});

it('a bus that would give signs of life all the time, or never trust its own, is refused', () => {
  /** @type {any} */
  const client = { on: ignore, duplicate: ignore, subscribe: ignore, callBuffer: ignore, status: 'ready' };
  const channel = { open: ignore, send: async () => undefined, close: ignore };
  for (const name of ['heartbeat', 'patience']) {
    for (const nothing of [0, '0ms', Number.POSITIVE_INFINITY]) {
      const refused = { code: 'ERR_TIERCEL_INVALID_OPTION', message: new RegExp(`^${name}: .*more than 0`) };
      assert.throws(() => redisBus(client, { [name]: nothing }), refused);
      assert.throws(() => sequencedBus(channel, { [name]: nothing }), refused);
    }
    assert.ok(redisBus(client, { [name]: 1 }));
  }
});
