// What becomes of a second tier in stores that are late: KV, whose writes spread, and caches of several data centres.
import type { RemoteTier } from 'tiercel';
import { type CacheApiLike, cacheApiTier, type EdgeTier, kvTier } from 'tiercel/edge';
import { FakeCacheApi, KvWorld } from './support/edge-stores.js';
import { CALL, change, leaseOf, load, NS, readOf, remove, set, valueAt } from './support/tier-calls.js';

describe('KV', () => {
  test('an entry that is too large is refused before KV is asked', async () => {
    const world = new KvWorld();
    const tier = kvTier(world.at('here'), { compressAbove: false });
    const value = new Uint8Array(25 * 2 ** 20);
    await expect(set(tier, 'k', value)).rejects.toMatchObject({ code: 'ERR_TIERCEL_NOT_SERIALIZABLE' });
  });

  test('what KV fails with is what the tier fails with', async () => {
    const world = new KvWorld();
    const failing = new Error('KV PUT failed: 429 Too Many Requests');
    const tier = kvTier({ ...world.at('here'), put: () => Promise.reject(failing) });
    await expect(set(tier, 'k', 1)).rejects.toBe(failing);
    await expect(remove(tier, 'k')).rejects.toBe(failing);
    expect(await valueAt(tier, 'k')).toBeUndefined();
  });

  test('a read asks once for each token, however many keys have it', async () => {
    const world = new KvWorld();
    const tier = kvTier(world.at('here'));
    const keys = ['a', 'b', 'c'];
    for (const key of keys) await set(tier, key, key, { tags: ['t'] });
    world.calls.get = 0;
    const fresh = kvTier(world.at('here'));
    await fresh.read(
      keys.map((key) => readOf(key)),
      CALL,
    );
    // Entries and keys: 3 each; namespace, prefixes, tag: 1 each.
    expect(world.calls).toMatchObject({ get: 9 });
  });

  test('an invalidation is seen by who made it at once, and elsewhere once it has spread', async () => {
    const world = new KvWorld();
    const [here, there] = [kvTier(world.at('here')), kvTier(world.at('there'))];
    await set(here, 'k', 'old', { tags: ['t'] });
    world.settle();
    expect([await valueAt(here, 'k'), await valueAt(there, 'k')]).toEqual(['old', 'old']);
    await change(here, { kind: 'tags', namespace: NS, tags: ['t'] });
    expect([await valueAt(here, 'k'), await valueAt(there, 'k')]).toEqual([undefined, 'old']);
    world.settle();
    expect(await valueAt(there, 'k')).toBeUndefined();
  });

  test('whoever invalidates sees it even where KV still has what was before', async () => {
    const world = new KvWorld();
    const tier = kvTier(world.at('here'));
    await set(tier, 'k', 'old');
    const before = new Map(world.places.get('here'));
    await remove(tier, 'k');
    // A place whose own cache is behind.
    for (const [key, value] of before) world.places.get('here')?.set(key, value);
    expect(await valueAt(tier, 'k')).toBeUndefined();
    // Nothing is stored either, until it is clear which is the newer one.
    expect(await load(tier, 'k', 'new', await leaseOf(tier, 'k'))).toBe(false);
    await set(tier, 'k', 'newer');
    expect(await valueAt(tier, 'k')).toBe('newer');
  });

  test('whoever invalidated sees what others invalidate after that', async () => {
    const world = new KvWorld();
    const [one, other] = [kvTier(world.at('here')), kvTier(world.at('here'))];
    await set(one, 'k', 'old');
    expect(await valueAt(one, 'k')).toBe('old');
    await remove(other, 'k');
    expect(await valueAt(one, 'k')).toBeUndefined();
    await set(one, 'k', 'old');
    await set(other, 'k', 'new');
    // Not known to be newer; but in no case the old one.
    expect(await valueAt(one, 'k')).toBeUndefined();
    expect(await valueAt(other, 'k')).toBe('new');
  });
});

