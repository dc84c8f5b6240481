// What a primary says of its replicas, and a replica of its primary.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { redisHealth } from 'tiercel/redis';
import { CLIENTS } from './support/clients.mjs';
import { send } from './support/resp.mjs';
import { until } from './support/server.mjs';
import { startReplicated } from './support/topologies.mjs';

const HEALTH = { username: 'tiercel-health', password: 'change-me-health' };
const PATIENT = { timeout: 30_000 };

let group;
before(async () => {
  group = await startReplicated();
  // A primary that has nothing else to say is heard of once in 10 s.
  await group.servers[0].command('CONFIG', 'SET', 'repl-ping-replica-period', 1);
});
after(() => group.stop());

for (const [library, connect] of Object.entries(CLIENTS)) {
  describe(`over ${library}`, () => {
    let primary;
    let replicas;
    /** The clients of the servers, in their order. */
    let clients;
    before(async () => {
      [primary, ...replicas] = group.servers;
      clients = await Promise.all(group.servers.map(({ port }) => connect(port, HEALTH)));
    });
    after(() => {
      for (const client of clients) client[Symbol.dispose]();
    });
    const addressOf = ({ port }) => `127.0.0.1:${port}`;
    const replicationOf = async (client) => (await redisHealth(client, PATIENT)).replication;
    /** What the primary says of a replica. */
    const saidOf = async (replica) =>
      (await replicationOf(clients[0])).replicas.find(({ address }) => address === addressOf(replica));
    /** Redis counts in seconds, and a replica reports once in each. */
    const isInStep = ({ state, lag, behind }) => state === 'online' && lag <= 1_000 && behind === 0;
    const allInStep = () =>
      until('all are in step', async () => {
        const { replicas: list } = await replicationOf(clients[0]);
        return list.length === 2 && list.every(isInStep);
      });

    it('a primary lists its replicas, and a replica its primary', async () => {
      await allInStep();
      const { role, replication } = await redisHealth(clients[0], PATIENT);
      assert.equal(role, 'master');
      assert.deepEqual(replication.replicas.map(({ address }) => address).sort(), replicas.map(addressOf).sort());
      assert.equal(replication.primary, undefined);
      for (const client of clients.slice(1)) {
        const health = await redisHealth(client, PATIENT);
        assert.equal(health.role, 'slave');
        assert.deepEqual(health.replication.replicas, []);
        const { address, connected } = health.replication.primary;
        assert.deepEqual({ address, connected }, { address: addressOf(primary), connected: true });
        await until('it hears of it', async () => (await replicationOf(client)).primary.silent <= 1_000);
      }
    });

    it('a replica that stands still lags, and is behind by what was written since', async () => {
      const [still, other] = replicas;
      still.suspend();
      try {
        const written = Array.from({ length: 100 }, (_, i) => ['SET', `tiercel:${i}`, 'x'.repeat(1_000)]);
        await send(primary.port, written);
        const late = await until('it lags', async () => {
          const said = await saidOf(still);
          return said.lag >= 2_000 && said;
        });
        assert.ok(late.behind >= 100_000 && late.behind < 200_000, `${late.behind} bytes`);
        assert.equal(late.state, 'online');
        await until('the other one is in step', async () => isInStep(await saidOf(other)));
      } finally {
        still.resume();
      }
      await until('it is in step again', async () => isInStep(await saidOf(still)));
    });

    it('a primary that stands still is silent to its replicas', async () => {
      primary.suspend();
      try {
        const { connected } = await until('it is silent', async () => {
          const said = (await replicationOf(clients[1])).primary;
          return said.silent >= 3_000 && said;
        });
        assert.equal(connected, true);
      } finally {
        primary.resume();
      }
      await allInStep();
    });

    it('a replica that is cut off is not listed, and says for how long', async () => {
      await primary.command('ACL', 'SETUSER', 'replica', 'off');
      await primary.command('CLIENT', 'KILL', 'TYPE', 'replica');
      try {
        await until('nobody follows it', async () => (await replicationOf(clients[0])).replicas.length === 0);
        for (const client of clients.slice(1)) {
          await until('it is cut off', async () => {
            const { address, connected, silent } = (await replicationOf(client)).primary;
            assert.equal(address, addressOf(primary));
            return !connected && silent >= 1_000;
          });
        }
      } finally {
        await primary.command('ACL', 'SETUSER', 'replica', 'on');
      }
      await allInStep();
      for (const client of clients.slice(1))
        await until('it is connected again', async () => (await replicationOf(client)).primary.connected);
    });
  });
}
