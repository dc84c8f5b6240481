// Second tiers in Workers KV and the Cache API, on what these are documented to be.
import { type Change, createCache } from 'tiercel';
import { cacheApiTier, type EdgeTier, type EdgeTierOptions, kvTier } from 'tiercel/edge';
import { FakeCacheApi, KvWorld } from './support/edge-stores.js';
import { CALL, change, entryOf, leaseOf, load, NS, readOf, remove, set, valueAt } from './support/tier-calls.js';

interface Kind {
  open(options?: EdgeTierOptions): EdgeTier;
  /** Bytes that are stored, by name; to be changed there. */
  readonly stored: Map<string, { bytes: Uint8Array; expires: number }>;
  delay(what: (operation: string, name: string) => Promise<void> | undefined): void;
}

const KINDS: Record<string, () => Kind> = {
  KV: () => {
    const world = new KvWorld();
    const here = world.at('here');
    return {
      open: (options) => kvTier(here, options),
      stored: world.places.get('here') as Kind['stored'],
      delay: (what) => {
        world.delay = what;
      },
    };
  },
  'the Cache API': () => {
    const cache = new FakeCacheApi();
    return {
      open: (options) => cacheApiTier(cache, options),
      stored: cache.responses as Kind['stored'],
      delay: (what) => {
        cache.delay = what;
      },
    };
  },
  'the Cache API, with tokens in KV': () => {
    const cache = new FakeCacheApi();
    const world = new KvWorld();
    const tokens = world.at('here');
    return {
      open: (options) => cacheApiTier(cache, { ...options, tokens }),
      stored: cache.responses as Kind['stored'],
      delay: (what) => {
        world.delay = what;
        cache.delay = what;
      },
    };
  },
};

/** Everything that makes a value of `p:k` wrong that has the tag `t`. */
const CHANGES: Record<string, Change> = {
  delete: { kind: 'delete', namespace: NS, key: 'p:k' },
  'set elsewhere': { kind: 'set', namespace: NS, key: 'p:k' },
  expire: { kind: 'expire', namespace: NS, key: 'p:k' },
  tag: { kind: 'tags', namespace: NS, tags: ['t'] },
  'one of many tags': { kind: 'tags', namespace: NS, tags: ['a', 't', 'b'] },
  prefix: { kind: 'prefix', namespace: NS, prefix: 'p:' },
  pattern: { kind: 'pattern', namespace: NS, pattern: '*[k]' },
  clear: { kind: 'clear', namespace: NS },
};

