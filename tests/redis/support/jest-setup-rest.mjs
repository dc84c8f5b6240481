// The server of jest-setup.mjs, and a way to it over HTTP.
import setup from './jest-setup.mjs';
import { ADMIN } from './resp.mjs';
import { RestProxy } from './rest.mjs';

export default async function setupRest() {
  await setup();
  const [username, password] = ADMIN;
  const proxy = await RestProxy.start(globalThis.redisServerOfJest.port, { username, password });
  globalThis.restProxyOfJest = proxy;
  process.env.TIERCEL_REST_URL = proxy.url;
  process.env.TIERCEL_REST_TOKEN = proxy.token;
}
