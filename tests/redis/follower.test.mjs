// What a cache that hears of changes reads without asking Redis what may be served: never what it has heard is wrong,
// however answers and messages come.
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { redisTier } from 'tiercel/redis';
import {
  CALL,
  change,
  client,
  deafen,
  ENOUGH,
  entryOf,
  facts,
  follower,
  isJudged,
  learn,
  NS,
  open,
  other,
  readOf,
  readValue,
  server,
  tagChange,
  tier,
  write,
} from './support/following.mjs';

/** By what each is, a change of a value of `p:k` with the tag `t`. */
const CHANGES = {
  'a tag': tagChange('t'),
  'one of many tags': tagChange('a', 't'),
  'a prefix': { kind: 'prefix', namespace: NS, prefix: 'p:' },
  'a pattern': { kind: 'pattern', namespace: NS, pattern: 'p:?' },
  'the namespace': { kind: 'clear', namespace: NS },
  'a namespace above': { kind: 'clear', namespace: ['cache'] },
};

/** How a single entry is found: three commands, or a script where commands that go out together cost more. */
for (const way of /** @type {const} */ (['commands', 'scripts']))
  describe(`where a single entry is found by ${way},`, () => {
    beforeEach(() => open({ way }));

    describe('one that hears of changes', () => {
      it('judges entries by what it knows, in one round trip, and leases what is missing in the same', async () => {
        await learn('a', 'b');
        await write('more', 'more', { tags: ['b'] });
        const before = { reads: client.reads, ...facts() };
        const missing = { lease: 'missing', tags: ['a'] };
        const found = await follower.read([readOf('more', missing), readOf('none', missing), readOf('known')], CALL);
        assert.deepEqual(
          found.map(({ entry, lease }) => [entry?.value, lease !== undefined]),
          [
            ['more', false],
            [undefined, true],
            ['known', false],
          ],
        );
        assert.equal(client.reads - before.reads, 1);
        assert.deepEqual([facts().judged - before.judged, facts().askedAgain - before.askedAgain], [2, 0]);
        const lease = found[1].lease;
        assert.deepEqual(
          await tier.write([{ ...readOf('none'), entry: entryOf('loaded', { tags: ['a'] }), lease }], CALL),
          [true],
        );
        assert.equal(await readValue('none'), 'loaded');
      });

      it('gives what it judged as one that asks Redis does, in batches as well', async () => {
        await learn('t');
        const more = { tags: ['t'], stale: 5_000, etag: '"1"', took: 12 };
        const keys = Array.from({ length: 150 }, (_, i) => `k${i}`);
        await other.write(
          keys.map((key) => ({ namespace: NS, key, entry: entryOf({ key }, more) })),
          CALL,
        );
        const { judged } = facts();
        const found = await follower.read(
          keys.map((key) => readOf(key)),
          CALL,
        );
        assert.equal(facts().judged - judged, keys.length);
        for (const [i, { entry }] of found.entries()) {
          assert.ok(entry.ttl > 50_000 && entry.ttl <= 60_000, `${entry.ttl} ms`);
          assert.deepEqual({ ...entry, ttl: 60_000 }, entryOf({ key: keys[i] }, more));
        }
        await write('ever', 1, { ttl: Number.POSITIVE_INFINITY });
        assert.equal((await follower.read([readOf('ever')], CALL))[0].entry.ttl, Number.POSITIVE_INFINITY);
      });

      it('gets a stale value with a lease in one round trip', async () => {
        await learn('t');
        await write('stale', 'old', { ttl: -1, stale: 60_000, tags: ['t'] });
        const { reads } = client;
        const [{ entry, lease }] = await follower.read([readOf('stale', { lease: 'missing' })], CALL);
        assert.equal(client.reads - reads, 1);
        assert.ok(entry.value === 'old' && entry.ttl < 0 && lease !== undefined);
        const entries = [{ ...readOf('stale'), entry: entryOf('new'), lease }];
        assert.deepEqual(await tier.write(entries, CALL), [true]);
      });

      it('asks Redis again for what cannot be read, counts it once, and leases it', async () => {
        await learn('t');
        await write('damaged', 1);
        const name = tier.nameOf(NS, 'damaged');
        await server.command('SETRANGE', name, (await server.command('STRLEN', name)) - 1, 'x');
        await server.command('SET', tier.nameOf(NS, 'foreign'), 'text');
        await server.command('LPUSH', tier.nameOf(NS, 'list'), 'text');
        const keys = ['damaged', 'foreign', 'list'];
        const found = await follower.read(
          keys.map((key) => readOf(key, { lease: 'missing' })),
          CALL,
        );
        for (const { entry, lease } of found) assert.ok(entry === undefined && lease !== undefined);
        assert.deepEqual(tier.health().unreadable, { checksum: 1, foreign: 2 });
      });

      it('asks Redis for what it may not judge: made from other keys, or older than a change of a prefix', async () => {
        await learn('t');
        await write('made', 1, { dependsOn: ['source'] });
        assert.equal(await readValue('made'), 1);
        for (let i = 0; i < 2 * ENOUGH; i++) assert.equal(await isJudged('made'), false);
        await other.write([{ namespace: NS, key: 'source', entry: entryOf(2) }], CALL);
        assert.equal(await readValue('made'), undefined);

        await learn('t');
        const hear = await change({ kind: 'prefix', namespace: NS, prefix: 'x:' });
        hear();
        for (let i = 0; i < 2 * ENOUGH; i++) assert.equal(await isJudged('known'), false);
        assert.equal(await readValue('known'), 'known');
      });

      it('takes a second round trip for no more than one call in 17 for a namespace', async () => {
        await learn('t');
        const before = { reads: client.reads, ...facts() };
        for (let i = 0; i < 10 * (ENOUGH + 1); i++) {
          // Of a tag that nobody has heard of.
          await write(`k${i}`, i, { tags: [`t${i}`] });
          assert.equal(await readValue(`k${i}`), i);
        }
        assert.equal(facts().askedAgain - before.askedAgain, 1);
        assert.equal(client.reads - before.reads, 10 * (ENOUGH + 1) + 1);
        const often = facts().askedAgain;
        for (let i = 0; i < 5; i++) {
          for (let j = 1; j < ENOUGH; j++) await readValue('known');
          await write('new', i, { tags: [`new ${i}`] });
          assert.equal(await readValue('new'), i);
        }
        assert.equal(facts().askedAgain, often);
        // Calls for many keys count as one.
        await learn('t');
        const keys = Array.from({ length: 60 }, (_, i) => (i % 20 === 0 ? `k${i}` : 'known'));
        const many = { reads: client.reads };
        for (let i = 0; i < 10; i++) {
          for (const key of keys) if (key !== 'known') await write(key, i, { tags: [`${i} ${key}`] });
          await follower.read(
            keys.map((key) => readOf(key)),
            CALL,
          );
        }
        assert.equal(client.reads - many.reads, 11);
        // Of a tag that the caller names, and that is new, nothing is tried.
        await learn('t');
        await write('new', 1, { tags: ['new'] });
        const { askedAgain } = facts();
        assert.equal(await readValue('new', { lease: 'missing', tags: ['new'] }), 1);
        assert.equal(facts().askedAgain, askedAgain);
      });

      it('remembers no more than 10,000 tokens', async () => {
        for (let i = 0; i < 30; i++) {
          await write(`k${i}`, i, { tags: Array.from({ length: 500 }, (_, j) => `${i}:${j}`) });
          assert.equal(await readValue(`k${i}`), i);
        }
        assert.ok(facts().known > 5_000 && facts().known <= 10_000, `${facts().known}`);
        await learn('t');
      });

      it('is not had in a Cluster, nor with consistentReads', () => {
        const hearing = () => true;
        assert.equal(redisTier(client, { consistentReads: true }).follow(hearing), undefined);
        const cluster = {
          client: /** @type {const} */ ('rest'),
          topology: 'cluster',
          isReady: hearing,
          send: async () => '',
        };
        assert.equal(redisTier(/** @type {any} */ (cluster)).follow(hearing), undefined);
        assert.throws(() => redisTier(client, /** @type {any} */ ({ consistentReads: 1 })), {
          code: 'ERR_TIERCEL_INVALID_OPTION',
        });
      });

      it('leaves it to Redis to tell where a read stands', async () => {
        await learn('t');
        const points = [];
        const { judged } = facts();
        const [{ entry }] = await follower.read([readOf('known')], { ...CALL, ordered: (point) => points.push(point) });
        assert.deepEqual([entry.value, points.length, facts().judged - judged], ['known', 1, 0]);
      });
    });

    describe('what was invalidated is not served by one that has heard of it', () => {
      for (const [name, one] of Object.entries(CHANGES)) {
        it(`${name}: also if it is heard of while entries are on their way`, async () => {
          await write('p:k', 'old', { tags: ['t'] });
          await learn('t');
          assert.equal(await isJudged('p:k'), true);
          // Until it hears of it, it does not know.
          const hear = await change(one);
          assert.equal(await readValue('p:k'), 'old');
          const { given, release } = client.holdNext();
          const reading = readValue('p:k');
          await given;
          hear();
          release();
          assert.equal(await reading, undefined);
          assert.equal(await readValue('p:k'), undefined);
        });

        it(`${name}: nothing is learned from an answer that is older than what was heard`, async () => {
          await learn('other');
          await write('p:k', 'old', { tags: ['t'] });
          follower.changed([one]);
          const { given, release } = client.holdNext();
          const reading = readValue('p:k', { lease: true });
          await given;
          const hear = await change(one);
          hear();
          release();
          assert.equal(await reading, 'old', 'it was right when it was asked for');
          assert.equal(await readValue('p:k'), undefined);
          // Until what is there is judged without Redis again.
          await learn('other');
          assert.equal(await readValue('p:k'), undefined);
        });
      }

      it('what is handed out is right as of then, not as of when it was judged first', async () => {
        await write('first', 'old', { tags: ['t'] });
        await write('second', 'second', { tags: ['unknown'] });
        await learn('t');
        const asked = client.holdNext();
        const reading = follower.read([readOf('first'), readOf('second')], CALL);
        await asked.given;
        const again = client.holdNext();
        asked.release();
        await again.given;
        const hear = await change(tagChange('t'));
        hear();
        again.release();
        const [first, second] = await reading;
        assert.deepEqual([first.entry, second.entry.value], [undefined, 'second']);
      });

      it('nor as of when its bytes came, if they take their time to be read', async (t) => {
        const key = crypto.getRandomValues(new Uint8Array(32));
        const encryption = [{ id: 'one', key }];
        open({ encryption });
        const writer = redisTier(client, { timeout: 60_000, encryption });
        await writer.write([{ namespace: NS, key: 'k', entry: entryOf('old', { tags: ['t'] }) }], CALL);
        for (let i = 0; i <= ENOUGH; i++) assert.equal(await readValue('k'), 'old');
        assert.equal(await isJudged('k'), true);

        const decrypt = crypto.subtle.decrypt.bind(crypto.subtle);
        let proceed;
        const begun = new Promise((isBegun) => {
          t.mock.method(
            crypto.subtle,
            'decrypt',
            async (/** @type {Parameters<typeof decrypt>} */ ...args) => {
              isBegun(undefined);
              await new Promise((resolve) => {
                proceed = resolve;
              });
              return decrypt(...args);
            },
            { times: 1 },
          );
        });
        const reading = readValue('k');
        await begun;
        const hear = await change(tagChange('t'));
        hear();
        proceed();
        assert.equal(await reading, undefined);
      });

      it('times go on while Redis is asked again', async (t) => {
        await write('first', 1, { tags: ['t'] });
        await write('second', 2, { tags: ['unknown'] });
        await learn('t');
        const asked = client.holdNext();
        const reading = follower.read([readOf('first'), readOf('second')], CALL);
        await asked.given;
        const again = client.holdNext();
        asked.release();
        await again.given;
        const now = performance.now.bind(performance);
        t.mock.method(performance, 'now', () => now() + 30_000);
        again.release();
        const [first] = await reading;
        assert.ok(first.entry.ttl <= 30_000, `${first.entry.ttl} ms`);
      });
    });

    describe('one that may not have heard of changes', () => {
      it('sees after 10 s what nobody tells of', async (t) => {
        await write('k', 'old', { tags: ['t'] });
        await learn('t');
        await change(tagChange('t'));
        assert.equal(await readValue('k'), 'old', 'it has heard of nothing');
        const now = performance.now.bind(performance);
        t.mock.method(performance, 'now', () => now() + 10_000);
        assert.equal(await readValue('k'), undefined);
        await learn('t');
      });

      it('forgets all, and learns nothing from what was asked before', async () => {
        await write('k', 'old', { tags: ['t'] });
        await learn('t');
        const judged = client.holdNext();
        const reading = readValue('k');
        await judged.given;
        // Unheard.
        await change(tagChange('t'));
        follower.forget();
        judged.release();
        assert.equal(await reading, undefined);
        assert.equal(await isJudged('known'), false);

        await learn('t');
        await write('k', 'old', { tags: ['t'] });
        const asked = client.holdNext();
        const fully = readValue('k', { lease: true });
        await asked.given;
        await change(tagChange('t'));
        follower.forget();
        asked.release();
        assert.equal(await fully, 'old', 'it was right when it was asked for');
        assert.equal(facts().known, 0);
        for (let i = 0; i < 2 * ENOUGH; i++) assert.equal(await readValue('k'), undefined);
      });

      it('judges nothing once it does not hear any more, though nobody has told it yet', async () => {
        await write('k', 'old', { tags: ['t'] });
        await learn('t');
        const { given, release } = client.holdNext();
        const reading = readValue('k');
        await given;
        await change(tagChange('t'));
        deafen();
        release();
        assert.equal(await reading, undefined);
        const { known } = facts();
        await write('new', 1, { tags: ['new'] });
        await readValue('new', { lease: true });
        assert.equal(facts().known, known, 'it learns nothing either');
      });

      it('forgets all when it meets another server', async () => {
        await write('k', 'old', { tags: ['t'] });
        await learn('t');
        await server.restart();
        await write('new', 'new', { tags: ['new'] });
        assert.equal(await readValue('new', { lease: true }), 'new');
        assert.equal(facts().known, 0);
        assert.equal(await readValue('new', { lease: true }), 'new');
        assert.ok(facts().known > 0);
      });
    });
  });
