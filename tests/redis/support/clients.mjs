// Connected clients of each library that is supported.
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { createClient } from 'redis';

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
