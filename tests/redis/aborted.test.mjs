// Commands that the application gives up on the connection that it shares with the tier: each answer stays that of its call.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { redisTier } from 'tiercel/redis';
import { EVERY_CLIENT } from './support/clients.mjs';
import { startProxy } from './support/proxy.mjs';
import { send } from './support/resp.mjs';
import { startServer } from './support/server.mjs';

const CALL = { signal: new AbortController().signal };
const NS = ['cache'];
const KEYS = Array.from({ length: 30 }, (_, i) => `key ${i}`);
const plainRead = (key) => ({ namespace: NS, key, lease: false, tags: [], dependsOn: [] });
/** Of as many lengths as there are keys. */
const valueFor = (key) => ({ key, text: key.repeat(1 + KEYS.indexOf(key)) });

/** What the application has itself. */
const ownName = (i) => `tiercel:own:${i}`;
const ownValue = (i) => `own ${i} `.repeat(1 + i);

/** How answers come, and how often all is read so. @type {Record<string, [(proxy: import('./support/proxy.mjs').TcpProxy) => void, number]>} */
const FLOWS = {
  'byte by byte': [(proxy) => proxy.split(1, { up: false }), 2],
  'in pieces and late': [
    (proxy) => {
      proxy.split(701);
      proxy.delay(3);
    },
    12,
  ],
  'many at once': [(proxy) => proxy.coalesce(5), 12],
};

/** When a command is given up: before it is sent, when it has been, when its answer is on its way. */
const MOMENTS = [
  (giveUp) => giveUp(),
  (giveUp) => void Promise.resolve().then(giveUp),
  (giveUp) => void setImmediate(giveUp),
  (giveUp) => void setTimeout(giveUp, 2),
];

/** The application's own commands by kind of client, given up by what the client has for it. */
const KINDS = {
  ioredis: {
    get: (client, name) => client.get(name),
    getFor(client, name, round) {
      const { options } = client;
      options.commandTimeout = round % 4;
      try {
        return client.get(name);
      } finally {
        options.commandTimeout = undefined;
      }
    },
    error: /^Command timed out$/,
  },
  'node-redis': {
    get: (client, name) => client.get(name),
    getFor(client, name, round) {
      const controller = new AbortController();
      const answer = client.withAbortSignal(controller.signal).get(name);
      MOMENTS[round % MOMENTS.length](() => controller.abort());
      return answer;
    },
    error: /aborted/,
  },
};

let server;
let proxy;
before(async () => {
  server = await startServer();
  proxy = await startProxy(server.port);
});
after(async () => {
  await proxy.close();
  await server.stop();
});

const closing = [];
beforeEach(() => server.command('FLUSHALL'));
afterEach(async () => {
  await proxy.pass();
  for (const close of closing.splice(0).reverse()) await close();
});

