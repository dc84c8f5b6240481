import { type WriteBehindOptions, type WriteOperation, writeBehind } from 'tiercel/patterns';
import { openCache } from './support/cache.js';
import { deferred, settled, stateOf } from './support/deferred.js';
import { expectFailure, expectThrow } from './support/errors.js';
import { FakeTimers } from './support/timers.js';

type Batch = readonly WriteOperation<string>[];

/** A queue with a store that takes all, but for what `write` says. */
function open(options: Partial<WriteBehindOptions<string>> = {}) {
  const timers = new FakeTimers();
  const cache = openCache<string>();
  const batches: string[][] = [];
  const dead: string[] = [];
  const { write, ...rest } = options;
  const users = writeBehind<string>(cache, {
    deadLetter: (operations) => void dead.push(...operations.map(textOf)),
    drainOnSignal: false,
    jitter: 0,
    timers,
    ...rest,
    write: (operations, context) => {
      batches.push(operations.map(textOf));
      return write?.(operations, context);
    },
  });
  return { timers, cache, batches, dead, users };
}

const textOf = (operation: WriteOperation<string>) =>
  `${operation.key}=${operation.type === 'set' ? operation.value : '-'}`;

const failing = () => Promise.reject(new Error('no connection'));

describe('write-behind', () => {
  it('caches a value at once, and writes it with others when its interval is over', async () => {
    const { timers, cache, batches, users } = open({ interval: '100ms' });
    await users.set('a', '1');
    await timers.advance(60);
    await users.set('b', '1');
    await users.delete('c');
    expect(cache.get('a')).toBe('1');
    await timers.advance(39);
    expect(batches).toEqual([]);
    await timers.advance(1);
    expect(batches).toEqual([['a=1', 'b=1', 'c=-']]);
    expect(users.stats()).toMatchObject({ accepted: 3, written: 3, pending: 0, batches: 1, highest: 3 });
    expect(timers.pending.size).toBe(0);
  });

  it('writes at once what makes a whole batch', async () => {
    const { batches, users } = open({ batchSize: 2 });
    for (const key of ['a', 'b', 'c']) await users.set(key, '1');
    expect(batches).toEqual([['a=1', 'b=1']]);
  });

  it('has at most one operation of a key in flight, the oldest', async () => {
    const gate = deferred();
    const { timers, batches, users } = open({ write: () => gate.promise });
    for (const value of ['1', '2', '3']) await users.set('a', value);
    await users.set('b', '1');
    await timers.advance(1_000);
    expect(batches).toEqual([['a=1', 'b=1']]);
    gate.resolve();
    await timers.advance(1_000);
    expect(batches).toEqual([['a=1', 'b=1'], ['a=2'], ['a=3']]);
  });

  it('replaces what was not sent yet, if it may', async () => {
    const gate = deferred();
    const { timers, batches, users } = open({ write: () => gate.promise, coalesce: true });
    await users.set('a', '1');
    await users.set('a', '2');
    await timers.advance(100);
    // Sent: the next is one of its own, which is replaced in its turn.
    for (const value of ['3', '4']) await users.set('a', value);
    await users.delete('a');
    gate.resolve();
    await timers.advance(100);
    expect(batches).toEqual([['a=2'], ['a=-']]);
    expect(users.stats()).toMatchObject({ accepted: 5, written: 2, coalesced: 3, pending: 0 });
  });

  it('does not let a flush wait for less because an operation was replaced', async () => {
    const gate = deferred();
    const { timers, users } = open({ write: () => gate.promise, coalesce: true, concurrency: 1 });
    await users.set('first', '1');
    await timers.advance(100);
    await users.set('a', '1');
    const flush = users.flush();
    await users.set('a', '2');
    expect(await stateOf(flush)).toBe('pending');
    gate.resolve();
    await timers.advance(0);
    expect(await stateOf(flush)).toBe('fulfilled');
    expect(users.stats().written).toBe(2);
  });

  it('tries again with a pause that doubles, up to a limit, and never out of order', async () => {
    let failures = 5;
    const { timers, batches, users } = open({
      write: () => (failures-- > 0 ? failing() : undefined),
      interval: 0,
      backoff: 100,
      maxBackoff: 500,
    });
    await users.set('a', '1');
    await users.set('a', '2');
    const times: number[] = [];
    while (batches.length < 7) {
      const seen = batches.length;
      if (times.length > 0) await timers.advance(10);
      else await settled();
      if (batches.length > seen || times.length === 0) times.push(timers.time);
    }
    expect(batches).toEqual([...Array(6).fill(['a=1']), ['a=2']]);
    expect(times.slice(1).map((time, i) => time - (times[i] as number))).toEqual([100, 200, 400, 500, 500]);
    expect(users.stats()).toMatchObject({ written: 2, failedBatches: 5, retries: 5, dead: 0 });
  });

  it('makes a part of each pause random', async () => {
    const { timers, users } = open({ write: failing, interval: 0, backoff: 1_000, jitter: 0.5, attempts: 0 });
    timers.delays.length = 0;
    for (let i = 0; i < 40; i++) await users.set(`k${i}`, '1');
    await settled();
    const pauses = timers.delays.filter((delay) => delay > 0 && delay <= 1_000);
    expect(pauses.length).toBeGreaterThanOrEqual(4);
    for (const pause of pauses) expect(pause).toBeGreaterThanOrEqual(500);
    expect(new Set(pauses).size).toBeGreaterThan(1);
  });

  it('tries only those of a batch again that failed', async () => {
    let first = true;
    const { timers, batches, users } = open({
      write: ([a], { fail }) => {
        if (first) fail(a as WriteOperation<string>, new Error('too long'));
        first = false;
      },
    });
    await users.set('a', '1');
    await users.set('b', '1');
    await timers.advance(1_000);
    expect(batches).toEqual([['a=1', 'b=1'], ['a=1']]);
    expect(users.stats()).toMatchObject({ written: 2, failedBatches: 1 });
  });

  it('gives up after so many attempts, with the last one alone, and takes no other with it', async () => {
    const { timers, cache, batches, dead, users } = open({
      attempts: 3,
      write: (operations) => (operations.some(({ key }) => key === 'bad') ? failing() : undefined),
    });
    for (const key of ['a', 'bad', 'b']) await users.set(key, '1');
    await users.set('bad', '2');
    await timers.advance(10_000);
    expect(dead).toEqual(['bad=1', 'bad=2']);
    expect(batches.flat().filter((text) => text === 'a=1')).toHaveLength(3);
    expect(users.stats()).toMatchObject({ accepted: 4, written: 2, dead: 2, pending: 0 });
    // The store never had it.
    expect(cache.has('bad')).toBe(false);
    expect(cache.get('a')).toBe('1');
  });

  it('keeps what the dead letters do not take', async () => {
    let refusals = 2;
    const taken: string[] = [];
    const { timers, users } = open({
      attempts: 1,
      write: failing,
      deadLetter: (operations) => {
        if (refusals-- > 0) throw new Error('disk full');
        taken.push(...operations.map(textOf));
      },
    });
    await users.set('a', '1');
    await timers.advance(60_000);
    expect(taken).toEqual(['a=1']);
    expect(users.stats()).toMatchObject({ dead: 1, deadLetterFailures: 2, pending: 0 });
  });

  it('waits for room when it is full, first come first served', async () => {
    const gate = deferred();
    const { timers, cache, batches, users } = open({ maxQueue: 2, write: () => gate.promise });
    await users.set('a', '1');
    await users.set('b', '1');
    const waiting = [users.set('a', '2'), users.set('c', '1'), users.set('a', '3')];
    expect(await stateOf(Promise.race(waiting))).toBe('pending');
    expect(users.stats()).toMatchObject({ pending: 2, waiting: 3 });
    // Not accepted: not cached either.
    expect(cache.get('a')).toBe('1');
    await timers.advance(100);
    gate.resolve();
    await timers.advance(1_000);
    await Promise.all(waiting);
    expect(batches.flat().filter((text) => text.startsWith('a'))).toEqual(['a=1', 'a=2', 'a=3']);
    expect(users.stats()).toMatchObject({ written: 5, waiting: 0, highest: 2 });
  });

  it('refuses when it is full, if so told, and changes nothing', async () => {
    const { cache, users } = open({ maxQueue: 1, whenFull: 'throw' });
    await users.set('a', '1');
    await expectFailure(() => users.set('a', '2'), 'ERR_TIERCEL_QUEUE_FULL', /maxQueue is 1/);
    expect(cache.get('a')).toBe('1');
    expect(await users.get('a')).toBe('1');
    expect(users.stats()).toMatchObject({ accepted: 1, pending: 1 });
  });

  it('replaces what is queued although it is full', async () => {
    const { users } = open({ maxQueue: 1, whenFull: 'throw', coalesce: true });
    await users.set('a', '1');
    await users.set('a', '2');
    expect(await users.get('a')).toBe('2');
  });

  it('gives what is pending, though it has left the cache', async () => {
    const { timers, cache, users } = open({ load: () => 'of the store' });
    await users.set('a', '1');
    await users.delete('b');
    cache.clear();
    expect(await users.get('a')).toBe('1');
    expect(await users.get('b')).toBeUndefined();
    await timers.advance(1_000);
    expect(await users.get('a')).toBe('of the store');
    expect(cache.get('a')).toBe('of the store');
  });

  it('does not keep what was loaded before something newer came', async () => {
    const loaded = deferred<string>();
    const { cache, users } = open({ load: () => loaded.promise });
    const read = users.get('a');
    await settled();
    await users.set('a', 'new');
    cache.delete('a');
    loaded.resolve('old');
    expect(await read).toBe('new');
    expect(cache.has('a')).toBe(false);
  });

  it('lets a call that is over its time block its own keys, and no others', async () => {
    const signals: AbortSignal[] = [];
    const stuck = deferred();
    const { timers, batches, users } = open({
      concurrency: 1,
      timeout: '1s',
      write: ([first], { signal }) => {
        signals.push(signal);
        return first?.key === 'stuck' ? stuck.promise : undefined;
      },
    });
    await users.set('stuck', '1');
    await timers.advance(100);
    await users.set('a', '1');
    await users.set('stuck', '2');
    await timers.advance(999);
    expect(batches).toEqual([['stuck=1']]);
    await timers.advance(1);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    expect(users.stats().overdue).toBe(1);
    await timers.advance(60_000);
    expect(batches).toEqual([['stuck=1'], ['a=1']]);
    stuck.resolve();
    await timers.advance(100);
    expect(batches.at(-1)).toEqual(['stuck=2']);
    expect(users.stats()).toMatchObject({ overdue: 0, written: 3, pending: 0 });
  });

  it('drains when it is closed, those included that wait for room', async () => {
    const { timers, users, batches } = open({ maxQueue: 1, interval: '1h', write: () => undefined });
    const sets = ['a', 'b', 'c'].map((key) => users.set(key, '1'));
    const closed = users.close();
    await timers.advance(0);
    expect(await closed).toEqual([]);
    await Promise.all(sets);
    expect(batches.flat()).toEqual(['a=1', 'b=1', 'c=1']);
    await expectFailure(() => users.set('d', '1'), 'ERR_TIERCEL_CLOSED');
    expect(await users.close()).toEqual([]);
    expect(timers.pending.size).toBe(0);
  });

  it('hands over what it could not write in time when it is closed', async () => {
    const signals: AbortSignal[] = [];
    const { timers, cache, dead, users } = open({
      maxQueue: 3,
      batchSize: 1,
      concurrency: 1,
      interval: 0,
      drainTimeout: '5s',
      write: (_, { signal }) => {
        signals.push(signal);
        return new Promise(() => undefined);
      },
    });
    for (const [key, value] of [
      ['a', '1'],
      ['a', '2'],
      ['b', '1'],
    ] as const)
      await users.set(key, value);
    const late = expectFailure(() => users.set('c', '1'), 'ERR_TIERCEL_CLOSED');
    const closed = users.close();
    await timers.advance(5_000);
    expect((await closed).map(textOf)).toEqual(['a=1', 'a=2', 'b=1']);
    expect(dead).toEqual(['a=1', 'a=2', 'b=1']);
    await late;
    expect(signals[0]?.aborted).toBe(true);
    expect([...cache.keys()]).toEqual([]);
    expect(users.stats()).toMatchObject({ accepted: 3, dead: 3, pending: 0, waiting: 0 });
    expect(timers.pending.size).toBe(0);
  });

  it('gives each operation an id of its own, the same for every attempt, and a growing sequence', async () => {
    const seen: Batch[] = [];
    let fails = true;
    const { timers, users } = open({
      write: (operations) => {
        seen.push(operations);
        const result = fails ? failing() : undefined;
        fails = false;
        return result;
      },
    });
    await users.set('a', '1');
    await users.set('b', '1');
    await timers.advance(1_000);
    const [first, second] = seen as [Batch, Batch];
    expect(second.map(({ id }) => id)).toEqual(first.map(({ id }) => id));
    expect(second.map(({ failures }) => failures)).toEqual([1, 1]);
    expect(new Set(first.map(({ id }) => id)).size).toBe(2);
    expect(first[1]?.sequence).toBeGreaterThan(first[0]?.sequence as number);
  });

  it('accepts what the cache does not take', async () => {
    const timers = new FakeTimers();
    const written: unknown[] = [];
    const users = writeBehind<unknown>(openCache<unknown>({ values: 'bytes' }), {
      write: (operations) => void written.push(...operations),
      deadLetter: () => undefined,
      drainOnSignal: false,
      timers,
    });
    const date = { at: new Date() };
    await users.set('a', date);
    expect(await users.get('a')).toBe(date);
    await timers.advance(1_000);
    expect(written).toHaveLength(1);
    expect(users.stats().cacheErrors).toBe(1);
  });

  it('refuses wrong options and values', async () => {
    const cache = openCache<string>();
    const fine = { write: () => undefined, deadLetter: () => undefined };
    for (const [name, value] of [
      ['write', 1],
      ['deadLetter', undefined],
      ['batchSize', 0],
      ['maxQueue', Number.POSITIVE_INFINITY],
      ['concurrency', 1.5],
      ['attempts', -1],
      ['jitter', 2],
      ['whenFull', 'drop'],
      ['interval', 'soon'],
    ] as const)
      expectThrow(() => writeBehind(cache, { ...fine, [name]: value }), 'ERR_TIERCEL_INVALID_OPTION', new RegExp(name));
    const users = writeBehind<string>(cache, { ...fine, drainOnSignal: false });
    await expectFailure(() => users.set('a', undefined as never), 'ERR_TIERCEL_INVALID_ARGUMENT', /^value: /);
    await expectFailure(() => users.delete(1 as never), 'ERR_TIERCEL_INVALID_ARGUMENT', /^key: /);
    await expectFailure(() => users.close('soon'), 'ERR_TIERCEL_INVALID_ARGUMENT', /^limit: /);
    await users.close();
  });
});
