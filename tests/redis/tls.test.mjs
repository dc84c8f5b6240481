// Clients that talk to a server over TLS, each proving who it is to the other: all goes through the client as it is made.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect } from 'node:tls';
import { createCache } from 'tiercel';
import { DistributedLock, redisBus, redisHealth, redisTier } from 'tiercel/redis';
import { EVERY_CLIENT, USER } from './support/clients.mjs';
import { freePort, RedisServer, serverConfiguration, until } from './support/server.mjs';

/** A new key with a certificate that nobody else has signed, in a folder. */
function certify(folder) {
  const [key, certificate] = ['redis.key', 'redis.crt'].map((name) => join(folder, name));
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
      ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
      ...['-keyout', key, '-out', certificate],
    ],
    { stdio: 'ignore' },
  );
  return { key, certificate };
}

let server;
let tlsPort;
let tls;
before(async () => {
  const port = await freePort();
  tlsPort = await freePort();
  server = new RedisServer(port, (folder) => {
    const { key, certificate } = certify(folder);
    tls = { ca: readFileSync(certificate), key: readFileSync(key), cert: readFileSync(certificate), host: 'localhost' };
    const files = ['tls-cert-file', 'tls-ca-cert-file'].map((name) => `${name} ${certificate}\n`).join('');
    return `${serverConfiguration(port)(folder)}tls-port ${tlsPort}\n${files}tls-key-file ${key}\ntls-auth-clients yes\n`;
  });
  await server.start();
});
after(() => server.stop());

it('the server talks to nobody there who does not prove who it is', async () => {
  const { ca, host } = tls;
  const socket = connect({ port: tlsPort, host, ca });
  const failed = new Promise((resolve) => {
    socket.on('error', resolve);
  });
  socket.write('PING\r\n');
  assert.match(String(await failed), /certificate/);
});

for (const [library, connectTo] of Object.entries(EVERY_CLIENT)) {
  describe(`over ${library}`, () => {
    it('the tier, the bus, locks and health work over TLS', async () => {
      const more = library.startsWith('node-redis') ? { tls: true, ...tls } : { host: tls.host, tls };
      const client = await connectTo(tlsPort, USER, more);
      const options = { timeout: 10_000, prefix: `tiercel:${library.replace(' ', '-')}` };
      const open = async () => {
        const cache = await createCache({
          remote: redisTier(client, options),
          bus: redisBus(client, { ...options, heartbeat: 50, patience: 5_000 }),
          remoteTimeout: 10_000,
        });
        await until('the bus is live', () => cache.health().bus.state === 'live');
        return cache;
      };
      const [a, b] = [await open(), await open()];
      await a.set('k', 'old', { tags: ['t'] });
      assert.equal(await b.get('k'), 'old');
      await a.invalidateTags('t');
      await until('the other has heard of it', () => b.memory.get('k') === undefined);
      assert.equal(await b.get('k'), undefined);
      const held = await new DistributedLock(client, 'job', options).acquire();
      await held.release();
      const clients = await server.command('CLIENT', 'LIST');
      assert.ok(clients.split('\n').filter((line) => line.includes(`laddr=127.0.0.1:${tlsPort}`)).length >= 3);
      await Promise.all([a.close(), b.close()]);
      client[Symbol.dispose]();
      const admin = await connectTo(tlsPort, { username: 'tiercel-health', password: 'change-me-health' }, more);
      assert.equal((await redisHealth(admin, { timeout: 10_000 })).role, 'master');
      admin[Symbol.dispose]();
    });
  });
}
