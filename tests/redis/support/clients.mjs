// Connected clients of each library that is supported.
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { restRedis } from 'tiercel/redis';
import { RestProxy } from './rest.mjs';

/** The user of examples/redis that has no more rights than the tier and the bus need. */
export const USER = { username: 'tiercel', password: 'change-me-tiercel' };

/** @type {Readonly<Record<string, (port: number, user?: typeof USER, more?: object) => Promise<any>>>} */
export const CLIENTS = {
  async ioredis(port, user = USER, more = {}) {
    const client = new Redis({ port, ...user, ...more, retryStrategy: () => 20 });
    client.on('error', () => undefined);
    await once(client, 'ready');
    return Object.assign(client, { [Symbol.dispose]: () => client.disconnect() });
  },
  async 'node-redis'(port, user = USER) {
    const client = createClient({ ...user, socket: { port, reconnectStrategy: () => 20 } });
    client.on('error', () => undefined);
    await client.connect();
    return Object.assign(client, { [Symbol.dispose]: () => client.destroy() });
  },
};

/** The same, and a client without a socket, which cannot listen. @type {typeof CLIENTS} */
export const WITH_REST = {
  ...CLIENTS,
  async rest(port, user = USER) {
    const proxy = await RestProxy.start(port, user);
    const client = restRedis({ url: proxy.url, token: proxy.token });
    return Object.assign(client, { proxy, [Symbol.dispose]: () => proxy.stop() });
  },
};
