// A bus whose connection is there, and is not subscribed: it tries again, on another one.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { createCache } from 'tiercel';
import { redisBus } from 'tiercel/redis';
import { EVERY_CLIENT } from './support/clients.mjs';
import { startProxy } from './support/proxy.mjs';
import { startServer, until } from './support/server.mjs';

let server;
let proxy;
before(async () => {
  server = await startServer();
});
after(() => server.stop());
beforeEach(async () => {
  proxy = await startProxy(server.port, { readsCommands: true });
});
afterEach(() => proxy.close());

const open = (client, mode) => createCache({ bus: redisBus(client, { mode, heartbeat: 100, patience: 30_000 }) });
const isLive = (cache) => until('the bus is live', () => cache.health().ok);
const subscribers = async () => (await server.command('CLIENT', 'LIST')).match(/ sub=[12] /g)?.length ?? 0;
/** What clients are told so that they give up a connection that ends. */
const GIVES_UP = { ioredis: { retryStrategy: null }, 'node-redis': { reconnectStrategy: false } };

for (const [library, connect] of Object.entries(EVERY_CLIENT)) {
  const kind = library.startsWith('node-redis') ? 'node-redis' : 'ioredis';
  for (const mode of /** @type {const} */ (['pubsub', 'tracking'])) {
    describe(`a bus of ${library}, mode ${mode}`, () => {
      it('is live though its connection ends just when it subscribes, again and again', async () => {
        const client = await connect(proxy.port);
        proxy.dropAt(['SUBSCRIBE']);
        const cache = await open(client, mode);
        try {
          for (let times = 1; times < 3; times++) {
            await until('it subscribes again', () => proxy.dropped === times);
            proxy.dropAt(['SUBSCRIBE']);
          }
          await until('it subscribes once more', () => proxy.dropped === 3);
          await isLive(cache);
        } finally {
          await cache.close();
          client[Symbol.dispose]();
        }
        await until('no connection is left', () => proxy.connections === 0);
      });

      it('is live as soon as the server lets it subscribe', async () => {
        const client = await connect(proxy.port);
        proxy.answer('ERR not yet', ['SUBSCRIBE']);
        const cache = await open(client, mode);
        try {
          await until('it says why it is not', () => cache.health().bus.reason === 'ERR not yet');
          await proxy.pass();
          await isLive(cache);
          assert.equal(await subscribers(), 1);
        } finally {
          await cache.close();
          client[Symbol.dispose]();
        }
        await until('no connection is left', () => proxy.connections === 0);
      });

      it('is live again though its client gives up connections that end', async () => {
        const client = await connect(proxy.port, undefined, GIVES_UP[kind]);
        const cache = await open(client, mode);
        try {
          for (let times = 0; times < 3; times++) {
            await isLive(cache);
            const [, id] = (await server.command('CLIENT', 'LIST')).match(/^id=(\d+) .* sub=[12] /m) ?? [];
            await server.command('CLIENT', 'KILL', 'ID', id);
            await until('it noticed', () => !cache.health().ok || cache.health().bus.missed > times);
          }
          await isLive(cache);
        } finally {
          await cache.close();
          client[Symbol.dispose]();
        }
      });
    });
  }
}
