import { type Cache, type LoadContext, memoryRemote, type RemoteTier } from 'tiercel';
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
    expect(remote.size).toBe(0);
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
    expect([...(await b.getMany(['a', 'b', 'c', 'm']))].sort()).toEqual([
      ['a', 1],
      ['b', 2],
      ['m', 0],
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

  test('is not asked for what this cache changed while it does not know yet', async () => {
    const { remote, a, b } = await two();
    await a.set('k', 'old', { tags: ['t'] });
    const gate = deferred();
    remote.fault = (operation) => (operation === 'change' ? { before: gate.promise } : undefined);
    const invalidating = b.invalidateTags('t');
    expect(await b.getOrSet('k', () => 'new')).toBe('new');
    gate.resolve();
    expect(await invalidating).toEqual({ removed: 1, pending: false });
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
});

describe('a second tier that fails', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  async function withFault(fault: NonNullable<ReturnType<typeof memoryRemote>['fault']>) {
    const clock = new FakeClock();
    const remote = memoryRemote(clock.now);
    const cache = await openTiers({ remote, now: clock.now });
    await cache.set('in second tier', 0);
    cache.memory.clear();
    remote.fault = fault;
    const advance = (ms: number) => {
      clock.advance(ms);
      return jest.advanceTimersByTimeAsync(ms);
    };
    return { clock, remote, cache, advance };
  }

  test('by never answering holds nobody up for longer than remoteTimeout, and after three times not at all', async () => {
    const { cache, advance, remote } = await withFault(() => ({ before: new Promise<void>(() => undefined) }));
    const states: string[] = [];
    cache.on('breaker', ({ state }) => states.push(state));
    for (let i = 0; i < 3; i++) {
      const asking = cache.getOrSet(`k${i}`, () => i);
      await advance(99);
      expect(await Promise.race([asking, 'waits'])).toBe('waits');
      await advance(1);
      expect(await asking).toBe(i);
      expect(await cache.get(`k${i}`)).toBe(i);
    }
    expect(states).toEqual(['open']);
    expect(cache.health()).toMatchObject({ ok: false, remote: { state: 'open', timeouts: 3, failures: 3 } });
    expect(await cache.getOrSet('k3', () => 3)).toBe(3);
    expect(await cache.get('in second tier')).toBeUndefined();
    expect(remote.calls.read).toBe(3);
    // One call is let through to see; the others go on without.
    await advance(5_000);
    const probes = [4, 5, 6].map((i) => cache.getOrSet(`k${i}`, () => i));
    await advance(0);
    expect(remote.calls.read).toBe(4);
    expect(await probes[1]).toBe(5);
    await advance(100);
    expect(await Promise.all(probes)).toEqual([4, 5, 6]);
    expect(states).toEqual(['open', 'half-open', 'open']);
    remote.fault = undefined;
    await advance(5_000);
    expect(await cache.get('in second tier')).toBe(0);
    expect(states).toEqual(['open', 'half-open', 'open', 'half-open', 'closed']);
    expect(cache.health().ok).toBe(true);
  });

  test.each<[string, Partial<RemoteTier>]>([
    ['throws', { read: () => never() as never }],
    ['rejects', { read: () => Promise.reject(new Error('no')) }],
    ['rejects with nothing', { read: () => Promise.reject(undefined) }],
    ['answers undefined', { read: async () => undefined as never }],
    ['answers too little', { read: async () => [] }],
    ['answers nothing', { read: async () => [undefined as never] }],
    ['answers null', { read: async () => [{ entry: null as never }] }],
    [
      'answers no value',
      { read: async () => [{ entry: { value: undefined, ttl: 5, stale: 0, tags: [], dependsOn: [] } }] },
    ],
    [
      'answers no ttl',
      { read: async () => [{ entry: { value: 1, ttl: Number.NaN, stale: 0, tags: [], dependsOn: [] } }] },
    ],
    [
      'answers no tags',
      { read: async () => [{ entry: { value: 1, ttl: 5, stale: 0, tags: [1], dependsOn: [] } as never }] },
    ],
  ])('and %s is no failure of the caller, and no value', async (_, broken) => {
    const remote: RemoteTier = {
      read: async (reads) => reads.map(() => ({})),
      write: () => Promise.reject(new Error('no')),
      change: () => Promise.reject(new Error('no')),
      ...broken,
    };
    const logger = { warn: jest.fn() };
    const cache = await openTiers<unknown>({ remote, logger });
    const errors = jest.fn();
    cache.on('error', errors);
    expect(await cache.get('k')).toBeUndefined();
    expect(await cache.getOrSet('k', () => 2)).toBe(2);
    expect(await cache.get('k')).toBe(2);
    expect(await cache.getOrSetMany(['l'], async () => new Map([['l', 3]]))).toEqual(new Map([['l', 3]]));
    expect(await cache.set('k', 4)).toBe(true);
    expect(await cache.delete('k')).toBe(true);
    expect(errors).toHaveBeenCalled();
    expect(logger.warn).toHaveBeenCalledTimes(errors.mock.calls.length);
  });

  test('loses no change: what was changed meanwhile is made up for, in order, and read only then', async () => {
    const { cache, remote, advance } = await withFault(() => ({ error: new Error('down') }));
    const other = await openTiers({ remote });
    await cache.set('k', 1);
    await cache.set('k', 2);
    expect(await cache.invalidateTags('t')).toEqual({ removed: 0, pending: true });
    expect(await cache.invalidateKeys('in second tier')).toEqual({ removed: 0, pending: true });
    expect(cache.health().pending).toMatchObject({ changes: 3, overflows: 0 });
    expect(await cache.getOrSet('in second tier', () => 'loaded')).toBe('loaded');
    remote.fault = undefined;
    await advance(5_100);
    expect(cache.health().pending).toMatchObject({ changes: 0, replayed: 3 });
    // Nobody can tell without a bus whether it was changed elsewhere since: not to be found is right in any case.
    expect(await other.get('k')).toBeUndefined();
    expect(await other.get('in second tier')).toBeUndefined();
    expect(await cache.get('k')).toBe(2);
  });

  test('and too many changes meanwhile: everything is changed, and that is counted', async () => {
    const clock = new FakeClock();
    const remote = memoryRemote(clock.now);
    const cache = await openTiers({ remote, now: clock.now, maxPending: 10 });
    await cache.setMany(Array.from({ length: 20 }, (_, i): [string, number] => [`k${i}`, i]));
    remote.fault = () => ({ error: new Error('down') });
    for (let i = 0; i < 11; i++) await cache.delete(`k${i}`);
    expect(cache.health().pending).toMatchObject({ changes: 1, overflows: 1 });
    remote.fault = undefined;
    clock.advance(5_000);
    await jest.advanceTimersByTimeAsync(5_000);
    expect(cache.health()).toMatchObject({ ok: true, pending: { changes: 0 } });
    cache.memory.clear();
    for (let i = 0; i < 20; i++) expect(await cache.get(`k${i}`)).toBeUndefined();
  });

  test('after the effect: a change is made twice, which harms nothing', async () => {
    const { cache, remote, advance } = await withFault((operation) =>
      operation === 'change' ? { lost: new Error('cut') } : undefined,
    );
    expect(await cache.invalidateKeys('in second tier')).toMatchObject({ pending: true });
    remote.fault = undefined;
    await advance(5_000);
    expect(cache.health().ok).toBe(true);
    expect(await cache.get('in second tier')).toBeUndefined();
  });

  test('does not keep what a later change of the key replaced', async () => {
    const { cache, remote, advance } = await withFault(() => undefined);
    const gate = deferred();
    let first = true;
    remote.fault = (operation) => {
      if (operation !== 'write' || !first) return undefined;
      first = false;
      return { before: gate.promise, error: new Error('late') };
    };
    const older = cache.set('k', 'older');
    const newer = cache.set('k', 'newer');
    await newer;
    gate.resolve();
    await older;
    expect(cache.health().pending.changes).toBe(0);
    cache.memory.clear();
    expect(await cache.get('k')).toBe('newer');
    await advance(10_000);
  });

  test('ends a close in time, whatever it does', async () => {
    const { cache, advance } = await withFault(() => ({ before: new Promise<void>(() => undefined) }));
    const setting = cache.set('k', 1);
    await advance(100);
    await setting;
    const closing = cache.close();
    await advance(100);
    await closing;
    expect(cache.closed).toBe(true);
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('a lock', () => {
  test('is granted to one at a time, with a token that grows', async () => {
    for (const remote of [undefined, memoryRemote()]) {
      const cache = await openTiers(remote && { remote });
      const first = await cache.lock('job');
      await expect(cache.lock('job')).rejects.toMatchObject({ code: 'ERR_TIERCEL_LOCKED' });
      const waiting = cache.lock('job', { wait: '1m' });
      await first.release();
      await first.release();
      const second = await waiting;
      expect(second.token).toBeGreaterThan(first.token);
      expect(await first.extend()).toBe(false);
      expect(await second.extend('1m')).toBe(true);
      await second[Symbol.asyncDispose]();
      const other = await cache.namespace('a').lock('job');
      expect(await cache.lock('job').then((lock) => lock.release())).toBeUndefined();
      await other.release();
    }
  });

  test('ends by itself, and a wait for it by a signal', async () => {
    const clock = new FakeClock();
    const cache = await openTiers({ now: clock.now });
    const first = await cache.lock('job', { ttl: 100 });
    const controller = new AbortController();
    const waiting = cache.lock('job', { wait: '1m', signal: controller.signal });
    controller.abort('enough');
    await expect(waiting).rejects.toBe('enough');
    clock.advance(100);
    const second = await cache.lock('job');
    expect(second.token).toBeGreaterThan(first.token);
    await first.release();
    await expect(cache.lock('job')).rejects.toMatchObject({ code: 'ERR_TIERCEL_LOCKED' });
  });

  test('is never granted because nobody answers', async () => {
    const remote = memoryRemote();
    remote.fault = () => ({ error: new Error('down') });
    const cache = await openTiers({ remote });
    await expect(cache.lock('job')).rejects.toMatchObject({ code: 'ERR_TIERCEL_UNAVAILABLE' });
  });
});
