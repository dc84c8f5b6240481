import { type Cache, type LoadContext, type LoadOptions, memoryRemote } from 'tiercel';
import { FakeClock } from './support/clock.js';
import { deferred, settled, stateOf } from './support/deferred.js';
import { openTiers } from './support/tiers.js';

const never = () => {
  throw new Error('the loader was called');
};

/** Two caches in front of one second tier, without a bus. */
async function two() {
  const clock = new FakeClock();
  const remote = memoryRemote(clock.now);
  const [a, b] = [await openTiers({ remote, now: clock.now }), await openTiers({ remote, now: clock.now })];
  return { clock, remote, a, b };
}

describe('the second tier', () => {
  test('has what another cache loaded, with all that is known of it', async () => {
    const { clock, remote, a, b } = await two();
    const loader = ({ setTags, setValidators }: LoadContext) => {
      setTags('late');
      setValidators({ etag: '"1"' });
      return { n: 1 };
    };
    await a.getOrSet('k', loader, { ttl: 1000, stale: 500, tags: ['t'] });
    await settled();
    clock.advance(400);
    expect(await b.getOrSet('k', never)).toEqual({ n: 1 });
    expect(b.memory.ttl('k')).toBe(600);
    expect(b.memory.tagsOf('k')?.sort()).toEqual(['late', 't']);
    expect(b.stats()).toMatchObject({ remoteHits: 1, remoteMisses: 0 });
    // Now it has it itself.
    expect(await b.get('k')).toEqual({ n: 1 });
    expect(remote.calls.read).toBe(2);
    clock.advance(700);
    const seen = jest.fn();
    await b.getOrSet('k', ({ stale }) => seen(stale), { stale: 500 });
    await settled();
    expect(seen).toHaveBeenCalledWith({ value: { n: 1 }, etag: '"1"' });
  });

  test('keeps namespaces and names of caches apart, however their parts join', async () => {
    const { remote, a, b } = await two();
    await a.namespace('x', 'y').set('k', 1);
    expect(await b.namespace('x', 'y').get('k')).toBe(1);
    for (const [parts, key] of [
      [['x:y'], 'k'],
      [['x'], 'y:k'],
      [[], 'k'],
      [['y', 'x'], 'k'],
    ] as [string[], string][])
      expect(await b.namespace(...parts).get(key)).toBeUndefined();
    const other = await openTiers({ remote, name: 'other' });
    expect(await other.namespace('x', 'y').get('k')).toBeUndefined();
    await b.namespace('x').clear();
    expect(await (await openTiers({ remote })).namespace('x', 'y').get('k')).toBeUndefined();
  });

  test('is asked once for many keys, and the loader once for those that it does not have', async () => {
    const { remote, a, b } = await two();
    await a.setMany([
      ['a', 1],
      ['b', 2],
      ['n', null],
    ]);
    remote.calls.read = 0;
    await b.set('m', 0);
    // In the order of the keys, wherever they are.
    expect([...(await b.getMany(['n', 'b', 'c', 'm', 'a']))]).toEqual([
      ['n', null],
      ['b', 2],
      ['m', 0],
      ['a', 1],
    ]);
    expect(remote.calls.read).toBe(1);
    const loader = jest.fn(
      async (keys: string[]) => new Map(keys.filter((key) => key !== 'z').map((key) => [key, key])),
    );
    const found = await b.getOrSetMany(['a', 'm', 'n', 'x', 'y', 'z'], loader);
    expect(Object.fromEntries(found)).toEqual({ a: 1, m: 0, n: null, x: 'x', y: 'y' });
    expect(loader.mock.calls.map(([keys]) => keys)).toEqual([['x', 'y', 'z']]);
    expect(remote.calls.read).toBe(2);
    await settled();
    expect([...(await a.getMany(['x', 'y', 'z']))]).toEqual([
      ['x', 'x'],
      ['y', 'y'],
    ]);
  });

  test('does not get a value that another cache invalidated while it was loaded', async () => {
    const changes: Record<string, (cache: Cache) => Promise<unknown>> = {
      delete: (cache) => cache.delete('p:k'),
      expire: (cache) => cache.expire('p:k'),
      set: (cache) => cache.set('p:k', 'newer'),
      tags: (cache) => cache.invalidateTags('t'),
      'tags known late': (cache) => cache.invalidateTags('late'),
      prefix: (cache) => cache.invalidatePrefix('p:'),
      pattern: (cache) => cache.invalidatePattern('*k'),
      dependency: (cache) => cache.delete('other'),
      clear: (cache) => cache.clear(),
    };
    for (const [name, change] of Object.entries(changes)) {
      const { remote, a, b } = await two();
      const gate = deferred<string>();
      const loader = ({ setTags }: LoadContext) => {
        setTags('late');
        return gate.promise;
      };
      const loading = a.getOrSet('p:k', loader, { tags: ['t'], dependsOn: ['other'] });
      await settled();
      await change(b);
      gate.resolve('old');
      expect(await loading).toBe('old');
      await settled();
      expect([name, await b.get('p:k')]).toEqual([name, name === 'set' ? 'newer' : undefined]);
      expect(a.stats().remoteRefusals).toBe(1);
      expect(remote.calls.write).toBe(name === 'set' ? 2 : 1);
    }
  });

  test('that forgot its nonces costs a miss, and gives nothing that was invalidated', async () => {
    const { remote, a, b } = await two();
    const gate = deferred<string>();
    const loading = a.getOrSet('k', () => gate.promise, { tags: ['t'] });
    await settled();
    remote.wipe();
    gate.resolve('old');
    await loading;
    await settled();
    expect(await b.get('k')).toBeUndefined();
  });

  test('is not believed by memory if an invalidation overtook its answer', async () => {
    const changes: ((cache: Cache) => Promise<unknown>)[] = [
      (cache) => cache.delete('p:k'),
      (cache) => cache.invalidateTags('t'),
      (cache) => cache.invalidatePrefix('p:'),
      (cache) => cache.invalidatePattern('p*'),
      (cache) => cache.clear(),
    ];
    for (const change of changes) {
      for (const how of ['get', 'getOrSet', 'getMany'] as const) {
        const { remote, a, b } = await two();
        await a.set('p:k', 'old', { tags: ['t'] });
        const gate = deferred();
        remote.fault = (operation) => (operation === 'read' ? { after: gate.promise } : undefined);
        const reading =
          how === 'getMany' ? b.getMany(['p:k']) : how === 'get' ? b.get('p:k') : b.getOrSet('p:k', () => 'new');
        await settled();
        const changed = change(b);
        gate.resolve();
        await Promise.all([reading, changed]);
        expect(b.memory.has('p:k')).toBe(false);
        remote.fault = undefined;
        expect(await b.get('p:k')).toBeUndefined();
      }
    }
  });

  test('may take its time: what it has stays fresh, or stale, for no longer than there', async () => {
    const { clock, remote, a, b } = await two();
    const keys = ['fresh', 'just', 'a bit stale', 'too stale'];
    await a.setMany(
      keys.map((key) => [key, 'old'] as const),
      { ttl: 1_000, stale: 9_000 },
    );
    await a.set('for ever', 'old', { ttl: 0 });
    const read = (key: string, options?: LoadOptions) => {
      const gate = deferred();
      remote.fault = (operation) => (operation === 'read' ? { after: gate.promise } : undefined);
      const reading = options === undefined ? b.get(key) : b.getOrSet(key, () => 'new', options);
      return async (took: number) => {
        await settled();
        clock.advance(took);
        gate.resolve();
        return reading;
      };
    };
    clock.advance(100);
    expect(await read('fresh')(50)).toBe('old');
    expect(b.memory.ttl('fresh')).toBe(850);
    expect(await read('for ever')(50)).toBe('old');
    expect(b.memory.ttl('for ever')).toBe(Number.POSITIVE_INFINITY);
    // It was fresh when the second tier was asked.
    expect(await read('just')(2_000)).toBe('old');
    clock.advance(1);
    expect(b.memory.get('just')).toBeUndefined();
    // Fresh until 1000, and now it is 2201.
    expect(await read('a bit stale', { stale: 1_252 })(50)).toBe('old');
    await settled();
    expect(await read('too stale', { stale: 1_300 })(50)).toBe('new');
  });

  test('is not asked for what this cache changed while it does not know yet', async () => {
    const { remote, a, b } = await two();
    await a.set('k', 'old', { tags: ['t'] });
    const gate = deferred();
    remote.fault = (operation) => (operation === 'change' ? { before: gate.promise } : undefined);
    const invalidating = b.invalidateTags('t');
    expect(await b.getOrSet('k', () => 'new')).toBe('new');
    gate.resolve();
    expect(await invalidating).toMatchObject({ pending: false });
    expect(await b.get('k')).toBe('new');
  });

  test('gets what was set even if memory let go of it meanwhile, which does not take the older one in', async () => {
    const { remote, a } = await two();
    await a.set('k', 'old');
    const gate = deferred();
    remote.fault = (operation) => (operation === 'write' ? { before: gate.promise } : undefined);
    const setting = a.set('k', 'new');
    a.memory.delete('k');
    expect(await a.get('k')).toBeUndefined();
    gate.resolve();
    await setting;
    expect(await a.get('k')).toBe('new');
  });

  test('is told to expire, to touch and to delete', async () => {
    const { clock, a, b } = await two();
    await a.set('k', 1, { ttl: 100, stale: 1000 });
    expect(await b.expire('k')).toBe(true);
    expect(await b.get('k')).toBeUndefined();
    expect(await b.getOrSet('k', () => 2, { stale: 500 })).toBe(1);
    await settled();
    expect(await b.get('k')).toBe(2);
    await a.set('l', 1, { ttl: 100 });
    clock.advance(50);
    expect(await b.touch('l', 1000)).toBe(true);
    clock.advance(500);
    a.memory.delete('l');
    expect(await a.get('l')).toBe(1);
    expect(await b.delete('l')).toBe(true);
    expect(await b.deleteMany(['l', 'none'])).toBe(0);
    expect(await b.has('l')).toBe(false);
  });

  test('is not asked where forceRefresh says so, but gets the value', async () => {
    const { a, b } = await two();
    await a.set('k', 1);
    expect(await b.getOrSet('k', ({ stale }) => (stale === undefined ? 2 : 3), { forceRefresh: true })).toBe(2);
    await settled();
    a.memory.clear();
    expect(await a.get('k')).toBe(2);
  });
});