describe('what spreads in any order', () => {
  const PLACES = ['a', 'b', 'c'];
  const KEYS = ['k1', 'k2'];

  /** Random loads, sets and invalidations in several places, while what was written spreads bit by bit. */
  async function run(seed: number, open: (world: KvWorld, place: string) => RemoteTier) {
    let state = seed;
    const random = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const world = new KvWorld();
    const tiers = PLACES.map((place) => open(world, place));
    const source = new Map(KEYS.map((key) => [key, 1]));
    const loads: { tier: RemoteTier; key: string; value: unknown; lease: unknown }[] = [];
    let wrong = 0;
    for (let step = 0; step < 60; step++) {
      const tier = tiers[random(tiers.length)] as RemoteTier;
      const key = KEYS[random(KEYS.length)] as string;
      switch (random(6)) {
        case 0: {
          const lease = await leaseOf(tier, key, { tags: ['t'] });
          loads.push({ tier, key, value: { key, version: source.get(key) }, lease });
          break;
        }
        case 1: {
          const [one] = loads.splice(random(loads.length), 1);
          if (one !== undefined) await load(one.tier, one.key, one.value, one.lease, { tags: ['t'] });
          break;
        }
        case 2: {
          source.set(key, (source.get(key) as number) + 1);
          if (random(2) === 0) await remove(tier, key);
          else {
            for (const other of KEYS) if (other !== key) source.set(other, (source.get(other) as number) + 1);
            await change(tier, { kind: 'tags', namespace: NS, tags: ['t'] });
          }
          // Who made it sees it at once.
          const value = (await valueAt(tier, key)) as { version: number } | undefined;
          if (value !== undefined && value.version < (source.get(key) as number)) wrong++;
          break;
        }
        case 3: {
          const version = (source.get(key) as number) + 1;
          source.set(key, version);
          await set(tier, key, { key, version }, { tags: ['t'] });
          break;
        }
        default:
          for (let i = 0; i < 4; i++) world.spread(random);
      }
      const value = (await valueAt(tier, key)) as { key: string } | undefined;
      if (value !== undefined && value.key !== key) wrong++;
    }
    // Loads that end now began before what has been invalidated since.
    const late = loads.filter(({ key, value }) => (value as { version: number }).version < (source.get(key) as number));
    world.settle();
    for (const { tier, key, value, lease } of late) await load(tier, key, value, lease, { tags: ['t'] });
    world.settle();
    for (const place of PLACES) {
      // One that has just started, and knows of nothing.
      const fresh = open(world, place);
      for (const key of KEYS) {
        const value = (await valueAt(fresh, key)) as { version: number } | undefined;
        if (value !== undefined && value.version < (source.get(key) as number)) wrong++;
      }
    }
    return wrong;
  }

  const SEEDS = Array.from({ length: 400 }, (_, i) => i * 7_919 + 1);

  test('has nothing wrong once it has spread', async () => {
    for (const seed of SEEDS)
      expect([seed, await run(seed, (world, place) => kvTier(world.at(place)))]).toEqual([seed, 0]);
  });

  test('would be found wrong if a token were not looked at', async () => {
    let wrong = 0;
    for (const seed of SEEDS.slice(0, 50)) {
      wrong += await run(seed, (world, place) => {
        const kv = world.at(place);
        // What was invalidated is never heard of.
        return kvTier({
          get: (key, type) => (/:[kt]\[/.test(key) ? Promise.resolve(null) : kv.get(key, type)),
          put: kv.put,
        });
      });
    }
    expect(wrong).toBeGreaterThan(0);
  });
});

describe('data centres', () => {
  test('of the Cache API do not hear of each other, unless tokens are in KV', async () => {
    const caches = [new FakeCacheApi(), new FakeCacheApi()] as const;
    const world = new KvWorld();
    for (const withTokens of [false, true]) {
      const [here, there] = caches.map((cache, i) =>
        cacheApiTier(cache, withTokens ? { tokens: world.at(String(i)) } : {}),
      ) as [EdgeTier, EdgeTier];
      for (const tier of [here, there]) await set(tier, 'k', 'old');
      world.settle();
      // The last who sets it is the one whose value is right.
      expect(await valueAt(there, 'k')).toBe('old');
      await remove(here, 'k');
      expect(await valueAt(here, 'k')).toBeUndefined();
      world.settle();
      const fresh = cacheApiTier(caches[1], withTokens ? { tokens: world.at('1') } : {});
      expect(await valueAt(fresh, 'k')).toBe(withTokens ? undefined : 'old');
    }
  });
});

describe('what may not be an option or a store', () => {
  const kv = new KvWorld().at('here');
  test.each([
    [() => kvTier(undefined as never), 'ERR_TIERCEL_INVALID_ARGUMENT'],
    [() => kvTier({ get: kv.get } as never), 'ERR_TIERCEL_INVALID_ARGUMENT'],
    [() => kvTier(kv, 1 as never), 'ERR_TIERCEL_INVALID_ARGUMENT'],
    [() => kvTier(kv, { prefix: '*' }), 'ERR_TIERCEL_INVALID_OPTION'],
    [() => kvTier(kv, { prefix: 'x'.repeat(129) }), 'ERR_TIERCEL_INVALID_OPTION'],
    [() => kvTier(kv, { maxTtl: '59s' }), 'ERR_TIERCEL_INVALID_OPTION'],
    [() => kvTier(kv, { maxTtl: '366d' }), 'ERR_TIERCEL_INVALID_OPTION'],
    [() => kvTier(kv, { maxttl: 1 } as never), 'ERR_TIERCEL_UNKNOWN_OPTION'],
    [() => kvTier(kv, { origin: 'https://a' } as never), 'ERR_TIERCEL_UNKNOWN_OPTION'],
    [() => cacheApiTier(kv as never), 'ERR_TIERCEL_INVALID_ARGUMENT'],
    [() => cacheApiTier(null as never), 'ERR_TIERCEL_INVALID_ARGUMENT'],
    [() => cacheApiTier(new FakeCacheApi(), { origin: 'https://a/b' }), 'ERR_TIERCEL_INVALID_OPTION'],
    [() => cacheApiTier(new FakeCacheApi(), { origin: 'a' }), 'ERR_TIERCEL_INVALID_OPTION'],
    [() => cacheApiTier(new FakeCacheApi(), { tokens: {} as never }), 'ERR_TIERCEL_INVALID_OPTION'],
  ])('is refused with what is accepted (%#)', (make, code) => {
    expect(make).toThrow(expect.objectContaining({ code, message: expect.stringMatching(/accepted/i) }));
  });

  test('names of the longest prefix and the longest keys are names of KV', async () => {
    const tier = kvTier(kv, { prefix: 'x'.repeat(128) });
    for (const length of [1, 100, 340, 341, 342, 343, 344, 345, 350, 400, 1_000])
      for (const unit of ['x', 'ü', '\ud800', '%']) {
        const key = unit.repeat(length);
        await set(tier, key, key);
        expect(await valueAt(tier, key)).toBe(key);
      }
  });

  test('caches of the platform are accepted', () => {
    const real: CacheApiLike | undefined = (globalThis as { caches?: { default?: CacheApiLike } }).caches?.default;
    expect(() => cacheApiTier(real ?? new FakeCacheApi())).not.toThrow();
  });
});
