// Connected clients of each library that is supported, to servers that belong together.
import { Cluster, Redis } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5';
import { Redis as Valkey, Cluster as ValkeyCluster } from 'iovalkey';
import { createCluster, createSentinel } from 'redis';
import { createCluster as createCluster5, createSentinel as createSentinel5 } from 'redis5';
import { ready, USER } from './clients.mjs';
import { PRIMARY_NAME } from './topologies.mjs';

/** @typedef {(servers: readonly { port: number }[], user?: typeof USER, more?: object) => Promise<any>} Connect */

const placesOf = (/** @type {readonly { port: number }[]} */ servers) =>
  servers.map(({ port }) => ({ host: '127.0.0.1', port }));

/**
 * A client of node-redis that was ended while it looked which nodes there are may go on connecting to those, for ever if it
 * is let.
 *
 * @param {(socket: object) => any} create
 */
async function connected(create) {
  let isOver = false;
  const client = create({ reconnectStrategy: () => (isOver ? new Error('the client was ended') : 20) });
  client.on('error', () => undefined);
  await client.connect();
  return Object.assign(client, {
    [Symbol.dispose]() {
      isOver = true;
      void client.destroy();
    },
  });
}

/** @param {any} Class @returns {Connect} */
const ioredisSentinel =
  (Class) =>
  (sentinels, user = USER, more = {}) =>
    ready(new Class({ sentinels: placesOf(sentinels), name: PRIMARY_NAME, ...user, ...more }));

/** @param {any} create @returns {Connect} */
const nodeRedisSentinel =
  (create) =>
  (sentinels, user = USER, more = {}) =>
    connected((socket) => {
      const clients = { nodeClientOptions: { ...user, socket }, sentinelClientOptions: { socket } };
      return create({ name: PRIMARY_NAME, sentinelRootNodes: placesOf(sentinels), ...clients, ...more });
    });

/** @param {any} Class @returns {Connect} */
const ioredisCluster =
  (Class) =>
  (servers, user = USER, more = {}) =>
    ready(new Class(placesOf(servers), { redisOptions: user, ...more }));

/** @param {any} create @returns {Connect} */
const nodeRedisCluster =
  (create) =>
  (servers, user = USER, more = {}) =>
    connected((socket) => {
      const rootNodes = placesOf(servers).map((place) => ({ socket: place }));
      return create({ rootNodes, defaults: { ...user, socket }, ...more });
    });

/** The newest of each kind, to the primary that sentinels name. @type {Readonly<Record<string, Connect>>} */
export const SENTINEL_CLIENTS = {
  ioredis: ioredisSentinel(Redis),
  'node-redis': nodeRedisSentinel(createSentinel),
};

/** All that are supported. @type {Readonly<Record<string, Connect>>} */
export const EVERY_SENTINEL_CLIENT = {
  ...SENTINEL_CLIENTS,
  'ioredis 5': ioredisSentinel(Redis5),
  'node-redis 5': nodeRedisSentinel(createSentinel5),
  iovalkey: ioredisSentinel(Valkey),
};

/** The newest of each kind, to a Cluster. @type {Readonly<Record<string, Connect>>} */
export const CLUSTER_CLIENTS = { ioredis: ioredisCluster(Cluster), 'node-redis': nodeRedisCluster(createCluster) };

/** All that are supported. @type {Readonly<Record<string, Connect>>} */
export const EVERY_CLUSTER_CLIENT = {
  ...CLUSTER_CLIENTS,
  'ioredis 5': ioredisCluster(Cluster5),
  'node-redis 5': nodeRedisCluster(createCluster5),
  iovalkey: ioredisCluster(ValkeyCluster),
};
