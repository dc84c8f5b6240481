import { type BatchContext, type Cache, type LoadContext, memoryBus, memoryRemote } from 'tiercel';
import { badLoaders, foreign } from './support/bad-loaders.js';
import { FakeClock } from './support/clock.js';
import { deferred, settled } from './support/deferred.js';
import { Random, times } from './support/random.js';
import { openTiers } from './support/tiers.js';

/** Calls whose loader misbehaves; `npm run soak` has 100,000. */
const LOADS = Number(process.env.TIERCEL_LOADS ?? times(10_000));

type Misbehaviour = (cache: Cache<number>, key: string, context: LoadContext<number>) => unknown;

/** What a loader may do, none of which may leave a key that cannot be computed again. */
const misbehaviours: Misbehaviour[] = [
  ...badLoaders,
  () => null,
  (_, __, { skip }) => {
    skip();
    return 1;
  },
  (_, __, { fail }) => fail(foreign),
  (_, __, { notModified }) => notModified(),
  (_, __, { setTtl }) => setTtl(-1),
  (_, __, { setValidators }) => setValidators({ etag: 1 } as object),
  (cache, key) => cache.set(key, 2).then(() => 1),
  (cache, key) => cache.delete(key).then(() => 1),
  (cache, key) => cache.expire(key).then(() => 1),
  (cache) => cache.clear().then(() => 1),
  (cache, _, { setTags }) => {
    setTags('t');
    return cache.invalidateTags('t').then(() => 1);
  },
  (cache, key) => cache.getOrSet(`${key}, nested`, () => 3),
  (cache, key) =>
    cache.getOrSetMany([`${key}, many`], async (keys) => new Map(keys.map((each) => [each, 4]))).then(() => 1),
  (cache, key) => cache.get(key).then((value) => value ?? 0),
];

describe.each([true, false])('whatever a loader does (second tier: %s)', (withTiers) => {
  async function open() {
    const clock = new FakeClock();
    const tiers = withTiers && { remote: memoryRemote(clock.now), bus: memoryBus().connect() };
    const cache = await openTiers<number>({ ...tiers, now: clock.now, memory: { maxEntries: 100, now: clock.now } });
    return { cache, clock };
  }

  test(`its key can be loaded again at once, and nothing stays in flight: ${LOADS} times`, async () => {
    const { cache, clock } = await open();
    const random = new Random(1);
    let stuck = 0;
    for (let i = 0; i < LOADS; i++) {
      const key = `k${random.below(8)}`;
      const misbehave = random.pick(misbehaviours);
      const options = random.pick([
        {},
        { ttl: 5, stale: 5 },
        { ttl: 5, grace: 5, graceBackoff: 0 },
        { hardTimeout: '1h' },
      ]);
      const call = random.chance(0.8)
        ? cache.getOrSet(key, (context) => misbehave(cache, key, context) as number, {
            ...options,
            forceRefresh: random.chance(0.5),
          })
        : cache.getOrSetMany(
            [key, 'other'],
            (keys, context) => {
              const value = misbehave(cache, key, context.for(keys[0] as string)) as number;
              return Promise.resolve(value).then((loaded) => new Map(keys.map((each) => [each, loaded])));
            },
            options,
          );
      await call.catch(() => undefined);
      clock.advance(random.below(4));
      if (i % 100 !== 0) continue;
      await settled();
      if (cache.stats().loading !== 0) stuck++;
    }
    expect(stuck).toBe(0);
    for (let i = 0; i < 8; i++) expect(await cache.getOrSet(`k${i}`, () => 7, { forceRefresh: true })).toBe(7);
  });

  test('one that never settles gives way to the next once its key is invalidated or its caller leaves', async () => {
    const { cache } = await open();
    for (let i = 0; i < 300; i++) {
      const controller = new AbortController();
      const never = deferred<number>();
      const isLeft = i % 2 === 0;
      const asking = cache.getOrSet('k', () => never.promise, { signal: controller.signal });
      asking.catch(() => undefined);
      await settled();
      if (isLeft) controller.abort();
      else await cache.delete('k');
    }
    expect(await cache.getOrSet('k', () => 1)).toBe(1);
    expect(await cache.get('k')).toBe(1);
  });

  test('loads of a key that come one after the other never overlap', async () => {
    const { cache } = await open();
    const random = new Random(3);
    let running = 0;
    let most = 0;
    const waiting: Promise<unknown>[] = [];
    const gates: (() => void)[] = [];
    for (let i = 0; i < 5_000; i++) {
      const loader = async () => {
        most = Math.max(most, ++running);
        await new Promise<void>((resolve) => void gates.push(resolve));
        running--;
        if (random.chance(0.4)) throw foreign;
        return i;
      };
      const skips = random.chance(0.2);
      const call = cache.getOrSet(
        'k',
        (context) => {
          if (skips) context.skip();
          return loader();
        },
        { forceRefresh: random.chance(0.3) },
      );
      waiting.push(call.catch(() => undefined));
      for (let j = random.below(6); j > 0; j--) await Promise.resolve();
      if (random.chance(0.3)) gates.shift()?.();
    }
    const all = Promise.all(waiting);
    let isOver = false;
    void all.then(() => {
      isOver = true;
    });
    while (!isOver) {
      for (const open of gates.splice(0)) open();
      await settled();
    }
    expect(most).toBe(1);
    expect(cache.stats().loading).toBe(0);
  });
});

