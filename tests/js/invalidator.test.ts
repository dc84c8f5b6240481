import { Invalidator, type InvalidatorOptions, type Removed } from 'tiercel';
import { openCache } from './support/cache.js';
import { FakeClock } from './support/clock.js';
import { deferred, settled } from './support/deferred.js';
import { expectFailure, expectThrow, failureOf } from './support/errors.js';
import { collectGarbage } from './support/gc.js';
import { KINDS } from './support/kinds.js';

const KEYS = ['user:1', 'user:2', 'files:1:a', 'files:1:b', 'files:2:a', 'stats:1', 'stats:all'];

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
});
afterEach(() => jest.useRealTimers());

describe.each(KINDS)('an invalidator of %s', (kind, open) => {
  async function opened(options?: InvalidatorOptions) {
    const { cache, memory } = await open();
    for (const key of KEYS) memory.set(key, key, { tags: [`tag of ${key}`, 'all'] });
    const invalidator = new Invalidator(cache, { now: Date.now, ...options });
    const gone = () => KEYS.filter((key) => !memory.has(key));
    // The cache may have some of its own.
    const before = jest.getTimerCount();
    const timers = () => jest.getTimerCount() - before;
    return { cache, memory, invalidator, gone, timers };
  }

  test.each<[string, string | string[], object, string[]]>([
    ['keys', ['user:1', 'user:2'], {}, ['user:1', 'user:2']],
    ['a prefix', 'files:1:*', {}, ['files:1:a', 'files:1:b']],
    ['a pattern', 'files:?:a', {}, ['files:1:a', 'files:2:a']],
    ['a tag', 'tag:tag of user:1', {}, ['user:1']],
    [
      'what values say',
      ['user:{id}', 'files:{id}:*', 'tag:tag of {stats.key}'],
      { id: 1, stats: { key: 'stats:1' } },
      ['user:1', 'files:1:a', 'files:1:b', 'stats:1'],
    ],
    ['just what they say', 'files:{id}:*', { id: '*' }, []],
  ])('invalidates %s at once', async (_, targets, values, expected) => {
    const { invalidator, gone } = await opened();
    await invalidator.invalidate(targets, values);
    expect(gone()).toEqual(expected);
  });

  describe('by events', () => {
    test('takes what an event concerns, all of it, and nothing after the end', async () => {
      const { invalidator, gone, memory } = await opened();
      const stop = invalidator.invalidateOn('user.changed', ['user:{id}', 'files:{id}:*']);
      invalidator.invalidateOn('user.changed', 'stats:all');
      await invalidator.emitEvent('user.renamed', { id: 1 });
      expect(gone()).toEqual([]);
      await invalidator.emitEvent('user.changed', { id: 1 });
      expect(gone()).toEqual(['user:1', 'files:1:a', 'files:1:b', 'stats:all']);
      stop();
      stop();
      memory.set('stats:all', 1);
      await invalidator.emitEvent('user.changed', { id: 2 });
      expect(gone()).toEqual(['user:1', 'files:1:a', 'files:1:b', 'stats:all']);
    });

    test('asks a condition', async () => {
      const { invalidator, gone } = await opened();
      invalidator.invalidateOn<{ id: number; fields: string[] }>('changed', 'user:{id}', {
        when: ({ fields }) => fields.includes('name'),
      });
      await invalidator.emitEvent('changed', { id: 1, fields: ['seen'] });
      await invalidator.emitEvent('changed', { id: 2, fields: ['name'] });
      expect(gone()).toEqual(['user:2']);
    });

    test('does the rest if a condition throws or a payload lacks something, and then fails', async () => {
      const { invalidator, gone } = await opened();
      invalidator.invalidateOn('changed', 'user:{id}');
      invalidator.invalidateOn('changed', 'files:1:*', {
        when: () => {
          throw new RangeError('when');
        },
      });
      invalidator.invalidateOn('changed', 'stats:*');
      await expectFailure(
        () => invalidator.emitEvent('changed'),
        'ERR_TIERCEL_INVALID_ARGUMENT',
        /^targets\[0\]: \{id\}: got undefined/,
      );
      expect(gone()).toEqual(['stats:1', 'stats:all']);
      expect(await failureOf(() => invalidator.emitEvent('changed', { id: 1 }))).toEqual(new RangeError('when'));
      expect(gone()).toEqual(['user:1', 'stats:1', 'stats:all']);
    });

    test('does not keep what a load had read before', async () => {
      const { invalidator, cache, memory } = await opened();
      invalidator.invalidateOn('changed', 'page:*');
      const load = deferred<string>();
      const loading = cache.getOrSet('page:1', () => load.promise);
      await settled();
      await settled();
      await invalidator.emitEvent('changed');
      load.resolve('old');
      expect(await loading).toBe('old');
      expect(memory.has('page:1')).toBe(false);
    });
  });

  describe('by time', () => {
    test('takes targets at a time of the wall clock, unless called off', async () => {
      const { invalidator, gone, timers } = await opened();
      invalidator.scheduleInvalidation('user:{id}', Date.now() + 1000, { id: 1 });
      const cancel = invalidator.scheduleInvalidation('user:2', new Date(Date.now() + 1000));
      invalidator.scheduleInvalidation('files:*', Date.now() + 2000);
      cancel();
      jest.advanceTimersByTime(999);
      await settled();
      expect(gone()).toEqual([]);
      jest.advanceTimersByTime(1);
      await settled();
      await settled();
      expect(gone()).toEqual(['user:1']);
      jest.advanceTimersByTime(1000);
      await settled();
      await settled();
      expect(gone()).toEqual(['user:1', 'files:1:a', 'files:1:b', 'files:2:a']);
      expect(timers()).toBe(0);
    });

    test('takes at once what has passed', async () => {
      const { invalidator, gone } = await opened();
      invalidator.scheduleInvalidation('user:1', Date.now() - 1);
      await settled();
      await settled();
      expect(gone()).toEqual(['user:1']);
    });

    test('takes targets again and again, until it is ended', async () => {
      const { invalidator, memory, gone, timers } = await opened();
      const stop = invalidator.invalidateEvery('stats:*', '1m');
      for (let minute = 0; minute < 3; minute++) {
        memory.set('stats:1', minute);
        jest.advanceTimersByTime(59_999);
        await settled();
        expect(memory.has('stats:1')).toBe(true);
        jest.advanceTimersByTime(1);
        await settled();
        await settled();
        expect(gone()).toEqual(['stats:1', 'stats:all']);
      }
      stop();
      memory.set('stats:1', 3);
      jest.advanceTimersByTime(120_000);
      await settled();
      expect(memory.has('stats:1')).toBe(true);
      expect(timers()).toBe(0);
    });

    test('does what is due when asked, by a clock of one’s own', async () => {
      const clock = new FakeClock();
      const { invalidator, gone } = await opened({ now: clock.now });
      invalidator.scheduleInvalidation('user:1', Date.now() + 50);
      await invalidator.runDue();
      expect(gone()).toEqual([]);
      clock.advance(50);
      await invalidator.runDue();
      expect(gone()).toEqual(['user:1']);
    });

    test('tells of errors that nobody waits for', async () => {
      const errors: unknown[] = [];
      const { cache } = await opened();
      const failing = new Proxy(cache, {
        get: (target, name) =>
          name === 'delete' ? () => Promise.reject(new RangeError('down')) : (Reflect.get(target, name) as unknown),
      });
      const invalidator = new Invalidator(failing, { now: Date.now, onError: (e) => errors.push(e) });
      invalidator.scheduleInvalidation('user:1', Date.now() + 10);
      // The timer is armed by a microtask.
      await settled();
      jest.advanceTimersByTime(10);
      await settled();
      expect(errors).toEqual([new RangeError('down')]);
      await expect(invalidator.invalidate('user:1')).rejects.toThrow(new RangeError('down'));
    });
  });

  test('tells of what was invalidated, by pattern', async () => {
    const { invalidator, cache, memory } = await opened();
    const told: Pick<Removed<unknown>, 'key' | 'cause'>[] = [];
    const stop = invalidator.onInvalidated('user:*', ({ key, cause }) => told.push({ key, cause }));
    await invalidator.invalidate(['user:1', 'files:1:a']);
    await cache.invalidateTags('tag of user:2');
    memory.set('user:3', 1);
    memory.set('user:3', 2);
    await cache.clear();
    expect(told).toEqual([
      { key: 'user:1', cause: 'explicit' },
      { key: 'user:2', cause: 'tag' },
      { key: 'user:3', cause: 'clear' },
    ]);
    stop();
    memory.set('user:4', 1);
    memory.delete('user:4');
    expect(told).toHaveLength(3);
  });

  describe('when it is closed', () => {
    test('does at once what it would have done once, and nothing later', async () => {
      const { invalidator, gone, memory, timers } = await opened({
        plan: {
          users: { patterns: ['user:{id}'], strategy: 'ttl', ttl: '1h' },
          files: { patterns: ['files:{id}:*'], strategy: 'event', event: 'night' },
        },
      });
      invalidator.invalidateEvery('stats:all', '1h');
      invalidator.scheduleInvalidation('stats:1', Date.now() + 1000);
      await invalidator.changed('users', { operation: 'update', after: { id: 2 } });
      await invalidator.changed('files', { operation: 'update', after: { id: 1 } });
      expect(gone()).toEqual([]);
      await invalidator.close();
      expect(gone()).toEqual(['user:2', 'files:1:a', 'files:1:b', 'stats:1']);
      memory.set('user:2', 1);
      await invalidator.close();
      jest.advanceTimersByTime(10_000_000);
      await settled();
      expect(memory.has('user:2') && memory.has('stats:all')).toBe(true);
      expect(timers()).toBe(0);
      for (const action of [
        () => invalidator.emitEvent('x'),
        () => invalidator.changed('users', { operation: 'create' }),
        async () => invalidator.invalidateOn('x', 'y'),
        async () => invalidator.scheduleInvalidation('x', 0),
        async () => invalidator.invalidateEvery('x', 5),
      ])
        await expectFailure(action, 'ERR_TIERCEL_CLOSED');
    });

    test('by await using, as well', async () => {
      const { cache, memory } = await open();
      memory.set('k', 1);
      {
        await using invalidator = new Invalidator(cache);
        invalidator.scheduleInvalidation('k', Date.now() + 1000);
      }
      expect(memory.has('k')).toBe(false);
    });
  });

  if (kind === 'a synchronous cache') {
    test('is done when the call returns', async () => {
      const { invalidator, gone } = await opened({ plan: { users: { patterns: ['user:{id}'] } } });
      invalidator.invalidateOn('e', 'files:1:*');
      const done = [
        invalidator.invalidate('stats:all'),
        invalidator.emitEvent('e'),
        invalidator.changed('users', { operation: 'update', after: { id: 1 } }),
      ];
      expect(gone()).toEqual(['user:1', 'files:1:a', 'files:1:b', 'stats:all']);
      await Promise.all(done);
    });

    test('goes on with what it has to do, though nobody holds it', async () => {
      const { cache, memory } = await open();
      memory.set('k', 1);
      let invalidator: Invalidator | undefined = new Invalidator(cache);
      const ref = new WeakRef(invalidator);
      const done = invalidator.scheduleInvalidation('k', Date.now() + 3_600_000);
      expect(done).toBeInstanceOf(Function);
      invalidator = undefined;
      jest.useRealTimers();
      await collectGarbage(() => ref.deref() === undefined).catch(() => undefined);
      expect(ref.deref()).toBeDefined();
      await ref.deref()?.close();
    });
  }
});