describe('a stale value of the second tier', () => {
  async function withStale() {
    const tiers = await two();
    await tiers.a.set('k', 'old', { ttl: 100, stale: 1000, tags: ['t'] });
    tiers.clock.advance(300);
    return tiers;
  }

  test('is served at once within the stale time, while one load replaces it', async () => {
    const { b } = await withStale();
    const gate = deferred<string>();
    const loader = jest.fn(({ stale }: LoadContext) => {
      expect(stale).toEqual({ value: 'old' });
      return gate.promise;
    });
    expect(await Promise.all([1, 2].map(() => b.getOrSet('k', loader, { stale: 500 })))).toEqual(['old', 'old']);
    gate.resolve('new');
    await settled();
    expect(await b.get('k')).toBe('new');
    expect(loader).toHaveBeenCalledTimes(1);
  });

  test('is served if the load fails, and kept for the next whose load fails', async () => {
    const { clock, b } = await withStale();
    const fail = jest.fn(() => Promise.reject(new Error('no')));
    const options = { stale: 0, grace: 500, graceBackoff: 50 };
    expect(await b.getOrSet('k', fail, options)).toBe('old');
    expect(b.memory.getEntry('k')).toMatchObject({ value: 'old', stale: true, tags: ['t'] });
    expect(await b.getOrSet('k', fail, options)).toBe('old');
    expect(fail).toHaveBeenCalledTimes(1);
    // It has been stale for 200 ms more than memory has had it.
    clock.advance(299);
    expect(await b.getOrSet('k', fail, options)).toBe('old');
    clock.advance(2);
    await expect(b.getOrSet('k', fail, options)).rejects.toThrow('no');
  });

  test('is not served once it was invalidated', async () => {
    const { b } = await withStale();
    const gate = deferred<string>();
    const asking = b.getOrSet('k', () => gate.promise, { grace: 500 });
    await settled();
    const invalidating = b.invalidateTags('t');
    gate.reject(new Error('no'));
    await expect(asking).rejects.toThrow('no');
    await invalidating;
  });

  test('is not served by get', async () => {
    const { b } = await withStale();
    expect(await b.get('k')).toBeUndefined();
    expect(await b.has('k')).toBe(false);
    expect((await b.getMany(['k'])).size).toBe(0);
  });
});

