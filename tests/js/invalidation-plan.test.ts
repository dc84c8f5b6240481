import { type DocumentChange, type InvalidationPlan, Invalidator, type InvalidatorOptions } from 'tiercel';
import { openCache } from './support/cache.js';
import { deferred, settled } from './support/deferred.js';
import { expectFailure, expectThrow } from './support/errors.js';
import { KINDS } from './support/kinds.js';

const KEYS = ['file:1', 'file:2', 'files:ada:1', 'files:ada:2', 'files:bob:1', 'stats:ada', 'stats:bob', 'total'];

const PLAN: InvalidationPlan = {
  files: {
    patterns: ['file:{id}', 'files:{owner}:*'],
    statistics: { fields: ['size', 'meta.pages'], patterns: ['stats:{owner}'], tags: ['totals'] },
  },
};

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
});
afterEach(() => jest.useRealTimers());

describe.each(KINDS)('a plan for %s', (_, open) => {
  async function opened(plan: InvalidationPlan, options?: InvalidatorOptions) {
    const { cache, memory } = await open();
    const fill = () => {
      for (const key of KEYS) memory.set(key, key, { tags: key === 'total' ? ['totals'] : [] });
    };
    fill();
    const invalidator = new Invalidator(cache, { plan, now: Date.now, ...options });
    const gone = () => KEYS.filter((key) => !memory.has(key));
    const before = jest.getTimerCount();
    const timers = () => jest.getTimerCount() - before;
    return { cache, memory, invalidator, gone, fill, timers };
  }

  const file = { id: 1, owner: 'ada', size: 5, name: 'a', meta: { pages: [1, 2] } };
  const STATISTICS = ['stats:ada', 'total'];
  const OWN = ['file:1', 'files:ada:1', 'files:ada:2'];

  test.each<[string, DocumentChange, string[]]>([
    ['a new document', { operation: 'create', after: file }, [...OWN, ...STATISTICS]],
    ['one that is gone', { operation: 'delete', before: file }, [...OWN, ...STATISTICS]],
    ['a change of nothing that counts', { operation: 'update', before: file, after: { ...file, name: 'b' } }, OWN],
    [
      'a change of a field that counts',
      { operation: 'update', before: file, after: { ...file, size: 6 } },
      [...OWN, ...STATISTICS],
    ],
    [
      'a change within one',
      { operation: 'update', before: file, after: { meta: { pages: [1, 3] } } },
      [...OWN, ...STATISTICS],
    ],
    ['the same value anew', { operation: 'update', before: file, after: structuredClone(file) }, OWN],
    ['a change of which only the fields are told', { operation: 'update', before: file, fields: ['name'] }, OWN],
    ['the like that counts', { operation: 'update', before: file, fields: ['name', 'size'] }, [...OWN, ...STATISTICS]],
    [
      'the like around one that counts',
      { operation: 'update', before: file, fields: ['meta'] },
      [...OWN, ...STATISTICS],
    ],
    [
      'the like within one that counts',
      { operation: 'update', before: file, fields: ['meta.pages.0'] },
      [...OWN, ...STATISTICS],
    ],
    ['the like beside one', { operation: 'update', before: file, fields: ['meta.lines', 'sizes'] }, OWN],
    ['a change of which nothing is told', { operation: 'update', after: file }, [...OWN, ...STATISTICS]],
    ['a part of a document, of nothing that counts', { operation: 'update', before: file, after: { name: 'b' } }, OWN],
    [
      'a new owner, for the old one too',
      { operation: 'update', before: file, after: { owner: 'bob' } },
      [...OWN, 'files:bob:1'],
    ],
  ])('takes what is concerned by %s', async (_what, change, expected) => {
    const { invalidator, gone } = await opened(PLAN);
    await invalidator.changed('files', change);
    expect(gone().sort()).toEqual([...expected].sort());
  });

  test('is only of the operations and changes that it names', async () => {
    const { invalidator, gone } = await opened({
      files: {
        patterns: ['file:{id}'],
        on: ['delete', 'update'],
        when: ({ after }) => (after as { id: number }).id !== 2,
      },
    });
    await invalidator.changed('files', { operation: 'create', after: { id: 1 } });
    await invalidator.changed('files', { operation: 'update', after: { id: 2 } });
    expect(gone()).toEqual([]);
    await invalidator.changed('files', { operation: 'update', after: { id: 1 } });
    expect(gone()).toEqual(['file:1']);
  });

  test('with nothing half done is refused what lacks a member', async () => {
    const { invalidator, gone } = await opened(PLAN);
    const change: DocumentChange = { operation: 'update', after: { id: 1 } };
    await expectFailure(
      () => invalidator.changed('files', change),
      'ERR_TIERCEL_INVALID_ARGUMENT',
      /^plan\.files\[1\]: \{owner\}: got undefined/,
    );
    expect(gone()).toEqual([]);
  });

  describe('of the strategy', () => {
    test('lazy makes keys stale: they are served once more, while they are loaded', async () => {
      const { invalidator, cache, memory } = await opened({ files: { patterns: ['file:{id}'], strategy: 'lazy' } });
      await cache.set('file:1', 'file:1', { ttl: '1h', stale: '1h' });
      // A memory that threads share has what was set from the next read on.
      await cache.get('file:1');
      await invalidator.changed('files', { operation: 'update', after: { id: 1 } });
      expect(memory.getEntry('file:1')).toMatchObject({ value: 'file:1', stale: true });
      expect(await cache.getOrSet('file:1', () => 'new', { stale: '1h' })).toBe('file:1');
      await settled();
      expect(await cache.getOrSet('file:1', () => 'newer')).toBe('new');
      expect(memory.has('file:2')).toBe(true);
    });

    test('lazy does not keep as fresh what a load had read before', async () => {
      const { invalidator, cache, memory } = await opened({ files: { patterns: ['file:{id}'], strategy: 'lazy' } });
      const load = deferred<string>();
      const loading = cache.getOrSet('file:9', () => load.promise);
      await settled();
      await settled();
      await invalidator.changed('files', { operation: 'update', after: { id: 9 } });
      load.resolve('old');
      await loading;
      expect(memory.get('file:9')).toBeUndefined();
    });

    test('ttl waits for so long, for many changes once', async () => {
      const { invalidator, cache, gone, memory, timers } = await opened({
        files: { patterns: ['stats:{owner}'], tags: ['totals'], strategy: 'ttl', ttl: '10s' },
      });
      const removals = jest.fn();
      memory.on('remove', removals);
      for (let second = 0; second < 10; second++) {
        await invalidator.changed('files', { operation: 'update', after: { owner: 'ada' } });
        jest.advanceTimersByTime(999);
        await settled();
        expect(gone()).toEqual([]);
        if (second < 9) jest.advanceTimersByTime(1);
      }
      jest.advanceTimersByTime(1);
      await settled();
      await settled();
      expect(gone()).toEqual(STATISTICS);
      expect(removals).toHaveBeenCalledTimes(2);
      expect(timers()).toBe(0);
      // And again after the next change.
      await cache.set('stats:ada', 1);
      await invalidator.changed('files', { operation: 'update', after: { owner: 'ada' } });
      jest.advanceTimersByTime(10_000);
      await settled();
      await settled();
      expect(gone()).toEqual(STATISTICS);
    });

    test('event waits for that, and comes if something changed', async () => {
      const { invalidator, gone, fill } = await opened({
        files: { patterns: ['files:{owner}:*'], strategy: 'event', event: 'published' },
      });
      await invalidator.changed('files', { operation: 'update', after: { owner: 'ada' } });
      await invalidator.changed('files', { operation: 'update', after: { owner: 'ada' } });
      await invalidator.emitEvent('other');
      expect(gone()).toEqual([]);
      await invalidator.emitEvent('published');
      expect(gone()).toEqual(['files:ada:1', 'files:ada:2']);
      fill();
      await invalidator.emitEvent('published');
      expect(gone()).toEqual([]);
    });

    test('can be another for statistics', async () => {
      const { invalidator, gone } = await opened({
        files: {
          patterns: ['file:{id}'],
          statistics: { fields: ['size'], tags: ['totals'], strategy: 'event', event: 'night' },
        },
      });
      await invalidator.changed('files', { operation: 'create', after: { id: 1 } });
      expect(gone()).toEqual(['file:1']);
      await invalidator.emitEvent('night');
      expect(gone()).toEqual(['file:1', 'total']);
    });

    test('no more waits than may: what is too much goes at once', async () => {
      const { invalidator, gone } = await opened(
        {
          files: { patterns: ['file:{id}'], strategy: 'event', event: 'e' },
          stats: { patterns: ['stats:{id}'], strategy: 'ttl', ttl: '1h' },
        },
        { maxWaiting: 2 },
      );
      await invalidator.changed('files', { operation: 'update', after: { id: 1 } });
      await invalidator.changed('stats', { operation: 'update', after: { id: 'ada' } });
      expect(gone()).toEqual([]);
      await invalidator.changed('files', { operation: 'update', after: { id: 2 } });
      await invalidator.changed('stats', { operation: 'update', after: { id: 'bob' } });
      expect(gone()).toEqual(['file:2', 'stats:bob']);
    });
  });
});

