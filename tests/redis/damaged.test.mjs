// Entries that were damaged in Redis, as caches read them: a miss, a load and a count, whichever byte it is.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { createCache } from 'tiercel';
import { redisBus, redisTier } from 'tiercel/redis';
import { CLIENTS } from './support/clients.mjs';
import { send } from './support/resp.mjs';
import { startServer, until } from './support/server.mjs';

/** 4 KiB that do not become smaller. */
const VALUE = Array.from({ length: 4_096 }, (_, i) => String.fromCharCode(33 + ((i * i * 7 + i) % 89))).join('');
const OPTIONS = { tags: ['one', 'two'], ttl: '1h' };
const TIER = { timeout: 60_000, compressAbove: /** @type {const} */ (false) };
/** Keys that are damaged and read together. */
const BATCH = 256;
/** What is before the list of scopes: magic, version, and the length of that. */
const HEAD = 8;

let server;
before(async () => {
  server = await startServer();
});
after(() => server.stop());

const closing = [];
beforeEach(() => server.command('FLUSHALL'));
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** @param {Buffer} bytes */
const frameOf = (bytes) => HEAD + bytes.readUInt32LE(4);

/** @param {Buffer} bytes @param {number} at @param {number} mask */
function flipped(bytes, at, mask) {
  const copy = Buffer.from(bytes);
  copy[at] ^= mask;
  return copy;
}