describe('an eager refresh', () => {
  test('adopts a newer value of the second tier, and calls no loader', async () => {
    const { clock, a, b } = await two();
    const options = { ttl: 1000, eagerRefresh: 1 };
    const slow = async () => {
      clock.advance(100);
      return 'old';
    };
    await b.getOrSet('k', slow, options);
    await settled();
    clock.advance(999);
    await a.set('k', 'newer', { ttl: 1000 });
    const random = jest.spyOn(Math, 'random').mockReturnValue(0.9);
    expect(await b.getOrSet('k', never, options)).toBe('old');
    await settled();
    random.mockRestore();
    expect(await b.get('k')).toBe('newer');
  });

  test('loads if the second tier has the same value', async () => {
    const { clock, b } = await two();
    const options = { ttl: 1000, eagerRefresh: 1 };
    const slow = async () => {
      clock.advance(100);
      return 'old';
    };
    await b.getOrSet('k', slow, options);
    await settled();
    clock.advance(999);
    const random = jest.spyOn(Math, 'random').mockReturnValue(0.9);
    expect(await b.getOrSet('k', () => 'new', options)).toBe('old');
    await settled();
    random.mockRestore();
    expect(await b.get('k')).toBe('new');
  });
});

describe("lock: 'fleet'", () => {
  test('one cache loads, the others get what it brought', async () => {
    const { a, b } = await two();
    const gate = deferred<number>();
    const loader = jest.fn(() => gate.promise);
    const asking = [a, b].map((cache) => cache.getOrSet('k', loader, { lock: 'fleet' }));
    await settled();
    expect(loader).toHaveBeenCalledTimes(1);
    gate.resolve(1);
    expect(await Promise.all(asking)).toEqual([1, 1]);
    expect(loader).toHaveBeenCalledTimes(1);
  });

  test('one at a time also while changes are on their way, so that the second tier is not to be read', async () => {
    const { remote, a, b } = await two();
    const arrival = deferred<void>();
    remote.fault = (operation) => (operation === 'change' ? { before: arrival.promise } : undefined);
    const changing = [a, b].map((cache) => cache.invalidateTags('t'));
    const gates = [deferred<number>(), deferred<number>()];
    const isCalledAgain = deferred<void>();
    const loader: jest.Mock<Promise<number>> = jest.fn(() => {
      if (loader.mock.calls.length === 2) isCalledAgain.resolve();
      return gates[loader.mock.calls.length - 1]?.promise as Promise<number>;
    });
    const asking = [a, b].map((cache) => cache.getOrSet('k', loader, { lock: 'fleet' }));
    await settled();
    expect(loader).toHaveBeenCalledTimes(1);
    gates[0]?.resolve(1);
    expect(await asking[0]).toBe(1);
    // A second tier tells those who wait for a lock in its own time.
    await isCalledAgain.promise;
    gates[1]?.resolve(2);
    expect(await asking[1]).toBe(2);
    arrival.resolve();
    await Promise.all(changing);
  });

  test('the next one loads if the first fails, skips or gives up', async () => {
    for (const end of ['fail', 'skip', 'leave'] as const) {
      const { a, b } = await two();
      const gate = deferred<number>();
      const controller = new AbortController();
      const first = a.getOrSet(
        'k',
        ({ skip }) => {
          if (end === 'skip') skip();
          return gate.promise;
        },
        { lock: 'fleet', signal: controller.signal },
      );
      const outcome = first.catch(() => 'failed');
      await settled();
      const second = b.getOrSet('k', () => 2, { lock: 'fleet' });
      await settled();
      expect(await stateOf(second)).toBe('pending');
      if (end === 'fail') gate.reject(new Error('no'));
      if (end === 'skip') gate.resolve(1);
      if (end === 'leave') {
        controller.abort();
        gate.resolve(1);
      }
      await outcome;
      expect(await second).toBe(2);
    }
  });

  test('of many keys each is loaded once, and nobody waits for what another has that waits for it', async () => {
    const { a, b } = await two();
    const gates = [deferred<void>(), deferred<void>()];
    const loaded: string[][] = [];
    const load = (by: number) => async (keys: string[]) => {
      loaded.push(keys);
      await gates[by]?.promise;
      return new Map(keys.map((key) => [key, by]));
    };
    const first = a.getOrSetMany(['j', 'k', 'l'], load(0), { lock: 'fleet' });
    await settled();
    const second = b.getOrSetMany(['k', 'l', 'm'], load(1), { lock: 'fleet' });
    await settled();
    const third = a.getOrSetMany(['m', 'n'], load(0), { lock: 'fleet' });
    await settled();
    expect(loaded).toEqual([['j', 'k', 'l'], ['m'], ['n']]);
    for (const gate of gates) gate.resolve();
    expect([...(await first)]).toEqual([
      ['j', 0],
      ['k', 0],
      ['l', 0],
    ]);
    expect([...(await second)]).toEqual([
      ['k', 0],
      ['l', 0],
      ['m', 1],
    ]);
    expect([...(await third)]).toEqual([
      ['m', 1],
      ['n', 0],
    ]);
    expect(loaded).toHaveLength(3);
  });

  test('of many keys the next one loads what the first did not bring', async () => {
    const { a, b } = await two();
    const gate = deferred<Map<string, number>>();
    const first = a.getOrSetMany(['k', 'l'], () => gate.promise, { lock: 'fleet' });
    await settled();
    const loader = jest.fn(async (keys: string[]) => new Map(keys.map((key) => [key, 2])));
    const second = b.getOrSetMany(['k', 'l'], loader, { lock: 'fleet' });
    await settled();
    expect(loader).not.toHaveBeenCalled();
    gate.resolve(new Map([['k', 1]]));
    await first;
    expect([...(await second)]).toEqual([
      ['k', 1],
      ['l', 2],
    ]);
    expect(loader.mock.calls.map(([keys]) => keys)).toEqual([['l']]);
  });
});
