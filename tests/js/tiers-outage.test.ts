import { memoryRemote, type RemoteTier, TiercelError } from 'tiercel';
import { FakeClock } from './support/clock.js';
import { deferred } from './support/deferred.js';
import { openTiers } from './support/tiers.js';

const never = () => new AbortController().signal;

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
    // Twice as long, after that.
    await advance(4_999);
    expect(await cache.get('in second tier')).toBeUndefined();
    await advance(5_001);
    expect(await cache.get('in second tier')).toBe(0);
    expect(states).toEqual(['open', 'half-open', 'open', 'half-open', 'closed']);
    expect(cache.health().ok).toBe(true);
  });

  test('by giving up itself has taken too long as well', async () => {
    const late = new TiercelError('ERR_TIERCEL_TIMEOUT', 'Redis gave no answer');
    const { cache } = await withFault(() => ({ error: late }));
    expect(await cache.getOrSet('k', () => 1)).toBe(1);
    expect(cache.health().remote).toMatchObject({ failures: 1, timeouts: 1 });
  });

  test('is seen to answer again though the call that is let through to see waits for a lock', async () => {
    const { cache, advance, remote } = await withFault(() => ({ error: new Error('no') }));
    for (let i = 0; i < 3; i++) await cache.getOrSet(`k${i}`, () => i);
    expect(cache.health().remote?.state).toBe('open');
    remote.fault = undefined;
    const held = await remote.lock(
      { namespace: ['default'], key: 'job', ttl: 3_600_000, wait: 0 },
      { signal: never() },
    );
    await advance(5_000);
    const states: string[] = [];
    cache.on('breaker', ({ state }) => states.push(state));
    const waiting = cache.lock('job', { wait: '1h' });
    await advance(99);
    expect(states).toEqual(['half-open']);
    expect(await cache.get('in second tier')).toBeUndefined();
    await advance(1);
    expect(await cache.get('in second tier')).toBe(0);
    expect(states).toEqual(['half-open', 'open', 'half-open', 'closed']);
    await held?.release();
    await advance(0);
    await (await waiting).release();
    expect(cache.health().ok).toBe(true);
  });

  test.each<[string, Partial<RemoteTier>]>([
    [
      'throws',
      {
        read: () => {
          throw new Error('no');
        },
      },
    ],
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

  test('keeps those waiting who want to know that all tiers heard of a change, and nobody for long', async () => {
    const { cache, remote, advance } = await withFault(() => ({ error: new Error('down') }));
    const changes: (() => Promise<unknown>)[] = [
      () => cache.set('k', 1),
      () => cache.setMany([['l', 1]]),
      () => cache.delete('k'),
      () => cache.deleteMany(['l']),
      () => cache.expire('m'),
      () => cache.clear(),
      () => cache.invalidateTags('t'),
    ];
    for (const change of changes) {
      remote.fault = undefined;
      await advance(5_000);
      expect(await cache.acknowledged()).toBe(true);
      remote.fault = () => ({ error: new Error('down') });
      await change();
      expect(await cache.acknowledged()).toBe(false);
      expect(cache.health().pending.changes).toBe(1);
      remote.fault = undefined;
      // As soon as it can be reached, which a breaker that is open finds out later.
      await advance(5_000);
      expect(await cache.acknowledged()).toBe(true);
      expect(cache.health().pending.changes).toBe(0);
    }
    remote.fault = () => ({ before: new Promise(() => undefined) });
    await Promise.all([cache.set('k', 1), advance(200)]);
    const asked = cache.acknowledged();
    await advance(200);
    expect(await asked).toBe(false);
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

  test('only because of a value that cannot be kept is well, and has nothing in its place', async () => {
    const { cache, advance, remote } = await withFault(() => undefined);
    for (let i = 0; i < 5; i++) await cache.set('in second tier', () => i);
    expect(cache.health()).toMatchObject({ remote: { state: 'closed', failures: 3 }, pending: { changes: 1 } });
    expect(cache.memory.get('in second tier')).toBeInstanceOf(Function);
    await advance(5_000);
    await advance(5_000);
    expect(cache.health()).toMatchObject({ ok: true, pending: { changes: 0 } });
    expect(remote.size).toBe(0);
    expect(await cache.getOrSet('k', async () => () => 1)).toBeInstanceOf(Function);
    expect(cache.health().ok).toBe(true);
  });

  test('leaves a change pending whose place a later one has taken that waits itself', async () => {
    const { cache, remote } = await withFault(() => ({ error: new Error('down') }));
    await cache.invalidateKeys('what waits');
    const gate = deferred();
    remote.fault = () => ({ before: gate.promise, error: new Error('down') });
    const older = cache.invalidateKeys('k');
    const newer = cache.invalidateKeys('k');
    gate.resolve();
    expect(await older).toMatchObject({ pending: true });
    expect(await newer).toMatchObject({ pending: true });
  });

  test('leaves what waits pending when it becomes a change of everything', async () => {
    const remote = memoryRemote();
    const cache = await openTiers({ remote, maxPending: 2 });
    remote.fault = () => ({ error: new Error('down') });
    await cache.invalidateKeys('what waits');
    const gate = deferred();
    remote.fault = () => ({ before: gate.promise, error: new Error('down') });
    const changes = ['k', 'l', 'm'].map((key) => cache.invalidateKeys(key));
    expect(cache.health().pending.overflows).toBe(1);
    gate.resolve();
    for (const change of changes) expect(await change).toMatchObject({ pending: true });
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

  test('that is refused is no sign that the second tier is down', async () => {
    const remote = memoryRemote();
    remote.fault = (operation) =>
      operation === 'lock' ? { error: new TiercelError('ERR_TIERCEL_CLOCK', 'clocks') } : undefined;
    const cache = await openTiers({ remote });
    for (let i = 0; i < 10; i++)
      await expect(cache.lock('job')).rejects.toMatchObject({ code: 'ERR_TIERCEL_UNAVAILABLE' });
    expect(await cache.getOrSet('k', () => 1, { lock: 'fleet' })).toBe(1);
    expect(cache.health().remote).toMatchObject({ state: 'closed', failures: 11 });
  });

  test('that a load has is renewed while it goes on, also after an attempt that failed, until another has it', async () => {
    jest.useFakeTimers();
    try {
      const answers = [() => Promise.reject(new Error('down')), async () => true, async () => false, async () => true];
      const extend = jest.fn((_: number) => (answers.shift() as () => Promise<boolean>)());
      const lock = async () => ({ token: 1, extend, release: async () => undefined });
      const cache = await openTiers({ remote: Object.assign(memoryRemote(), { lock }) });
      const gate = deferred<number>();
      const loading = cache.getOrSet('k', () => gate.promise, { lock: 'fleet', hardTimeout: '1h' });
      const attempts = [];
      for (let i = 0; i < 5; i++) {
        await jest.advanceTimersByTimeAsync(3_400);
        attempts.push(extend.mock.calls.length);
      }
      expect(attempts).toEqual([1, 2, 3, 3, 3]);
      expect(extend).toHaveBeenCalledWith(10_000);
      gate.resolve(1);
      expect(await loading).toBe(1);
    } finally {
      jest.useRealTimers();
    }
  });

  test('that another never lets go of is not waited for any more, which is told, and is no sign of it either', async () => {
    const remote: RemoteTier = Object.assign(memoryRemote(), { lock: async () => undefined });
    const cache = await openTiers({ remote });
    const errors: object[] = [];
    cache.on('error', (error) => errors.push(error));
    expect(await cache.getOrSet('k', () => 1, { lock: 'fleet' })).toBe(1);
    const loaded = await cache.getOrSetMany(['l', 'm'], (keys) => new Map(keys.map((key) => [key, 2])), {
      lock: 'fleet',
      hardTimeout: 1000,
    });
    expect([...loaded.values()]).toEqual([2, 2]);
    const told = (ms: number) => ({
      tier: 'memory',
      operation: 'lock',
      error: expect.objectContaining({ code: 'ERR_TIERCEL_LOCKED', message: expect.stringContaining(` ${ms} ms`) }),
    });
    expect(errors).toEqual([told(30_000), told(1000), told(1000)]);
    expect(cache.health().remote).toMatchObject({ state: 'closed', failures: 0 });
  });
});