describe('what other callbacks throw', () => {
  test('a batch loader: the error is that of the call, and each key can be loaded again', async () => {
    const cache = await openTiers<number>();
    const bad: ((keys: string[], context: BatchContext<number>) => unknown)[] = [
      () => {
        throw foreign;
      },
      () => Promise.reject(foreign),
      (_, { fail }) => fail(foreign),
      () => undefined,
      () => ({}),
      () => [],
      (_, context) => context.for('another key'),
      (_, { setTtl }) => setTtl('1 week'),
    ];
    for (const loader of bad) {
      const other = cache.getOrSetMany(['a', 'b'], loader as never);
      const joined = cache.getOrSet('a', () => 1).catch(() => 'failed');
      await expect(other).rejects.toBeInstanceOf(Error);
      await joined;
      await cache.clear();
      expect(cache.stats().loading).toBe(0);
    }
    const found = await cache.getOrSetMany(['a', 'b'], async (keys) => new Map(keys.map((key) => [key, 1])));
    expect(found.size).toBe(2);
  });

  test('one who asks for a key that a batch did not find loads it', async () => {
    const cache = await openTiers<number>();
    const gate = deferred<Map<string, number>>();
    const many = cache.getOrSetMany(['a', 'b'], () => gate.promise);
    const one = cache.getOrSet('b', () => 2);
    gate.resolve(new Map([['a', 1]]));
    expect(await many).toEqual(new Map([['a', 1]]));
    expect(await one).toBe(2);
  });

  test('batches that overlap share the loads of what they have in common', async () => {
    const cache = await openTiers<string>();
    const calls: string[][] = [];
    const gates = [deferred(), deferred()];
    const load = (i: number) => async (keys: string[]) => {
      calls.push(keys);
      await gates[i]?.promise;
      return new Map(keys.map((key) => [key, `${key}${i}`]));
    };
    const first = cache.getOrSetMany(['a', 'b'], load(0));
    const second = cache.getOrSetMany(['b', 'c'], load(1));
    gates[1]?.resolve();
    gates[0]?.resolve();
    expect(Object.fromEntries(await first)).toEqual({ a: 'a0', b: 'b0' });
    expect(Object.fromEntries(await second)).toEqual({ b: 'b0', c: 'c1' });
    expect(calls).toEqual([['a', 'b'], ['c']]);
  });

  test('a logger: nothing', async () => {
    const remote = memoryRemote();
    remote.fault = () => ({ error: foreign });
    const logger = {
      warn: () => {
        throw foreign;
      },
    };
    const cache = await openTiers({ remote, logger });
    expect(await cache.getOrSet('k', () => 1)).toBe(1);
  });

  test('a clock: it reaches the call, and the cache goes on', async () => {
    let isBroken = false;
    const cache = await openTiers({
      now: () => {
        if (isBroken) throw foreign;
        return 5;
      },
    });
    await cache.set('k', 1, { ttl: 100 });
    isBroken = true;
    for (const call of [
      () => cache.get('k'),
      () => cache.set('k', 2),
      () => cache.getOrSet('k', () => 3),
      () => cache.delete('k'),
    ])
      await expect(call()).rejects.toBe(foreign);
    isBroken = false;
    expect(await cache.get('k')).toBe(1);
    expect(cache.stats().loading).toBe(0);
  });

  test('what wrap is given: it reaches the caller', async () => {
    const cache = await openTiers<number>();
    const bad = cache.wrap(async (n: number) => n, {
      key: () => {
        throw foreign;
      },
    });
    await expect(bad(1)).rejects.toBe(foreign);
    await expect(bad.invalidate(1)).rejects.toBe(foreign);
    const noKey = cache.wrap(async (n: number) => n, { key: () => 5 as never });
    await expect(noKey(1)).rejects.toMatchObject({ code: 'ERR_TIERCEL_INVALID_OPTION' });
    for (const options of [undefined, null, {}, { key: 'k' }])
      expect(() => cache.wrap(async () => 1, options as never)).toThrow();
    const object = {
      factor: 2,
      times: cache.wrap(
        async function (this: { factor: number }, n: number) {
          return n * this.factor;
        },
        { key: (n) => `times:${n}` },
      ),
    };
    expect(await object.times(21)).toBe(42);
    expect(await object.times.invalidate(21)).toBe(true);
    expect(await object.times.invalidate(21)).toBe(false);
  });
});

test('a listener that changes the cache in the middle of things hears all the same', async () => {
  const cache = await openTiers<number>({ remote: memoryRemote(), bus: memoryBus().connect() });
  const heard: string[] = [];
  cache.on('set', ({ key }) => {
    heard.push(`set ${key}`);
    if (heard.length < 5) void cache.delete(key);
  });
  cache.on('remove', ({ key }) => {
    heard.push(`remove ${key}`);
    if (heard.length < 5) void cache.set(key, 0);
  });
  expect(await cache.getOrSet('k', () => 1)).toBe(1);
  await settled();
  expect(heard.slice(0, 4)).toEqual(['set k', 'remove k', 'set k', 'remove k']);
});
