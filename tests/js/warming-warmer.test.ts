import { Warmer, type WarmerOptions, type WarmResult } from 'tiercel/warming';
import { openCache } from './support/cache.js';
import { deferred, settled } from './support/deferred.js';
import { expectFailure, expectThrow, expectTiercelError } from './support/errors.js';
import { FakeTimers } from './support/timers.js';

function openWarmer(options: WarmerOptions = {}) {
  const timers = new FakeTimers();
  const warmer = new Warmer({ timers, environment: () => undefined, ...options });
  return { timers, warmer };
}

describe('a warmer', () => {
  it('fills a cache by its tasks, and tells what came of each', async () => {
    const cache = openCache<string>();
    const { warmer } = openWarmer();
    const error = new Error('no such table');
    warmer
      .add({
        name: 'users',
        run: () => {
          cache.set('user:1', 'Ada');
          return 1;
        },
      })
      .add({ name: 'reports', run: () => Promise.reject(error) });
    expect(await warmer.run()).toEqual([
      { name: 'users', status: 'done', value: 1, duration: 0 },
      { name: 'reports', status: 'failed', error, duration: 0 },
    ]);
    expect(cache.get('user:1')).toBe('Ada');
    expect([...warmer.results().keys()]).toEqual(['users', 'reports']);
  });

  it('begins with the tasks of the highest priority, and runs no more at a time than it may', async () => {
    const { warmer } = openWarmer({ concurrency: 2 });
    const begun: string[] = [];
    const gates = new Map<string, ReturnType<typeof deferred<void>>>();
    let running = 0;
    for (const [name, priority] of Object.entries({ a: 0, b: 0, low: -1, high: 5, alsoHigh: 5, middle: 1.5 })) {
      gates.set(name, deferred());
      warmer.add({
        name,
        priority,
        run: async () => {
          begun.push(name);
          expect(++running).toBeLessThanOrEqual(2);
          await gates.get(name)?.promise;
          running--;
        },
      });
    }
    const all = warmer.run();
    await settled();
    for (let i = 0; i < 6; i++) {
      gates.get(begun[i] as string)?.resolve();
      await settled();
    }
    await all;
    expect(begun).toEqual(['high', 'alsoHigh', 'middle', 'a', 'b', 'low']);
  });

  it('runs a task only once for all that want it run', async () => {
    const { warmer } = openWarmer();
    const gate = deferred<number>();
    const run = jest.fn(() => gate.promise);
    warmer.add({ name: 'a', run });
    const both = Promise.all([warmer.run('a'), warmer.run()]);
    gate.resolve(7);
    const [[first], [second]] = (await both) as [[WarmResult], [WarmResult]];
    expect(first).toBe(second);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('repeats tasks that have a schedule, each so long after its last end', async () => {
    const { warmer, timers } = openWarmer();
    const gate = deferred();
    const run = jest.fn().mockResolvedValueOnce(1).mockReturnValueOnce(gate.promise).mockResolvedValue(3);
    const once = jest.fn();
    warmer.add({ name: 'a', run, every: '1m' }).add({ name: 'once', run: once });
    warmer.start();
    warmer.start();
    await settled();
    expect(run).toHaveBeenCalledTimes(1);
    await timers.advance(60_000);
    expect(run).toHaveBeenCalledTimes(2);
    // Still running: nothing overlaps.
    await timers.advance(600_000);
    expect(run).toHaveBeenCalledTimes(2);
    gate.resolve();
    await timers.advance(59_999);
    expect(run).toHaveBeenCalledTimes(2);
    await timers.advance(1);
    expect(run).toHaveBeenCalledTimes(3);
    expect(once).toHaveBeenCalledTimes(1);
    warmer.add({ name: 'later', run: once });
    await settled();
    expect(once).toHaveBeenCalledTimes(2);
    warmer.close();
    expect(timers.pending.size).toBe(0);
  });

  it('ends a run that takes too long, and gives its slot to the next', async () => {
    const { warmer, timers } = openWarmer({ concurrency: 1 });
    let signal: AbortSignal | undefined;
    warmer.add({
      name: 'stuck',
      timeout: '5s',
      run: (context) => {
        signal = context.signal;
        return new Promise(() => undefined);
      },
    });
    warmer.add({ name: 'next', run: () => 'done' });
    const all = warmer.run();
    await timers.advance(5_000);
    const [stuck, next] = (await all) as [WarmResult, WarmResult];
    expect(stuck).toMatchObject({ status: 'failed', duration: 5_000 });
    expectTiercelError(stuck.error, 'ERR_TIERCEL_TIMEOUT', /"stuck" took more than 5000 ms/);
    expect(signal?.aborted).toBe(true);
    expect(next).toMatchObject({ status: 'done', value: 'done' });
    expect(timers.pending.size).toBe(0);
  });

  it('tells how far a task is, and when one begins and ends', async () => {
    const { warmer } = openWarmer();
    const events: unknown[] = [];
    for (const event of ['begin', 'progress', 'end'] as const)
      warmer.on(event, (payload) => events.push([event, payload]));
    let late: ((done: number) => void) | undefined;
    warmer.add({
      name: 'a',
      run: ({ progress }) => {
        progress(1, 2);
        progress(2);
        late = progress;
      },
    });
    await warmer.run();
    expect(events).toEqual([
      ['begin', { name: 'a' }],
      ['progress', { name: 'a', done: 1, total: 2 }],
      ['progress', { name: 'a', done: 2, total: undefined }],
      ['end', { name: 'a', status: 'done', value: undefined, duration: 0 }],
    ]);
    expect(late).toBeDefined();
  });

  it.each([
    ['1', ['skipped', 'skipped']],
    ['ALL', ['skipped', 'skipped']],
    ['true', ['skipped', 'skipped']],
    ['b, c', ['done', 'skipped']],
    ['0', ['done', 'done']],
    ['off', ['done', 'done']],
    ['', ['done', 'done']],
    [undefined, ['done', 'done']],
  ])('skips what the environment says: %p', async (value, expected) => {
    const asked: string[] = [];
    const { warmer } = openWarmer({
      environment: (name) => {
        asked.push(name);
        return value;
      },
    });
    warmer.add({ name: 'a', run: () => 1 }).add({ name: 'b', run: () => 2 });
    expect((await warmer.run()).map(({ status }) => status)).toEqual(expected);
    expect(new Set(asked)).toEqual(new Set(['CACHE_WARMING_SKIP']));
  });

  it('reads the variable of the process, by the name that it is given', async () => {
    process.env.TIERCEL_TEST_SKIP = 'a';
    try {
      const warmer = new Warmer({ skipVariable: 'TIERCEL_TEST_SKIP' });
      warmer.add({ name: 'a', run: () => 1 });
      expect(await warmer.run()).toEqual([{ name: 'a', status: 'skipped', duration: 0 }]);
    } finally {
      delete process.env.TIERCEL_TEST_SKIP;
    }
  });

  it('leaves nothing behind when it is closed', async () => {
    const { warmer, timers } = openWarmer({ concurrency: 1 });
    const signals: AbortSignal[] = [];
    const ended: string[] = [];
    warmer.on('end', ({ name, status }) => ended.push(`${name} ${status}`));
    for (const name of ['running', 'waiting']) {
      warmer.add({
        name,
        every: '1m',
        timeout: '1m',
        run: ({ signal }) => {
          signals.push(signal);
          return new Promise(() => undefined);
        },
      });
    }
    warmer.start();
    const all = warmer.run();
    await settled();
    warmer.close();
    warmer.close();
    expect((await all).map(({ status }) => status)).toEqual(['aborted', 'aborted']);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect(ended).toEqual(['running aborted', 'waiting aborted']);
    expect(timers.pending.size).toBe(0);
    await expectFailure(() => warmer.run(), 'ERR_TIERCEL_CLOSED');
    expectThrow(() => warmer.start(), 'ERR_TIERCEL_CLOSED');
    expectThrow(() => warmer.add({ name: 'x', run: () => 1 }), 'ERR_TIERCEL_CLOSED');
  });

  it('does not run a task again that was taken away', async () => {
    const { warmer, timers } = openWarmer();
    const run = jest.fn();
    warmer.add({ name: 'a', run, every: 1_000 });
    warmer.start();
    await settled();
    expect(warmer.remove('a')).toBe(true);
    expect(warmer.remove('a')).toBe(false);
    await timers.advance(10_000);
    expect(run).toHaveBeenCalledTimes(1);
    expect(timers.pending.size).toBe(0);
  });

  it('refuses wrong options, tasks and names', async () => {
    for (const concurrency of [0, 1.5, Number.NaN, 1025, '4'])
      expectThrow(() => new Warmer({ concurrency } as never), 'ERR_TIERCEL_INVALID_OPTION', /^concurrency: /);
    expectThrow(() => new Warmer({ timers: {} } as never), 'ERR_TIERCEL_INVALID_OPTION', /^timers: /);
    expectThrow(() => new Warmer({ concurency: 1 } as never), 'ERR_TIERCEL_UNKNOWN_OPTION', /"concurrency"/);
    const { warmer } = openWarmer();
    warmer.add({ name: 'a', run: () => 1 });
    expectThrow(() => warmer.add({ name: 'a', run: () => 1 }), 'ERR_TIERCEL_INVALID_OPTION', /^task\.name: got "a"/);
    expectThrow(() => warmer.add({ name: '', run: () => 1 }), 'ERR_TIERCEL_INVALID_OPTION', /^task\.name: /);
    expectThrow(() => warmer.add({ name: 'b' } as never), 'ERR_TIERCEL_INVALID_OPTION', /^task\.run: /);
    expectThrow(() => warmer.add({ name: 'b', run: () => 1, every: 'soon' }), 'ERR_TIERCEL_INVALID_OPTION', /every/);
    expectThrow(() => warmer.on('ends' as never, () => undefined), 'ERR_TIERCEL_INVALID_ARGUMENT', /"begin"/);
    await expectFailure(() => warmer.run('b'), 'ERR_TIERCEL_INVALID_ARGUMENT', /^name: got "b"; accepted: "a"/);
  });
});
