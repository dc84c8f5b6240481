// What others left at the keys of entries, as caches read it: a miss, a load and a count; then there is a value.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createCache } from 'tiercel';
import { redisBus, redisTier } from 'tiercel/redis';
import { CLIENTS } from './support/clients.mjs';
import { send } from './support/resp.mjs';
import { startServer, until } from './support/server.mjs';

const JSON_TEXT = '{"id":1,"name":"a"}';
const NOISE = Buffer.from(Array.from({ length: 1_000 }, (_, i) => (i * i * 31 + i * 7) & 0xff));
/** Magic and version of an entry. */
const OURS = Buffer.from('TCE\x01', 'latin1');
const u32 = (number) => Buffer.from(Uint32Array.of(number).buffer);

/** Strings by what wrote them. @type {Readonly<Record<string, string | Buffer>>} */
const STRINGS = {
  nothing: '',
  'a byte': '\0',
  'JSON of an object': JSON_TEXT,
  'JSON of a list': '[1,2,3]',
  'JSON null': 'null',
  'JSON of a text': '"TCE\\u0001"',
  'a number': '42',
  bentocache:
    '{"value":{"id":1},"createdAt":1767225600000,"earlyExpiration":1767225660000,"logicalExpiration":4102444800000,"tags":["t"]}',
  'cache-manager, keyv and cacheable': '{"value":{"id":1},"expires":4102444800000}',
  'keyv, of bytes': '{"value":":base64:AAEC","expires":null}',
  'cache-manager before keyv': '{"id":1}',
  catbox: '{"item":{"id":1},"stored":1767225600000,"ttl":60000}',
  superjson: '{"json":{"at":"2026-01-01T00:00:00.000Z"},"meta":{"values":{"at":["Date"]}}}',
  MessagePack: Buffer.from([0x82, 0xa2, 0x69, 0x64, 0x01, 0xa4, 0x6e, 0x61, 0x6d, 0x65, 0xa1, 0x61]),
  'a session of PHP': 'a:1:{s:2:"id";i:1;}',
  'Java serialization': Buffer.from('aced00057400056669727374', 'hex'),
  'a pickle of Python': Buffer.from('80049506000000000000008c0261629', 'hex'),
  gzip: gzipSync(JSON_TEXT),
  'HTML of a page': `<!doctype html><title>a</title>${'<p>text</p>'.repeat(100)}`,
  noise: NOISE,
  'noise of 1 MiB': Buffer.alloc(2 ** 20, NOISE),
  zeros: Buffer.alloc(1_000),
  'magic and version': OURS,
  'magic and version before noise': Buffer.concat([OURS, NOISE]),
  'magic and a length that is beyond the end': Buffer.concat([OURS, u32(0xffff_ffff), NOISE]),
  'magic, no scopes, and noise as frame': Buffer.concat([OURS, u32(0), NOISE]),
  'magic of a newer version': Buffer.concat([Buffer.from('TCE\x02', 'latin1'), NOISE]),
};

/** Commands that leave something that is no string, or that is one in another way. @type {Readonly<Record<string, (name: string) => string[]>>} */
const COMMANDS = {
  'a list': (name) => ['RPUSH', name, JSON_TEXT, 'b'],
  'a hash': (name) => ['HSET', name, 'value', JSON_TEXT, 'n', 'x'],
  'a set': (name) => ['SADD', name, JSON_TEXT, 'b'],
  'a sorted set': (name) => ['ZADD', name, '1', JSON_TEXT, '2', 'b'],
  'a stream': (name) => ['XADD', name, '*', 'value', JSON_TEXT],
  'places on a map': (name) => ['GEOADD', name, '13.4', '52.5', 'Berlin'],
  'a count of distinct things': (name) => ['PFADD', name, 'a', 'b'],
  bits: (name) => ['SETBIT', name, '1000', '1'],
};

let server;
before(async () => {
  server = await startServer();
});
after(() => server.stop());

const closing = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

for (const [library, connect] of Object.entries(CLIENTS)) {
  describe(`over ${library}`, () => {
    const open = async (withBus = false) => {
      const client = await connect(server.port);
      const tier = redisTier(client, { timeout: 30_000 });
      const bus = withBus ? { bus: redisBus(client, { heartbeat: 50, patience: 60_000 }) } : {};
      const cache = await createCache({ name: 'foreign', remote: tier, remoteTimeout: 30_000, ...bus });
      closing.push(async () => {
        await cache.close();
        client[Symbol.dispose]();
      });
      if (withBus) await until('the bus is live', () => cache.health().bus.state === 'live');
      return { cache, nameOf: (key) => tier.nameOf(['foreign'], key) };
    };
    const detailsOf = (cache) => /** @type {any} */ (cache.health().remote).details;
    const faultsOf = (cache) => {
      const { unreadable, dead } = detailsOf(cache);
      return dead > 0 ? { ...unreadable, dead } : { ...unreadable };
    };

    /** Reads until entries are judged without Redis, if the cache has a bus. */
    async function learn(writer, cache) {
      if (cache.health().bus === undefined) return;
      await writer.cache.set('known', 'known', { tags: ['t'] });
      const { judged } = detailsOf(cache).tokens;
      for (let i = 0; i < 1_000 && detailsOf(cache).tokens.judged === judged; i++) {
        cache.memory.clear();
        assert.equal(await cache.get('known'), 'known');
      }
      assert.ok(detailsOf(cache).tokens.judged > judged, 'it judges');
    }

    for (const withBus of [false, true]) {
      /** @param {(name: string, other: Buffer) => readonly (string | Buffer)[]} left a command, `other` the entry of another key */
      const check = async (left, fault = 'foreign') => {
        await server.command('FLUSHALL');
        const [writer, { cache, nameOf }, other] = [await open(), await open(withBus), await open()];
        for (const key of ['k', 'other']) await writer.cache.set(key, `of ${key}`, { tags: ['t'] });
        const [ofOther] = await send(server.port, [['GET', nameOf('other')]], { raw: true });
        await learn(writer, cache);
        const name = nameOf('k');
        assert.equal(await server.command('EXISTS', name), 1, 'that is where entries are');
        await send(server.port, [['DEL', name], left(name, ofOther)]);
        assert.equal(await cache.get('k'), undefined);
        assert.deepEqual(faultsOf(cache), { [fault]: 1 });
        await learn(writer, cache);
        let loads = 0;
        const load = () => {
          loads++;
          return 'loaded';
        };
        assert.equal(await cache.getOrSet('k', load, { tags: ['t'] }), 'loaded');
        assert.equal(loads, 1);
        assert.deepEqual(faultsOf(cache), { [fault]: 2 });
        await until('the value is there', async () => (await other.cache.get('k')) === 'loaded');
        assert.equal(detailsOf(cache).timeouts, 0);
      };
      const how = withBus ? ', by one that hears of changes' : '';

      for (const [who, bytes] of Object.entries(STRINGS))
        it(`is loaded again${how}: ${who}`, () => check((name) => ['SET', name, bytes]));
      for (const [who, command] of Object.entries(COMMANDS)) it(`is loaded again${how}: ${who}`, () => check(command));
      it(`is loaded again${how}: the entry of another key`, () => check((name, other) => ['SET', name, other], 'key'));
      it(`is loaded again${how}: what belongs to nothing that could be invalidated`, () => {
        const none = Buffer.of(0x90);
        return check((name) => ['SET', name, Buffer.concat([OURS, u32(none.length), none, NOISE])], 'dead');
      });
    }
  });
}