describe('a plan is refused', () => {
  const refused = (plan: unknown, message: RegExp, code = 'ERR_TIERCEL_INVALID_OPTION') =>
    expectThrow(() => new Invalidator(openCache(), { plan: plan as InvalidationPlan }), code, message);

  test.each<[string, unknown, RegExp]>([
    ['that is none', 5, /^plan: got 5/],
    ['of no object', { files: 5 }, /^plan\.files: got 5/],
    ['of no list', { files: { patterns: 'a' } }, /^plan\.files\.patterns: got "a"/],
    ['of an unknown strategy', { files: { strategy: 'eager' } }, /^plan\.files\.strategy: got "eager".*"lazy"/],
    ['of a ttl without one', { files: { strategy: 'ttl' } }, /^plan\.files\.ttl: got undefined/],
    ['of a ttl for none', { files: { ttl: 5 } }, /^plan\.files\.ttl: got 5/],
    ['of an event without one', { files: { strategy: 'event' } }, /^plan\.files\.event: got undefined/],
    [
      'of stale patterns',
      { files: { strategy: 'lazy', patterns: ['a:*'] } },
      /^plan\.files\.strategy: got "lazy".*only keys/,
    ],
    ['of stale tags', { files: { strategy: 'lazy', tags: ['a'] } }, /^plan\.files\.strategy: got "lazy"/],
    ['of an unknown operation', { files: { on: ['insert'] } }, /^plan\.files\.on\[0\]: got "insert"/],
    [
      'of statistics of no fields',
      { files: { statistics: { tags: ['a'] } } },
      /^plan\.files\.statistics\.fields: got undefined/,
    ],
  ])('%s', (_, plan, message) => {
    refused(plan, message);
  });

  test('with misspelt names', () => {
    refused({ files: { pattern: [] } }, /^plan\.files: .*did you mean "patterns"/, 'ERR_TIERCEL_UNKNOWN_OPTION');
  });

  test('with templates that are none', () => {
    refused({ files: { patterns: ['a:{'] } }, /^plan\.files\[0\]: got "a:\{"/, 'ERR_TIERCEL_INVALID_ARGUMENT');
  });
});

