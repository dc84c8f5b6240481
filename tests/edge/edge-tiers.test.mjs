// Second tiers of the edge inside workerd: KV and the Cache API as bindings, and Redis over HTTP. Behind them are a service
// for each, which speaks what workerd speaks, and a real Redis.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { USER } from '../redis/support/clients.mjs';
import { RestProxy } from '../redis/support/rest.mjs';
import { startServer, until } from '../redis/support/server.mjs';
import { ask, leave } from './support/client.mjs';
import { bundled } from './support/modules.mjs';
import { CacheService, KvService } from './support/storage.mjs';
import { startWorkerd } from './support/workerd.mjs';

const WORKER = fileURLToPath(new URL('workers/edge-tiers.mjs', import.meta.url));
const never = new Promise(() => undefined);
const nothing = () => undefined;

// Without nodejs_compat there is nothing of Node in a Worker.
const RUNTIMES = [
  { compatibilityDate: '2024-10-14', compatibilityFlags: [] },
  { compatibilityDate: '2026-06-01', compatibilityFlags: ['nodejs_compat'] },
];

/** @type {KvService} */
let kv;
/** @type {CacheService} */
let cache;
/** @type {import('../redis/support/server.mjs').RedisServer} */
let server;
/** @type {RestProxy} */
let proxy;
before(async () => {
  [kv, cache, server] = await Promise.all([KvService.start(), CacheService.start(), startServer()]);
  proxy = await RestProxy.start(server.port, USER);
});
after(async () => {
  proxy?.stop();
  await Promise.all([kv?.stop(), cache?.stop(), server?.stop()]);
});

/** What is behind a tier: how an entry is damaged there, and how the first write is kept from being answered. */
const BEHIND = {
  kv: {
    damage: () => damage(kv.values),
    hold: () => holdPut(kv),
  },
  cache: {
    damage: () => damage(cache.values),
    hold: () => holdPut(cache),
  },
  'cache-kv': {
    damage: () => damage(cache.values),
    hold: () => holdPut(kv),
  },
  rest: {
    async damage() {
      for (const name of await server.command('KEYS', 'tiercel:e:*')) {
        const length = await server.command('STRLEN', name);
        await server.command('SETRANGE', name, length - 3, '~');
      }
    },
    hold() {
      let held = nothing;
      /** @type {Promise<void>} */
      const isHeld = new Promise((resolve) => {
        held = () => void resolve();
      });
      proxy.fault = () => {
        proxy.fault = nothing;
        held();
        return { before: never };
      };
      return isHeld;
    },
  },
};

/** @param {Map<string, { bytes: Buffer }>} values */
async function damage(values) {
  for (const [name, value] of values) {
    if (/[:/]e(\[|%5B)/.test(name))
      value.bytes = Buffer.from(value.bytes.map((byte, i) => (i === 90 ? byte ^ 1 : byte)));
  }
}

/** @param {KvService | CacheService} service */
function holdPut(service) {
  return new Promise((resolve) => {
    service.delay = ({ method }) => {
      if (method !== 'PUT') return undefined;
      service.delay = nothing;
      resolve(undefined);
      return never;
    };
  });
}

for (const runtime of RUNTIMES) {
  describe(`workerd as of ${runtime.compatibilityDate}, ${runtime.compatibilityFlags.join() || 'no flags'}`, () => {
    /** @type {import('./support/workerd.mjs').Workerd} */
    let edge;
    before(async () => {
      edge = await startWorkerd({
        modules: await bundled(WORKER),
        ...runtime,
        env: { REST_URL: proxy.url, REST_TOKEN: proxy.token },
        kv: { KV: kv.address },
        cache: cache.address,
      });
    });
    after(() => edge?.stop());
    beforeEach(async () => {
      kv.values.clear();
      cache.values.clear();
      await server.command('FLUSHALL');
    });

    for (const [tier, behind] of Object.entries(BEHIND)) {
      /** @param {string} path @param {Record<string, string>} [query] */
      const call = async (path, query = {}) => {
        const { status, text } = await ask(edge.url, `${path}?${new URLSearchParams({ tier, ...query })}`);
        assert.equal(status, 200, `${text}\n${edge.log()}`);
        return JSON.parse(text);
      };

      describe(tier, () => {
        test('what one request sets or loads, another finds, until it is invalidated', async () => {
          assert.equal(await call('/set', { key: 'k', value: 'v', tag: 't' }), true);
          assert.equal(await call('/get', { key: 'k' }), 'v');
          assert.equal(await call('/load', { key: 'k', value: 'other', tag: 't' }), 'v');
          assert.equal((await call('/invalidate', { tag: 't' })).pending, false);
          assert.equal(await call('/get', { key: 'k' }), null);
          assert.equal(await call('/load', { key: 'k', value: 'new', tag: 't' }), 'new');
          await until('it is written', async () => (await call('/get', { key: 'k' })) === 'new');
          assert.equal((await call('/delete', { key: 'k' })).pending, false);
          assert.equal(await call('/get', { key: 'k' }), null);
        });

        test('values of all kinds are as they were', async () => {
          assert.deepEqual(await call('/values'), { bytes: true, text: true, object: true, none: true });
        });

        test('what was loaded before an invalidation is not there after it', async () => {
          assert.deepEqual(await call('/race', { key: 'k' }), [
            ['tag', null],
            ['delete', null],
            ['set', 'set'],
            ['prefix', null],
            ['clear', null],
          ]);
        });

        test('what is damaged is a miss, and counted', async () => {
          await call('/set', { key: 'k', value: 'v' });
          await behind.damage();
          assert.equal(await call('/get', { key: 'k' }), null);
          const { unreadable } = await call('/health');
          assert.deepEqual(Object.keys(unreadable), ['checksum']);
        });

        test('a request that ended before it was answered leaves no other waiting for ever', async () => {
          const isHeld = behind.hold();
          await leave(edge.url, `/set?${new URLSearchParams({ tier, key: 'k', value: 'lost' })}`, () => isHeld);
          // One that had to wait for too long deletes the key at last, as another may have set it since.
          await until('another one is answered, and its value is there', async () => {
            await call('/set', { key: 'k', value: 'v', timeout: '800ms' });
            return (await call('/get', { key: 'k' })) === 'v';
          });
        });
      });
    }

    test('rest: nor does one that ended while the server has lost its scripts', async () => {
      await server.command('SCRIPT', 'FLUSH');
      const isHeld = BEHIND.rest.hold();
      await leave(edge.url, '/set?tier=rest&key=k&value=lost', () => isHeld);
      await until('another one is answered', async () => {
        const { status, text } = await ask(edge.url, '/set?tier=rest&key=k&value=v&timeout=800ms');
        assert.equal(status, 200, text);
        return text === 'true';
      });
    });
  });
}
