import { Redis } from 'ioredis';
import { createClient } from 'redis';
import type { RedisClient } from 'tiercel/redis';

const USER = { username: 'tiercel', password: 'change-me-tiercel' };
const port = Number(process.env.TIERCEL_REDIS_PORT);

const open: (() => void)[] = [];

/** Connected clients of each library, as the user of examples/redis that has no more rights than it needs. */
export const CLIENTS: Readonly<Record<string, () => Promise<RedisClient>>> = {
  async ioredis() {
    const client = new Redis({ port, ...USER });
    open.push(() => client.disconnect());
    await new Promise((resolve) => client.once('ready', resolve));
    return client;
  },
  async 'node-redis'() {
    const client = createClient({ ...USER, socket: { port } });
    open.push(() => client.destroy());
    await client.connect();
    return client;
  },
};

afterAll(() => {
  for (const close of open.splice(0)) close();
});
