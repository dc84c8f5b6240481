// Connected clients of each library that is supported.
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import { Redis as Valkey } from 'iovalkey';
import { createClient } from 'redis';
import { createClient as createClient5 } from 'redis5';
import { restRedis } from 'tiercel/redis';
import { RestProxy } from './rest.mjs';

/** The user of examples/redis that has no more rights than the tier and the bus need. */
export const USER = { username: 'tiercel', password: 'change-me-tiercel' };

/** @typedef {(port: number, user?: typeof USER, more?: object) => Promise<any>} Connect */

/** @param {any} client of ioredis, or its like, once it is connected */
export async function ready(client) {
  client.on('error', () => undefined);
  await once(client, 'ready');
  return Object.assign(client, { [Symbol.dispose]: () => client.disconnect() });
}

/** @param {any} Class @returns {Connect} */
const ioredis =
  (Class) =>
  (port, user = USER, more = {}) =>
    ready(new Class({ port, ...user, retryStrategy: () => 20, ...more }));

/** @param {any} create @returns {Connect} */
const nodeRedis =
  (create) =>
  async (port, user = USER, more = {}) => {
    const client = create({ ...user, socket: { port, reconnectStrategy: () => 20, ...more } });
    client.on('error', () => undefined);
    await client.connect();
    return Object.assign(client, { [Symbol.dispose]: () => client.destroy() });
  };

/** The newest of each kind. @type {Readonly<Record<string, Connect>>} */
export const CLIENTS = { ioredis: ioredis(Redis), 'node-redis': nodeRedis(createClient) };

/** All that are supported. @type {Readonly<Record<string, Connect>>} */
export const EVERY_CLIENT = {
  ...CLIENTS,
  'ioredis 5': ioredis(Redis5),
  'node-redis 5': nodeRedis(createClient5),
  iovalkey: ioredis(Valkey),
};

/** The same, and a client without a socket, which cannot listen. @type {typeof CLIENTS} */
export const WITH_REST = {
  ...EVERY_CLIENT,
  async rest(port, user = USER) {
    const proxy = await RestProxy.start(port, user);
    const client = restRedis({ url: proxy.url, token: proxy.token, timeout: '1m' });
    return Object.assign(client, { proxy, [Symbol.dispose]: () => proxy.stop() });
  },
};