for (const [library, connect] of Object.entries(CLIENTS)) {
  describe(`over ${library}`, () => {
    const open = async (/** @type {import('tiercel/redis').RedisBusOptions} */ more = {}) => {
      const client = await connect(server.port);
      const tier = redisTier(client, TIER);
      const bus = 'heartbeat' in more ? { bus: redisBus(client, more) } : {};
      const cache = await createCache({ name: 'damaged', remote: tier, remoteTimeout: 60_000, ...bus });
      closing.push(async () => {
        await cache.close();
        client[Symbol.dispose]();
      });
      const counts = () => {
        const { unreadable, dead, hits } = /** @type {any} */ (cache.health().remote).details;
        const faults = Object.values(unreadable).reduce((/** @type {number} */ sum, count) => sum + count, 0);
        return { unreadable: faults, dead, hits, by: { ...unreadable } };
      };
      return { cache, counts, nameOf: (key) => tier.nameOf(['damaged'], key) };
    };

    /**
     * Stores a value at each key and damages it there.
     * @param {readonly string[]} keys @param {(bytes: Buffer, i: number) => Buffer} damage
     */
    async function store(writer, keys, damage) {
      await Promise.all(keys.map((key) => writer.cache.set(key, VALUE, OPTIONS)));
      const stored = await send(
        server.port,
        keys.map((key) => ['GET', writer.nameOf(key)]),
        { raw: true },
      );
      await send(
        server.port,
        keys.map((key, i) => ['SET', writer.nameOf(key), damage(stored[i], i), 'KEEPTTL']),
      );
      return stored;
    }

    /** How long what is stored of a key is, which is the same for all of them; and where the frame begins. */
    async function measure(writer) {
      const [stored] = await store(writer, ['00000'], (bytes) => bytes);
      assert.ok(stored.length > VALUE.length, `${stored.length} bytes`);
      return { length: stored.length, frameAt: frameOf(stored) };
    }

    /** Damages in one way for each number from `from` to `to`, and reads. */
    async function damageAll({ writer, reader, from, to, damage, read }) {
      for (let first = from; first < to; first += BATCH) {
        const count = Math.min(BATCH, to - first);
        const keys = Array.from({ length: count }, (_, i) => String(first + i).padStart(5, '0'));
        // Also some that nothing happened to, so that it is seen that those are read.
        const whole = ['whole', 'as it'];
        await store(writer, [...keys, ...whole], (bytes, i) => (i < count ? damage(bytes, first + i) : bytes));
        const before = reader.counts();
        const { values, loaded } = await read(reader.cache, [...keys, ...whole]);
        for (const [i, key] of keys.entries()) assert.equal(values[i], `loaded ${key}`, `number ${key}`);
        assert.deepEqual(values.slice(count), [VALUE, VALUE]);
        assert.deepEqual(loaded.sort(), keys);
        const { unreadable, dead, hits, by } = reader.counts();
        assert.equal(hits - before.hits, whole.length);
        const facts = `numbers ${first} to ${first + count - 1}: ${JSON.stringify(by)}`;
        if (damage.mayBeDead) assert.equal(unreadable + dead - before.unreadable - before.dead, count, facts);
        else assert.deepEqual([unreadable - before.unreadable, dead - before.dead], [count, 0], facts);
        reader.cache.memory.clear();
      }
    }

    const oneByOne = async (cache, keys) => {
      const loaded = [];
      const load = (key) => {
        loaded.push(key);
        return `loaded ${key}`;
      };
      const values = await Promise.all(keys.map((key) => cache.getOrSet(key, () => load(key))));
      return { values, loaded };
    };
    const together = async (cache, keys) => {
      const loaded = [];
      const found = await cache.getOrSetMany(keys, (missing) => {
        loaded.push(...missing);
        return new Map(missing.map((key) => [key, `loaded ${key}`]));
      });
      return { values: keys.map((key) => found.get(key)), loaded };
    };

    // Of a part of what is changed there, Redis finds that it belongs to tags that were invalidated, and says so.
    const flip = Object.assign((bytes, at) => flipped(bytes, at, 1 << (at % 8)), { mayBeDead: true });
    const flipFrame = (bytes, at) => flipped(bytes, at, 1 << (at % 8));
    const cut = (bytes, length) => bytes.subarray(0, length);

    it('an entry of 4 KiB is loaded again with any byte of its frame changed, and counted as unreadable', async () => {
      const [writer, reader] = [await open(), await open()];
      const { frameAt, length } = await measure(writer);
      await damageAll({ writer, reader, from: frameAt, to: length, damage: flipFrame, read: oneByOne });
    });

    it('also with any byte of what is before the frame changed, and counted as that or as invalidated', async () => {
      const [writer, reader] = [await open(), await open()];
      const { frameAt } = await measure(writer);
      await damageAll({ writer, reader, from: 0, to: frameAt, damage: flip, read: oneByOne });
      assert.ok(reader.counts().by.foreign >= 4, 'with another magic or version it is not ours');
    });

    it('also cut off at any length', async () => {
      const [writer, reader] = [await open(), await open()];
      const { length } = await measure(writer);
      await damageAll({ writer, reader, from: 0, to: length, damage: cut, read: together });
      assert.deepEqual(Object.keys(reader.counts().by).sort(), ['foreign', 'truncated']);
    });

    it('also with a byte more at its end', async () => {
      const [writer, reader] = [await open(), await open()];
      const longer = (bytes, more) => Buffer.concat([bytes, Buffer.of(more)]);
      await damageAll({ writer, reader, from: 0, to: 256, damage: longer, read: together });
    });

    it('also where a cache knows the tags and judges by itself what it reads', async () => {
      const [writer, reader] = [await open(), await open({ heartbeat: 50, patience: 60_000 })];
      await until('the bus is live', () => reader.cache.health().bus.state === 'live');
      const { frameAt, length } = await measure(writer);
      const tokens = () => /** @type {any} */ (reader.cache.health().remote).details.tokens;
      const learn = async () => {
        const { judged } = tokens();
        for (let i = 0; i < 1_000 && tokens().judged === judged; i++) {
          reader.cache.memory.clear();
          assert.equal(await reader.cache.get('00000'), VALUE);
        }
        assert.ok(tokens().judged > judged, 'it judges');
      };
      let damaged = 0;
      for (let at = frameAt; at < length; at += 61) {
        await learn();
        await store(writer, ['k'], (bytes) => flipFrame(bytes, at));
        const { unreadable } = reader.counts();
        assert.equal(await reader.cache.getOrSet('k', () => 'loaded'), 'loaded', `byte ${at}`);
        assert.equal(reader.counts().unreadable, unreadable + 1);
        damaged++;
      }
      // It was found by itself, and then Redis was asked as well; not so where the cache forgot just then what it knew.
      assert.ok(tokens().askedAgain > damaged / 2, `${tokens().askedAgain} of ${damaged}`);
    });

    it('a frame of another version is loaded again', async () => {
      const [writer, reader] = [await open(), await open()];
      const { frameAt } = await measure(writer);
      const damage = (bytes, version) => {
        const copy = Buffer.from(bytes);
        assert.equal(copy[frameAt + 3], 1);
        copy[frameAt + 3] = version;
        return copy;
      };
      await damageAll({ writer, reader, from: 2, to: 256, damage, read: together });
      assert.deepEqual(reader.counts().by, { version: 254 });
    });
  });
}