describe.each(Object.entries(KINDS))('a tier in %s', (name, kindOf) => {
  let kind: Kind;
  let tier: EdgeTier;
  beforeEach(() => {
    kind = kindOf();
    tier = kind.open();
  });
  const entryNames = () => [...kind.stored.keys()].filter((one) => /[:/]e(\[|%5B|#|%23)/.test(one));

  test('keeps a value with all that is known of it', async () => {
    const entry = entryOf(
      { n: [1, null, 'é\ud800'] },
      { stale: 5_000, tags: ['t', 'ü'], etag: '"1"', lastModified: 'x', took: 12 },
    );
    await set(tier, 'k', entry.value, entry);
    const [found] = await kind.open().read([readOf('k')], CALL);
    expect(found?.entry).toEqual({ ...entry, ttl: expect.any(Number) });
    expect(found?.entry?.ttl).toBeGreaterThan(590_000);
    expect(await valueAt(tier, 'other')).toBeUndefined();
    const bytes = Uint8Array.from({ length: 5_000 }, (_, i) => i);
    await set(tier, 'bytes', bytes);
    expect(await valueAt(tier, 'bytes')).toEqual(bytes);
  });

  test('keeps bytes as they were given, whatever becomes of them while they are under way', async () => {
    const bytes = new Uint8Array([1, 2, 3]);
    const written = set(tier, 'k', bytes);
    bytes.fill(0);
    await written;
    expect(await valueAt(tier, 'k')).toEqual(new Uint8Array([1, 2, 3]));
  });

  test('keeps what is never stale, and what is stale from the beginning, and nothing that is over', async () => {
    await set(tier, 'ever', 1, { ttl: Number.POSITIVE_INFINITY });
    await set(tier, 'stale', 1, { ttl: 0, stale: 600_000 });
    await set(tier, 'over', 1, { ttl: -1_000, stale: 1_000 });
    const [ever, stale, over] = await tier.read(
      ['ever', 'stale', 'over'].map((key) => readOf(key)),
      CALL,
    );
    expect(ever?.entry?.ttl).toBe(Number.POSITIVE_INFINITY);
    expect(stale?.entry?.ttl).toBeLessThanOrEqual(0);
    expect(over?.entry).toBeUndefined();
  });

  test.each(Object.entries(CHANGES))(
    'gives nothing that was there before a change, and takes nothing that was loaded during it: %s',
    async (_, one) => {
      await set(tier, 'p:k', 'old', { tags: ['t'] });
      expect(await valueAt(tier, 'p:k')).toBe('old');
      const lease = await leaseOf(tier, 'p:k', { tags: ['t'] });
      expect(await change(kind.open(), one)).toEqual([0]);
      expect(await valueAt(tier, 'p:k')).toBeUndefined();
      expect(await load(tier, 'p:k', 'old', lease, { tags: ['t'] })).toBe(false);
      expect(await valueAt(tier, 'p:k')).toBeUndefined();
      const next = await leaseOf(tier, 'p:k', { tags: ['t'] });
      expect(await load(tier, 'p:k', 'new', next, { tags: ['t'] })).toBe(true);
      expect(await valueAt(kind.open(), 'p:k')).toBe('new');
    },
  );

  test('leaves alone what a change is not about', async () => {
    await set(tier, 'k', 'v', { tags: ['t'] });
    await set(tier, 'k', 'below', {}, [...NS, 'a']);
    await change(
      tier,
      { kind: 'delete', namespace: NS, key: 'p:k' },
      { kind: 'delete', namespace: [...NS, 'b'], key: 'k' },
      { kind: 'tags', namespace: NS, tags: ['other'] },
      { kind: 'tags', namespace: [...NS, 'a'], tags: ['t'] },
      { kind: 'clear', namespace: [...NS, 'b'] },
      { kind: 'prefix', namespace: [...NS, 'b'], prefix: '' },
    );
    expect(await valueAt(tier, 'k')).toBe('v');
    // Of prefixes only the namespace itself is concerned, and by the end of it also what is below.
    await change(tier, { kind: 'prefix', namespace: NS, prefix: 'k' });
    expect([await valueAt(tier, 'k'), await valueAt(tier, 'k', [...NS, 'a'])]).toEqual([undefined, 'below']);
    await change(tier, { kind: 'clear', namespace: NS });
    expect(await valueAt(tier, 'k', [...NS, 'a'])).toBeUndefined();
  });

  test('takes nothing that was loaded while the key was set', async () => {
    const lease = await leaseOf(tier, 'k');
    await set(kind.open(), 'k', 'set');
    expect(await load(tier, 'k', 'old', lease)).toBe(false);
    expect(await valueAt(tier, 'k')).toBe('set');
  });

  test('what was loaded before a change and arrives after it is wrong, though nobody refused it', async () => {
    await set(tier, 'k', 'first');
    const lease = await leaseOf(tier, 'k');
    const gates: (() => void)[] = [];
    // The value is held back between the look at the tokens and the store.
    kind.delay((operation, one) =>
      operation === 'put' && one.includes('e') && /[:/]e(\[|%5B)/.test(one)
        ? new Promise((resolve) => void gates.push(resolve))
        : undefined,
    );
    const storing = load(tier, 'k', 'old', lease);
    while (gates.length === 0) await new Promise(setImmediate);
    kind.delay(() => undefined);
    await remove(kind.open(), 'k');
    for (const open of gates) open();
    await storing;
    expect(await valueAt(tier, 'k')).toBeUndefined();
    expect(tier.health().dead).toBeGreaterThan(0);
  });

  test('what is done one after the other takes effect so, however long each is under way', async () => {
    for (let round = 0; round < 20; round++) {
      const delays = [3, 0, 2, 0, 1, 0];
      kind.delay(() => new Promise((resolve) => void setTimeout(resolve, delays[round % 6])));
      let turn = round;
      kind.delay(() => new Promise((resolve) => void setTimeout(resolve, delays[turn++ % 6])));
      await Promise.all([set(tier, 'k', 'a'), set(tier, 'k', 'b'), remove(tier, 'k')]);
      expect(await valueAt(tier, 'k')).toBeUndefined();
      await Promise.all([set(tier, 'k', 'a'), remove(tier, 'k'), set(tier, 'k', round)]);
      const found = await valueAt(tier, 'k');
      expect([undefined, round]).toContain(found);
    }
  });

  test('a put that never ends does not keep others from their turn for ever', async () => {
    jest.useFakeTimers();
    try {
      let isFirst = true;
      kind.delay((operation) => {
        const isLost = isFirst && operation === 'put';
        isFirst &&= !isLost;
        return isLost ? new Promise(() => undefined) : undefined;
      });
      void remove(tier, 'k');
      let isDone = false;
      void remove(tier, 'k').then(() => {
        isDone = true;
      });
      await jest.advanceTimersByTimeAsync(9_000);
      expect(isDone).toBe(false);
      await jest.advanceTimersByTimeAsync(1_001);
      expect(isDone).toBe(true);
    } finally {
      jest.useRealTimers();
    }
  });

  test('does not store what it could not check: dependencies, and tags that were not named before', async () => {
    expect(await leaseOf(tier, 'k', { dependsOn: ['other'] })).toBeUndefined();
    const lease = await leaseOf(tier, 'k', { tags: ['a'] });
    expect(await load(tier, 'k', 1, lease, { tags: ['a', 'late'] })).toBe(false);
    expect(await load(tier, 'k', 1, lease, { dependsOn: ['other'] })).toBe(false);
    expect(await load(tier, 'k', 1, lease, { tags: [] })).toBe(true);
    // What was there before is gone all the same.
    expect(await set(tier, 'k', 2, { dependsOn: ['other'] })).toBe(false);
    expect(await valueAt(tier, 'k')).toBeUndefined();
    expect(tier.health().refused).toEqual({ invalidated: 0, tags: 1, dependencies: 3 });
  });

  test('keeps places apart, however their parts join and however long they are', async () => {
    const long = 'x'.repeat(1_000);
    const places: [string[], string][] = [
      [['cache'], 'a:b'],
      [['cache', 'a'], 'b'],
      [['cache', 'a:b'], ''],
      [['cache'], 'a","b'],
      [['cache","a'], 'b'],
      [['cache'], '\ud800'],
      [['cache'], '\ud801'],
      [['cache'], '\ufffd'],
      [['cache'], '\\ud800'],
      [['cache'], '../..'],
      [['cache'], '?a#b'],
      [['cache'], `${long}1`],
      [['cache'], `${long}2`],
      [[long, '1'], 'k'],
      [[long], '1k'],
      [['cache'], '\0'],
      [['cache'], '🚀'.repeat(200)],
    ];
    for (const [i, [namespace, key]] of places.entries()) await set(tier, key, i, { tags: [key] }, namespace);
    const found = await Promise.all(places.map(([namespace, key]) => valueAt(tier, key, namespace)));
    expect(found).toEqual([...places.keys()]);
    await change(tier, { kind: 'delete', namespace: ['cache'], key: `${long}1` });
    await change(tier, { kind: 'tags', namespace: ['cache'], tags: ['\ud800'] });
    const left = await Promise.all(places.map(([namespace, key]) => valueAt(tier, key, namespace)));
    expect(left).toEqual([...places.keys()].map((i) => (i === 11 || i === 5 ? undefined : i)));
  });

  test('gives what is right or nothing for every byte of an entry that is changed or cut off', async () => {
    await set(tier, 'k', 'the value', { tags: ['t'] });
    const [one] = entryNames() as [string];
    const whole = kind.stored.get(one) as { bytes: Uint8Array; expires: number };
    let faults = 0;
    for (let at = 0; at < whole.bytes.length; at++) {
      for (const bytes of [
        whole.bytes.with(at, (whole.bytes[at] as number) ^ (1 << (at % 8))),
        whole.bytes.subarray(0, at),
      ]) {
        kind.stored.set(one, { ...whole, bytes });
        expect(await valueAt(tier, 'k')).toBeUndefined();
        faults++;
      }
    }
    const counted = Object.values(tier.health().unreadable).reduce((sum, count) => sum + count, 0);
    expect(counted).toBe(faults);
    kind.stored.set(one, whole);
    expect(await valueAt(tier, 'k')).toBe('the value');
  });

  test('takes what is not its own for nothing, and an entry of another place', async () => {
    await set(tier, 'k', 'v');
    await set(tier, 'other', 'w');
    const [one, other] = entryNames() as [string, string];
    const good = kind.stored.get(one) as { bytes: Uint8Array; expires: number };
    for (const text of ['', 'something else', '{"a":1}', 'TCE\u0001']) {
      kind.stored.set(one, { ...good, bytes: new TextEncoder().encode(text) });
      expect(await valueAt(tier, 'k')).toBeUndefined();
    }
    kind.stored.set(one, kind.stored.get(other) as typeof good);
    expect(await valueAt(tier, 'k')).toBeUndefined();
    expect(tier.health().unreadable).toMatchObject({ key: 1 });
    await set(tier, 'k', 'new');
    expect(await valueAt(tier, 'k')).toBe('new');
  });

  test('costs a miss at most, whatever of it is lost or is something else', async () => {
    for (const damage of ['lost', 'foreign']) {
      const names = async () => {
        await set(tier, 'k', 'right', { tags: ['t'] });
        await leaseOf(tier, 'k', { tags: ['t'] });
        return [...kind.stored.keys()];
      };
      for (const one of await names()) {
        for (const changed of [undefined, CHANGES.tag, CHANGES.clear]) {
          await names();
          const lease = await leaseOf(tier, 'k', { tags: ['t'] });
          if (changed !== undefined) await change(tier, changed);
          // Entries of KV are as good as lost, and what KV keeps of invalidations is not lost: that is what it is.
          if (name === 'KV' && !/:e\[/.test(one)) continue;
          if (damage === 'lost') kind.stored.delete(one);
          else kind.stored.set(one, { bytes: new TextEncoder().encode('else'), expires: Number.POSITIVE_INFINITY });
          const stored = await load(tier, 'k', 'right', lease, { tags: ['t'] });
          if (changed !== undefined) expect(stored).toBe(false);
          const value = await valueAt(tier, 'k');
          expect([undefined, changed === undefined ? 'right' : undefined]).toContain(value);
        }
      }
    }
  });

  test('keeps no more than maxTtl, whatever the ttl is', async () => {
    const short = kind.open({ maxTtl: '60s' });
    await set(short, 'k', 'v', { ttl: Number.POSITIVE_INFINITY, stale: Number.POSITIVE_INFINITY });
    const [one] = entryNames() as [string];
    const { expires } = kind.stored.get(one) as { expires: number };
    expect(expires - Date.now()).toBeLessThanOrEqual(60_000);
    const real = Date.now;
    try {
      Date.now = () => real() + 59_000;
      expect(await valueAt(short, 'k')).toBe('v');
      Date.now = () => real() + 61_000;
      // As if the store kept it for longer.
      kind.stored.set(one, { ...(kind.stored.get(one) as { bytes: Uint8Array }), expires: Number.POSITIVE_INFINITY });
      expect(await valueAt(short, 'k')).toBeUndefined();
    } finally {
      Date.now = real;
    }
  });

  test('a wall clock that is set does not bring back what was invalidated', async () => {
    const real = Date.now;
    try {
      for (const step of [-3_600_000, 3_600_000, 0]) {
        await set(tier, 'k', 'old');
        Date.now = () => real() + step;
        await remove(tier, 'k');
        expect(await valueAt(tier, 'k')).toBeUndefined();
        Date.now = real;
        expect(await valueAt(tier, 'k')).toBeUndefined();
      }
    } finally {
      Date.now = real;
    }
  });

  test('is the second tier of a cache', async () => {
    const open = () => createCache<unknown>({ remote: kind.open(), remoteTimeout: '5s' });
    const [a, b] = [await open(), await open()];
    expect(await a.getOrSet('k', () => ({ n: 1 }), { ttl: '10m', tags: ['t'] })).toEqual({ n: 1 });
    // What a load brought is written behind the caller's back.
    while (a.stats().remoteWrites === 0) await new Promise(setImmediate);
    expect(await b.getOrSet('k', () => 'not called')).toEqual({ n: 1 });
    expect(await b.invalidateTags('t')).toEqual({ removed: 1, pending: false });
    expect(await b.get('k')).toBeUndefined();
    // The memory of the other is its own until its ttl is over: there is no bus.
    expect(await a.get('k')).toEqual({ n: 1 });
    a.memory.clear();
    expect(await a.get('k')).toBeUndefined();
    await a.set('k', 2, { ttl: '10m' });
    expect(await b.get('k')).toBe(2);
    expect(await b.delete('k')).toBe(true);
    a.memory.clear();
    expect(await a.get('k')).toBeUndefined();
    // Without locks of the tier they are of the process.
    await using held = await a.lock('job');
    expect(held.token).toBeGreaterThan(0);
    expect(a.health().remote?.details).toMatchObject({
      consistency: name === 'the Cache API' ? 'data-centre' : 'eventual',
    });
    await Promise.all([a.close(), b.close()]);
  });

  test('says which values it cannot take, and that it is the value', async () => {
    await expect(set(tier, 'k', 1n)).rejects.toMatchObject({ code: 'ERR_TIERCEL_NOT_SERIALIZABLE' });
    const key = new Uint8Array(32);
    const secret = kind.open({ encryption: [{ id: 'a', key }] });
    await set(secret, 'k', 'x'.repeat(10_000));
    expect(await valueAt(secret, 'k')).toBe('x'.repeat(10_000));
    expect(await valueAt(tier, 'k')).toBeUndefined();
    expect(tier.health().unreadable).toEqual({ 'encryption-key': 1 });
  });
});
