// One server for all files of the Jest suite, which are in processes of their own.
import { startServer } from './server.mjs';

export default async function setup() {
  const server = await startServer();
  globalThis.redisServerOfJest = server;
  process.env.TIERCEL_REDIS_PORT = String(server.port);
}
