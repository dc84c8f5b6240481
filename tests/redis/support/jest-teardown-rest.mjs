import teardown from './jest-teardown.mjs';

export default async function teardownRest() {
  globalThis.restProxyOfJest.stop();
  await teardown();
}
