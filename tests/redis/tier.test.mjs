// What the second tier in Redis promises, on a real server.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { redisTier } from 'tiercel/redis';
import { WITH_REST } from './support/clients.mjs';
import { send } from './support/resp.mjs';
import { startServer } from './support/server.mjs';

const CALL = { signal: new AbortController().signal };
const NS = ['cache'];

const entryOf = (value, more = {}) => ({ value, ttl: 60_000, stale: 0, tags: [], dependsOn: [], ...more });

/** A read with a lease, and one without. */
const leasedRead = (key, { tags = [], dependsOn = [], namespace = NS } = {}) => ({
  namespace,
  key,
  lease: true,
  tags,
  dependsOn,
});
const plainRead = (key, namespace = NS) => ({ namespace, key, lease: false, tags: [], dependsOn: [] });

async function valueAt(tier, key, namespace = NS) {
  const [found] = await tier.read([plainRead(key, namespace)], CALL);
  return found.entry?.value;
}

const set = (tier, key, value, more) => tier.write([{ namespace: NS, key, entry: entryOf(value, more) }], CALL);

/** Everything that makes a value of `p:k` wrong that has the tag `t` and is made from `other`. */
const CHANGES = {
  delete: { kind: 'delete', namespace: NS, key: 'p:k' },
  'set elsewhere': { kind: 'set', namespace: NS, key: 'p:k' },
  expire: { kind: 'expire', namespace: NS, key: 'p:k' },
  tag: { kind: 'tags', namespace: NS, tags: ['t'] },
  'one of many tags': { kind: 'tags', namespace: NS, tags: ['a', 't', 'b'] },
  prefix: { kind: 'prefix', namespace: NS, prefix: 'p:' },
  pattern: { kind: 'pattern', namespace: NS, pattern: '*[k]' },
  'what it is made from': { kind: 'delete', namespace: NS, key: 'other' },
  'prefix of what it is made from': { kind: 'prefix', namespace: NS, prefix: 'oth' },
  clear: { kind: 'clear', namespace: NS },
};
const RELATED = { tags: ['t'], dependsOn: ['other'] };

let server;
before(async () => {
  server = await startServer();
});
after(() => server.stop());