for (const [library, connect] of Object.entries(EVERY_CLIENT)) {
  describe(`over ${library}`, () => {
    const kind = KINDS[library.startsWith('node-redis') ? 'node-redis' : 'ioredis'];
    const open = async () => {
      const client = await connect(proxy.port);
      closing.push(() => client[Symbol.dispose]());
      const tier = redisTier(client, { timeout: 60_000, compressAbove: false });
      const writes = KEYS.map((key) => ({
        namespace: NS,
        key,
        entry: { value: valueFor(key), ttl: 3_600_000, stale: 0, tags: ['t'], dependsOn: [] },
      }));
      await tier.write(writes, CALL);
      await send(
        server.port,
        KEYS.map((_, i) => ['SET', ownName(i), ownValue(i)]),
      );
      return { client, tier };
    };
    const valueAt = async (tier, key) => (await tier.read([plainRead(key)], CALL))[0].entry?.value;
    const readAll = async (tier) => {
      const found = await tier.read(KEYS.map(plainRead), CALL);
      return found.map(({ entry }) => entry?.value);
    };

    for (const [how, [flow, rounds]] of Object.entries(FLOWS)) {
      it(`reads are of their keys while commands beside them are given up, and answers come ${how}`, async () => {
        const { client, tier } = await open();
        flow(proxy);
        const counts = { givenUp: 0, answered: 0 };
        for (let round = 0; round < rounds; round++) {
          const calls = KEYS.flatMap((key, i) => [
            kind.getFor(client, ownName(i), round + i).then(
              (answer) => {
                assert.equal(answer, ownValue(i));
                counts.answered++;
              },
              (error) => {
                assert.match(error.message, kind.error);
                counts.givenUp++;
              },
            ),
            valueAt(tier, key).then((value) => assert.deepEqual(value, valueFor(key))),
            kind.get(client, ownName(i)).then((answer) => assert.equal(answer, ownValue(i))),
          ]);
          calls.push(readAll(tier).then((values) => assert.deepEqual(values, KEYS.map(valueFor))));
          await Promise.all(calls);
        }
        assert.ok(counts.givenUp > 0, `${counts.givenUp} given up, ${counts.answered} answered`);
        await proxy.pass();
        assert.deepEqual(await readAll(tier), KEYS.map(valueFor));
        assert.deepEqual(await Promise.all(KEYS.map((key) => valueAt(tier, key))), KEYS.map(valueFor));
        const { timeouts, inFlight } = /** @type {any} */ (tier.health());
        assert.deepEqual({ timeouts, inFlight }, { timeouts: 0, inFlight: 0 });
      });
    }

    if (kind === KINDS.ioredis) {
      it('reads are of their keys or fail while those are given up as well', async () => {
        const { client, tier } = await open();
        proxy.split(701);
        const outcomes = { fulfilled: 0, rejected: 0 };
        for (let timeout = 0; timeout < 12; timeout++) {
          proxy.delay(timeout % 3);
          client.options.commandTimeout = timeout;
          const reading = await Promise.allSettled(KEYS.map((key) => valueAt(tier, key)));
          for (const [i, { status, ...outcome }] of reading.entries()) {
            outcomes[status]++;
            if ('value' in outcome) assert.deepEqual(outcome.value, valueFor(KEYS[i]));
            else assert.match(/** @type {any} */ (outcome).reason.message, kind.error);
          }
        }
        assert.ok(outcomes.rejected > 0, JSON.stringify(outcomes));
        client.options.commandTimeout = undefined;
        await proxy.pass();
        assert.deepEqual(await readAll(tier), KEYS.map(valueFor));
        assert.deepEqual(await Promise.all(KEYS.map((key) => valueAt(tier, key))), KEYS.map(valueFor));
      });
    }

    it('a client that mixes up answers brings no value of another key', async () => {
      const { client, tier } = await open();
      assert.deepEqual(await readAll(tier), KEYS.map(valueFor));
      const method = 'callBuffer' in client ? 'callBuffer' : 'sendCommand';
      let isMixing = false;
      /** An answer that has come, and who waits for the next. @type {{ reply: unknown, resolve: (reply: unknown) => void } | undefined} */
      let waiting;
      const exchanged = (reply) =>
        new Promise((resolve) => {
          waiting?.resolve(reply);
          if (waiting !== undefined) resolve(waiting.reply);
          waiting = waiting === undefined ? { reply, resolve } : undefined;
        });
      const mixing = new Proxy(client, {
        get(target, name) {
          const member = Reflect.get(target, name, target);
          if (typeof member !== 'function') return member;
          return (...args) => {
            const answer = member.apply(target, args);
            return name === method && isMixing ? answer.then(exchanged) : answer;
          };
        },
      });
      const own = redisTier(mixing, { timeout: 60_000 });
      assert.deepEqual(await readAll(own), KEYS.map(valueFor));
      isMixing = true;
      // An even number, so that there is another one for each.
      assert.deepEqual(await Promise.all(KEYS.map((key) => valueAt(own, key))), Array(KEYS.length).fill(undefined));
      assert.deepEqual(/** @type {any} */ (own.health()).unreadable, { key: KEYS.length });
      const half = KEYS.length / 2;
      const halves = await Promise.all(
        [KEYS.slice(0, half), KEYS.slice(half)].map((keys) => own.read(keys.map(plainRead), CALL)),
      );
      for (const { entry } of halves.flat()) assert.equal(entry, undefined);
      isMixing = false;
      assert.deepEqual(await readAll(own), KEYS.map(valueFor));
    });
  });
}