describe('a change is refused', () => {
  const invalidator = new Invalidator(openCache(), { plan: PLAN });
  test.each<[string, () => Promise<void>, string, RegExp]>([
    [
      'of no collection of the plan',
      () => invalidator.changed('users', { operation: 'create' }),
      'ERR_TIERCEL_INVALID_ARGUMENT',
      /^collection: got "users"; accepted: "files"/,
    ],
    [
      'without a plan',
      () => new Invalidator(openCache()).changed('users', { operation: 'create' }),
      'ERR_TIERCEL_INVALID_OPTION',
      /^plan: there is none/,
    ],
    [
      'of no operation',
      () => invalidator.changed('files', {} as DocumentChange),
      'ERR_TIERCEL_INVALID_OPTION',
      /^operation: got undefined; accepted: "create"/,
    ],
    [
      'of a document that is none',
      () => invalidator.changed('files', { operation: 'create', after: 5 } as never),
      'ERR_TIERCEL_INVALID_OPTION',
      /^after: got 5/,
    ],
    [
      'with misspelt names',
      () => invalidator.changed('files', { operation: 'create', befor: {} } as never),
      'ERR_TIERCEL_UNKNOWN_OPTION',
      /did you mean "before"/,
    ],
  ])('%s', async (_, action, code, message) => {
    await expectFailure(action, code, message);
  });
});