test.each<[string, RegExp, () => unknown]>([
  ['no cache', /^cache: got 5/, () => new Invalidator(5 as never)],
  ['no event', /^event: got ""/, () => new Invalidator(openCache()).invalidateOn('', 'a')],
  ['no targets', /^targets: got 5/, () => new Invalidator(openCache()).invalidateOn('a', 5 as never)],
  ['a target of no text', /^targets\[0\]: got 5/, () => new Invalidator(openCache()).invalidateOn('a', [5 as never])],
  ['no time', /^at: got "soon"/, () => new Invalidator(openCache()).scheduleInvalidation('a', 'soon' as never)],
  ['an interval of nothing', /^interval: got 0/, () => new Invalidator(openCache()).invalidateEvery('a', 0)],
  ['a listener of no function', /^listener: got 5/, () => new Invalidator(openCache()).onInvalidated('a', 5 as never)],
])('refuses %s', (_, message, action) => {
  expectThrow(action, 'ERR_TIERCEL_INVALID_ARGUMENT', message);
});

test('refuses options that are wrong or misspelt', () => {
  const cache = openCache();
  expectThrow(() => new Invalidator(cache, { maxWaiting: -1 }), 'ERR_TIERCEL_INVALID_OPTION', /^maxWaiting: got -1/);
  expectThrow(
    () => new Invalidator(cache, { plans: {} } as never),
    'ERR_TIERCEL_UNKNOWN_OPTION',
    /did you mean "plan"/,
  );
});
