export default async function teardown() {
  await globalThis.redisServerOfJest.stop();
}