async function evalshas() {
  const stats = await server.command('INFO', 'commandstats');
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

/** What sends a command, of each client. */
const methodOf = (client) => ['callBuffer', 'sendCommand', 'send'].find((name) => name in client);

for (const [library, connect] of Object.entries(WITH_REST)) {
  describe(`a tier over ${library}`, () => {
    let client;
    let tier;
    before(async () => {
      client = await connect(server.port);
    });
    after(() => client[Symbol.dispose]());
    beforeEach(async () => {
      await server.command('FLUSHALL');
      tier = redisTier(client, { timeout: 5_000 });
    });

    it('keeps a value with all that is known of it', async () => {
      const entry = entryOf({ n: [1, null, 'é\ud800'] }, { stale: 5_000, ...RELATED, etag: '"1"', took: 12 });
      assert.deepEqual(await tier.write([{ namespace: NS, key: 'k', entry }], CALL), [true]);
      const [{ entry: found }] = await tier.read([plainRead('k')], CALL);
      assert.ok(found.ttl > 59_000 && found.ttl <= 60_000, `${found.ttl} ms`);
      assert.deepEqual({ ...found, ttl: 60_000 }, entry);
    });

    it('keeps what is never stale, and what is stale from the beginning', async () => {
      await set(tier, 'ever', 1, { ttl: Number.POSITIVE_INFINITY });
      await set(tier, 'stale', 1, { ttl: -1_000, stale: 60_000 });
      await set(tier, 'over', 1, { ttl: -1_000, stale: 1_000 });
      const [ever, stale, over] = await tier.read(
        ['ever', 'stale', 'over'].map((key) => plainRead(key)),
        CALL,
      );
      assert.equal(ever.entry.ttl, Number.POSITIVE_INFINITY);
      assert.ok(stale.entry.ttl <= -1_000 && stale.entry.ttl > -2_000, `${stale.entry.ttl} ms`);
      assert.equal(over.entry, undefined);
      await tier.change([{ kind: 'expire', namespace: NS, key: 'stale' }], CALL);
      assert.equal(await server.command('PTTL', 'tiercel:e:{["cache","ever"]}'), -1);
    });

    it('is asked, written and told of changes in one round trip for many keys, with tags', async () => {
      const keys = Array.from({ length: 64 }, (_, i) => `k${i}`);
      const writes = keys.map((key) => ({ namespace: NS, key, entry: entryOf(key, { tags: ['a', 'b', 'c'] }) }));
      await tier.write(writes, CALL);
      const first = await evalshas();
      await tier.write(writes, CALL);
      const found = await tier.read(
        keys.map((key) => leasedRead(key, { tags: ['a', 'b', 'c'] })),
        CALL,
      );
      await tier.change(
        keys.map((key) => ({ kind: 'delete', namespace: NS, key })),
        CALL,
      );
      assert.equal((await evalshas()) - first, 3);
      assert.deepEqual(
        found.map(({ entry }) => entry.value),
        keys,
      );
      // More are in two calls, which are under way together.
      const more = tier.read(
        [...keys, ...keys].map((key) => leasedRead(key)),
        CALL,
      );
      assert.equal(tier.health().inFlight, 2);
      assert.equal((await more).length, 128);
    });

    it('gives a lease that is for what is missing only where nothing fresh is, and else leaves no trace', async () => {
      const missing = (key) => ({ ...leasedRead(key, RELATED), lease: 'missing' });
      await set(tier, 'fresh', 1);
      await set(tier, 'stale', 1, { ttl: -1, stale: 60_000 });
      await set(tier, 'damaged', 1);
      const name = 'tiercel:e:{["cache","damaged"]}';
      await server.command('SETRANGE', name, (await server.command('STRLEN', name)) - 1, 'x');
      const keys = ['fresh', 'stale', 'damaged', 'none'];
      const found = await tier.read(keys.map(missing), CALL);
      assert.deepEqual(
        found.map(({ entry, lease }) => [entry?.value, lease !== undefined]),
        [
          [1, false],
          [1, true],
          [undefined, true],
          [undefined, true],
        ],
      );
      const leases = await server.command('KEYS', 'tiercel:l:*');
      assert.deepEqual(
        leases.sort(),
        ['damaged', 'none', 'stale'].map((key) => `tiercel:l:{["cache","${key}"]}`),
      );
      const writes = keys.slice(1).map((key, i) => ({ ...missing(key), entry: entryOf(2), lease: found[i + 1].lease }));
      assert.deepEqual(await tier.write(writes, CALL), [true, true, true]);
      await tier.change([{ kind: 'prefix', namespace: NS, prefix: 'dam' }], CALL);
      const [barred] = await tier.read([missing('damaged')], CALL);
      assert.equal(barred.entry, undefined);
      assert.ok(barred.lease);
    });

    for (const [name, change] of Object.entries(CHANGES)) {
      it(`gives nothing that was there before a change: ${name}`, async () => {
        await set(tier, 'other', 0);
        await set(tier, 'p:k', 'old', RELATED);
        await tier.change([change], CALL);
        const [{ entry }] = await tier.read([plainRead('p:k')], CALL);
        assert.equal(entry, undefined);
      });

      it(`takes nothing that was loaded during a change: ${name}`, async () => {
        const [{ lease }] = await tier.read([leasedRead('p:k', RELATED)], CALL);
        // Changed twice, as when it is tried again.
        await tier.change([change], CALL);
        await tier.change([change], CALL);
        const write = { namespace: NS, key: 'p:k', entry: entryOf('old', RELATED), lease };
        assert.deepEqual(await tier.write([write], CALL), [false]);
        assert.equal(await valueAt(tier, 'p:k'), undefined);
        const [{ lease: next }] = await tier.read([leasedRead('p:k', RELATED)], CALL);
        assert.deepEqual(await tier.write([{ ...write, entry: entryOf('new', RELATED), lease: next }], CALL), [true]);
        assert.equal(await valueAt(tier, 'p:k'), 'new');
      });
    }

    it('takes nothing that was loaded while it was set, and of two loads one', async () => {
      const leases = await tier.read([leasedRead('k'), leasedRead('k')], CALL);
      const writes = leases.map(({ lease }, i) => ({ namespace: NS, key: 'k', entry: entryOf(i), lease }));
      assert.deepEqual(await tier.write(writes, CALL), [true, false]);
      const [{ lease }] = await tier.read([leasedRead('k')], CALL);
      await set(tier, 'k', 'set');
      assert.deepEqual(await tier.write([{ namespace: NS, key: 'k', entry: entryOf('old'), lease }], CALL), [false]);
      assert.equal(await valueAt(tier, 'k'), 'set');
    });

    it('takes nothing by tokens that come back because a client sends a call again that was not answered', async () => {
      const method = methodOf(client);
      const sent = [];
      const spy = new Proxy(client, {
        get(target, name) {
          const member = Reflect.get(target, name, target);
          if (typeof member !== 'function') return member;
          return (...args) => {
            if (name === method) sent.push(args);
            return member.apply(target, args);
          };
        },
      });
      const own = redisTier(spy, { timeout: 5_000 });
      const [{ lease }] = await own.read([leasedRead('k', RELATED)], CALL);
      await tier.change([{ kind: 'delete', namespace: NS, key: 'k' }, CHANGES.tag, CHANGES.clear], CALL);
      await client[method](...sent.at(-1));
      const write = { namespace: NS, key: 'k', entry: entryOf('old', RELATED), lease };
      assert.deepEqual(await own.write([write], CALL), [false]);
    });

    it('knows of tags that are only known after the load whether they were invalidated', async () => {
      const load = async (during) => {
        const [{ lease }] = await tier.read([leasedRead('k')], CALL);
        for (const tags of during) await tier.change([{ kind: 'tags', namespace: NS, tags }], CALL);
        const entry = entryOf('v', { tags: ['late'] });
        const [stored] = await tier.write([{ namespace: NS, key: 'k', entry, lease }], CALL);
        return stored;
      };
      assert.equal(await load([]), true);
      assert.equal(await load([['other'], ['third']]), true);
      assert.equal(await load([['other'], ['late'], ['third']]), false);
      // More than are remembered.
      assert.equal(await load(Array.from({ length: 130 }, (_, i) => [`t${i}`])), false);
      assert.equal(await load([]), true);
    });

    it('remembers a number of changes of prefixes; what is older than those is lost, not stale', async () => {
      const bar = (n) =>
        tier.change(
          Array.from({ length: n }, (_, i) => ({ kind: 'prefix', namespace: NS, prefix: `p${i}:` })),
          CALL,
        );
      await set(tier, 'k', 'v');
      await bar(128);
      assert.equal(await valueAt(tier, 'k'), 'v');
      await bar(1);
      assert.equal(await valueAt(tier, 'k'), undefined);
      await set(tier, 'k', 'new');
      assert.equal(await valueAt(tier, 'k'), 'new');
      const fields = await server.command('HLEN', 'tiercel:n:{["cache"]}');
      assert.ok(fields <= 131, `${fields} fields`);
    });

    it('makes what depends on a key wrong through any number of others', async () => {
      const chain = { a: [], b: ['a'], c: ['b'] };
      const reset = async () => {
        for (const [key, dependsOn] of Object.entries(chain))
          await set(tier, key, key, { dependsOn, tags: key === 'a' ? ['t'] : [] });
        assert.equal(await valueAt(tier, 'c'), 'c');
      };
      for (const change of [
        { kind: 'delete', namespace: NS, key: 'a' },
        { kind: 'tags', namespace: NS, tags: ['t'] },
        { kind: 'pattern', namespace: NS, pattern: 'a' },
      ]) {
        await reset();
        await tier.change([change], CALL);
        assert.deepEqual(await Promise.all(['a', 'b', 'c'].map((key) => valueAt(tier, key))), [
          undefined,
          undefined,
          undefined,
        ]);
      }
      await reset();
      const [{ lease }] = await tier.read([leasedRead('d', { dependsOn: ['c'] })], CALL);
      await tier.change([{ kind: 'tags', namespace: NS, tags: ['t'] }], CALL);
      const entry = entryOf('old', { dependsOn: ['c'] });
      assert.deepEqual(await tier.write([{ namespace: NS, key: 'd', entry, lease }], CALL), [false]);
    });

    it('keeps places apart, however their parts join, and takes no key for a pattern', async () => {
      /** @type {[string[], string][]} */
      const places = [
        [['cache'], 'a:b'],
        [['cache', 'a'], 'b'],
        [['cache', 'a:b'], ''],
        [['cache'], 'a","b'],
        [['cache","a'], 'b'],
        [['cache'], '*'],
        [['cache'], '}{'],
        [['cache'], '\ud800'],
        [['cache'], '\ud801'],
        [['cache'], '\ufffd'],
        [['cache'], 'a\r\nDEL x\r\n\0'],
        [['cache'], '\\ud800'],
      ];
      const write = ([namespace, key], i) => ({ namespace, key, entry: entryOf(i, { tags: [key] }) });
      await tier.write(places.map(write), CALL);
      const read = async () => {
        const found = await tier.read(
          places.map(([namespace, key]) => plainRead(key, namespace)),
          CALL,
        );
        return found.map(({ entry }) => entry?.value);
      };
      assert.deepEqual(await read(), [...places.keys()]);
      await tier.change([{ kind: 'delete', namespace: ['cache'], key: '*' }], CALL);
      await tier.change([{ kind: 'tags', namespace: ['cache'], tags: ['\ud800'] }], CALL);
      await tier.change([{ kind: 'prefix', namespace: ['cache'], prefix: '*' }], CALL);
      const gone = new Set([5, 7]);
      assert.deepEqual(
        await read(),
        [...places.keys()].map((i) => (gone.has(i) ? undefined : i)),
      );
    });

    it('costs a miss at most, whichever key of Redis is lost', async () => {
      const fill = async () => {
        await set(tier, 'other', 0);
        await set(tier, 'k', 'right', RELATED);
        await tier.read([leasedRead('k', RELATED)], CALL);
      };
      await fill();
      const names = await server.command('KEYS', '*');
      assert.ok(names.length >= 6, String(names));
      for (const name of names) {
        for (const change of [
          undefined,
          { kind: 'tags', namespace: NS, tags: ['t'] },
          { kind: 'clear', namespace: NS },
        ]) {
          await server.command('FLUSHALL');
          await fill();
          const [{ lease }] = await tier.read([leasedRead('k', RELATED)], CALL);
          if (change !== undefined) await tier.change([change], CALL);
          await server.command('DEL', name);
          const [stored] = await tier.write(
            [{ namespace: NS, key: 'k', entry: entryOf('right', RELATED), lease }],
            CALL,
          );
          if (change !== undefined) assert.equal(stored, false, name);
          const value = await valueAt(tier, 'k');
          assert.ok(value === undefined || (value === 'right' && change === undefined), `${name}: ${value}`);
        }
      }
    });

    it('takes what is not its own for nothing, and writes over it', async () => {
      await set(tier, 'other', 0);
      await set(tier, 'k', 'v', RELATED);
      await tier.read([leasedRead('k', RELATED)], CALL);
      const names = await server.command('KEYS', '*');
      const foreign = [
        (name) => ['SET', name, 'something else'],
        (name) => ['SET', name, ''],
        (name) => ['RPUSH', name, 'a'],
        (name) => ['HSET', name, 'n', 'x', 'q', 'y'],
        (name) => ['SADD', name, 'a'],
        (name) => ['XADD', name, '*', 'a', 'b'],
      ];
      for (const name of names) {
        for (const command of foreign) {
          await server.command('DEL', name);
          await server.command(...command(name));
          const [{ entry, lease }] = await tier.read([leasedRead('k', RELATED)], CALL);
          assert.ok(entry === undefined || entry.value === 'v', `${name} ${command(name)}`);
          assert.notEqual(lease, undefined);
          await set(tier, 'other', 0);
          await set(tier, 'k', 'v', RELATED);
          assert.equal(await valueAt(tier, 'k'), 'v', `${name} ${command(name)}`);
        }
      }
      assert.ok(tier.health().unreadable.foreign > 0);
    });

    it('gives what is right or nothing for every byte of an entry that is changed or cut off', async () => {
      await set(tier, 'k', 'the value', RELATED);
      const name = 'tiercel:e:{["cache","k"]}';
      const [whole] = await send(server.port, [['GET', name]], { raw: true });
      for (let at = 0; at < whole.length; at++) {
        const damaged = Array.from({ length: 8 }, (_, bit) => {
          const flipped = Buffer.from(whole);
          flipped[at] ^= 1 << bit;
          return flipped;
        });
        for (const bytes of [...damaged, whole.subarray(0, at)]) {
          await server.command('SET', name, bytes);
          assert.equal(await valueAt(tier, 'k'), undefined, `byte ${at} of ${whole.length}`);
        }
        await tier.touch([{ namespace: NS, key: 'k', ttl: 1_000 }], CALL);
        await tier.change([{ kind: 'expire', namespace: NS, key: 'k' }], CALL);
      }
      await server.command('SET', name, whole);
      assert.equal(await valueAt(tier, 'k'), 'the value');
    });

    it('goes on when the server lost its scripts, in the order of the calls', async () => {
      for (let round = 0; round < 20; round++) {
        const calls = [];
        for (let i = 0; i < 10; i++) {
          if (i === round % 10) calls.push(server.command('SCRIPT', 'FLUSH'));
          calls.push(set(tier, 'k', i));
          calls.push(tier.change([{ kind: 'delete', namespace: NS, key: 'k' }], CALL));
        }
        calls.push(set(tier, 'k', `last ${round}`));
        const reading = valueAt(tier, 'k');
        await Promise.all(calls);
        assert.equal(await reading, `last ${round}`);
      }
      assert.ok(tier.health().loads > 5);
    });

    it('sets nothing after what was changed later, when another process brought the scripts back meanwhile', async () => {
      const method = methodOf(client);
      let isLost = false;
      const losing = new Proxy(client, {
        get(target, name) {
          const member = Reflect.get(target, name, target);
          if (typeof member !== 'function') return member;
          return (...args) => {
            if (name !== method || !isLost) return member.apply(target, args);
            isLost = false;
            return member.apply(
              target,
              'callBuffer' in client ? ['EVALSHA', 'f'.repeat(40), '0'] : [['EVALSHA', 'f'.repeat(40), '0']],
            );
          };
        },
      });
      const own = redisTier(losing, { timeout: 5_000 });
      await set(own, 'k', 'first');
      isLost = true;
      const setting = set(own, 'k', 'old');
      const deleting = own.change([{ kind: 'delete', namespace: NS, key: 'k' }], CALL);
      await assert.rejects(setting, { code: 'ERR_TIERCEL_UNAVAILABLE' });
      assert.deepEqual(await deleting, [1]);
      assert.equal(await valueAt(own, 'k'), undefined);
      // With nothing after it, it is sent again.
      isLost = true;
      assert.deepEqual(await set(own, 'k', 'new'), [true]);
      assert.equal(await valueAt(own, 'k'), 'new');
    });

    it('touches what is there', async () => {
      await set(tier, 'k', 'v', { stale: 1_000, tags: ['t'] });
      const touch = (key, ttl) => tier.touch([{ namespace: NS, key, ttl }], CALL);
      assert.deepEqual(await touch('none', 1_000), [false]);
      assert.deepEqual(await touch('k', 3_600_000), [true]);
      const left = async (name) => server.command('PTTL', `tiercel:${name}`);
      assert.ok((await left('e:{["cache","k"]}')) > 3_600_000);
      // What it is checked against lives as long.
      assert.ok((await left('t:{["cache","t"]}')) > 3_600_000);
      assert.deepEqual(await touch('k', 0), [true]);
      assert.deepEqual([await left('e:{["cache","k"]}'), await left('t:{["cache","t"]}')], [-1, -1]);
      await tier.change([{ kind: 'tags', namespace: NS, tags: ['t'] }], CALL);
      assert.deepEqual(await touch('k', 1_000), [false]);
    });

    it('keeps the order of calls though some values take their time to be written', async () => {
      const slow = redisTier(client, { timeout: 5_000, encryption: [{ id: 'a', key: new Uint8Array(32) }] });
      const large = 'x'.repeat(100_000);
      const setting = set(slow, 'k', large);
      const deleting = slow.change([{ kind: 'delete', namespace: NS, key: 'k' }], CALL);
      const reading = valueAt(slow, 'k');
      assert.deepEqual([await setting, await deleting, await reading], [[true], [1], undefined]);
      await set(slow, 'k', large);
      assert.equal(await valueAt(slow, 'k'), large);
      // Without the key, or of another one: nothing, and counted.
      assert.equal(await valueAt(tier, 'k'), undefined);
      const other = redisTier(client, { timeout: 5_000, encryption: [{ id: 'b', key: new Uint8Array(32) }] });
      assert.equal(await valueAt(other, 'k'), undefined);
      assert.deepEqual(/** @type {any} */ (other.health()).unreadable, { 'encryption-key': 1 });
    });

    it('keeps bytes, and what a serializer of its own makes of values', async () => {
      const bytes = new Uint8Array([0, 255, 10]);
      await set(tier, 'bytes', bytes);
      assert.deepEqual(new Uint8Array(await valueAt(tier, 'bytes')), bytes);
      const text = {
        id: 99,
        serialize: (value) => Buffer.from(String(value)),
        deserialize: (read) => Number(Buffer.from(read)),
      };
      const own = redisTier(client, { timeout: 5_000, serializer: text });
      await set(own, 'number', 42);
      assert.equal(await valueAt(own, 'number'), 42);
      assert.equal(await valueAt(tier, 'number'), undefined);
      assert.deepEqual(tier.health().unreadable, { serializer: 1 });
    });

    it('refuses what is no value, and says that it is the value', async () => {
      await assert.rejects(set(tier, 'k', 1n), { code: 'ERR_TIERCEL_NOT_SERIALIZABLE' });
      assert.equal(await valueAt(tier, 'k'), undefined);
    });
  });
}
