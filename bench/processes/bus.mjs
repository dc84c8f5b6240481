// A cache of bus.bench.mjs in a process of its own: says when it let go of each key, by the clock that all processes share.
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { createCache } from 'tiercel';
import { redisBus, redisTier } from 'tiercel/redis';

const [port, mode, busy] = process.argv.slice(2);
const client = new Redis({ port: Number(port), username: 'admin', password: 'change-me-admin' });
await once(client, 'ready');

/** @type {{ key: string, at: number }[]} */
const gone = [];
const at = () => Number(process.hrtime.bigint()) / 1e6;
const inner = redisBus(client, { mode: mode === 'tracking' ? mode : 'pubsub', timeout: '5s' });
/** @type {import('tiercel').Bus} */
const bus = {
  open: (listener) =>
    inner.open({
      changed(changes, carried, age) {
        listener.changed(changes, carried, age);
        for (const change of changes) if (mode !== 'plain' && 'key' in change) gone.push({ key: change.key, at: at() });
      },
      live: () => listener.live(),
      missed: (reason) => listener.missed(reason),
      down: (reason) => listener.down(reason),
    }),
  publish: (changes, carried) => inner.publish(changes, carried),
  check: () => inner.check(),
  close: () => inner.close(),
};
const cache = await createCache({ remote: redisTier(client, { timeout: '5s' }), bus, remoteTimeout: '5s' });
if (mode === 'plain') {
  const listener = client.duplicate();
  listener.on('message', (_, key) => gone.push({ key, at: at() }));
  await listener.subscribe('plain');
}
while (cache.health().bus?.state !== 'live') await new Promise((resolve) => setTimeout(resolve, 10));

// A service that answers from memory: at most a millisecond of work in a turn.
if (busy === 'busy') {
  const turn = () => {
    const end = performance.now() + 1;
    while (performance.now() < end) void cache.getOrSet('hot', () => ({ a: 1 }));
    setTimeout(turn, 1);
  };
  turn();
}

process.on('disconnect', () => process.exit());
process.on('message', async (what) => {
  if (what === 'end') {
    await cache.close();
    client.disconnect();
    process.exit();
  }
  process.send?.({ gone: gone.splice(0) });
});
process.send?.('ready');
