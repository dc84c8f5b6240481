import { asCache, type CacheLike, type LoadOptionsOf, type SetOptionsOf } from '../cache-like.js';
import type { Duration, Milliseconds } from '../duration.js';
import { toMilliseconds } from '../duration.js';
import { asKey, refuseUndefined } from '../memory/arguments.js';
import {
  callback,
  duration,
  flag,
  handedOn,
  integer,
  number,
  oneOf,
  type Read,
  readRequiring,
} from '../memory/readers.js';
import type { Count, Loader } from '../memory/types.js';
import { platformTimers, readTimers, type Timers } from '../timers.js';
import { drainOnSignal } from './drain-on-signal.js';
import { LOADER, merged } from './options.js';
import { type WriteOperation, WriteQueue, type WriteQueueOptions, type WriteQueueStats } from './write-queue.js';

export interface WriteBehindOptions<V, C extends CacheLike<V> = CacheLike<V>> {
  /**
   * Writes a batch to the store: all of it, unless it rejects (then all of it is tried again) or says of single ones
   * that they failed. A batch has at most one operation of a key. As an operation may be repeated, by a retry or after a
   * crash of the store, writing one twice must be as good as once; its `id` and `sequence` help with that.
   */
  write: WriteQueueOptions<V>['write'];
  /**
   * Gets operations that are given up, after `attempts` or at the end of draining: to be logged or kept elsewhere. If it
   * fails they are tried again.
   */
  deadLetter: WriteQueueOptions<V>['deadLetter'];
  /** Reads a value from the store. Without it `get` gives what is pending or cached. `undefined`: there is none. */
  load?: Loader<V | undefined>;
  /** For each value that is cached: `ttl`, `stale`, `tags` and so on. */
  options?: SetOptionsOf<C> & LoadOptionsOf<C>;
  /** Most operations of a batch; so many that are ready are sent at once. 1 to 100000, default 100. */
  batchSize?: Count;
  /** Longest that an operation waits for others to make a batch with. Default 100 ms; 0: none waits. */
  interval?: Duration;
  /** Most operations that are not settled. 1 to 10^7, default 10000. */
  maxQueue?: Count;
  /**
   * What `set` and `delete` do when the queue is full. `'wait'` (default): until there is room; who came first goes
   * first. `'throw'`: reject with `ERR_TIERCEL_QUEUE_FULL`, with nothing changed.
   */
  whenFull?: 'wait' | 'throw';
  /** Whether an operation replaces one of its key that was not sent yet. Default false: the store sees every one. */
  coalesce?: boolean;
  /** Most calls of `write` at a time. 1 to 1000, default 4. */
  concurrency?: Count;
  /** Attempts of an operation, the last of them in a batch of its own. 0 to 1000, default 10; 0: for ever. */
  attempts?: Count;
  /** Pause after the first failure, doubled with each further one. Default 100 ms. */
  backoff?: Duration;
  /** Longest pause. Default 30 s. */
  maxBackoff?: Duration;
  /** Part of a pause that is random: 0.5 makes it 50 to 100 %. 0 to 1, default 0.5. */
  jitter?: number;
  /**
   * When the signal of a call of `write` is aborted. The call is failed when it settles, and not before: as long as it
   * may yet write something its keys wait, and others go on. Default 30 s; 0: never.
   */
  timeout?: Duration;
  /** How long `close` and SIGTERM wait for the queue to get empty. Default 10 s; 0: as long as it takes. */
  drainTimeout?: Duration;
  /**
   * Whether SIGTERM closes the queue, and drains it, before it ends the process. Default true, in Node. If the application
   * listens to the signal as well the queue is only flushed: ending the process is up to the application, and before
   * that `await close()`.
   */
  drainOnSignal?: boolean;
  /** Default: those of the platform. */
  timers?: Timers;
}

export interface WriteBehindStats extends WriteQueueStats {
  /** Errors of the cache. */
  cacheErrors: Count;
}

/**
 * Write-behind: a value goes into the cache at once and to the store a little later, in batches. Each operation is
 * written at least once, those of a key in their order; what cannot be written ends with `deadLetter`. Lost is what was
 * accepted and not yet written when the process is killed: at most `maxQueue` operations, and with a store that keeps up
 * those of about `interval`.
 */
export interface WriteBehind<V, C extends CacheLike<V> = CacheLike<V>> {
  /**
   * Puts a value into the cache and into the queue. Resolves when it is accepted, not when it is written.
   * @throws TiercelError `ERR_TIERCEL_QUEUE_FULL` if so chosen, `ERR_TIERCEL_CLOSED`
   */
  set(key: string, value: V, options?: SetOptionsOf<C>): Promise<void>;
  /** Removes a key from the cache and, as {@link set}, from the store. */
  delete(key: string): Promise<void>;
  /**
   * What was last set, though it may not be written yet and may have left the cache; else the cached value, or with
   * `load` that of the store. Loaders of others know nothing of what is pending: read through this one.
   */
  get(key: string, options?: LoadOptionsOf<C>): Promise<V | undefined>;
  /** Sends what was accepted by now; resolves when all of it is written or given up. */
  flush(): Promise<void>;
  /**
   * Accepts nothing more and writes what is left, for at most `drainTimeout`.
   * @param limit in place of `drainTimeout`
   * @returns what could not be written in time, which `deadLetter` got as well; some of it may have been written
   */
  close(limit?: Duration): Promise<WriteOperation<V>[]>;
  stats(): WriteBehindStats;
  [Symbol.asyncDispose](): Promise<void>;
}

/** See {@link WriteBehind}. @throws TiercelError naming a wrong option */
export function writeBehind<V, C extends CacheLike<V> = CacheLike<V>>(
  cache: C,
  options: WriteBehindOptions<V, C>,
): WriteBehind<V, C> {
  asCache(cache);
  const given = readRequiring<Read<WriteBehindOptions<V, C>>, 'write' | 'deadLetter'>(
    options,
    {
      write: callback('a function of an array of operations and a context'),
      deadLetter: callback('a function of an array of operations and an error'),
      load: callback(LOADER),
      options: handedOn,
      batchSize: integer(1, 100_000),
      interval: duration as never,
      maxQueue: integer(1, 10_000_000),
      whenFull: oneOf('wait', 'throw'),
      coalesce: flag,
      concurrency: integer(1, 1000),
      attempts: integer(0, 1000),
      backoff: duration as never,
      maxBackoff: duration as never,
      jitter: number(0, 1),
      timeout: duration as never,
      drainTimeout: duration as never,
      drainOnSignal: flag,
      timers: readTimers,
    },
    ['write', 'deadLetter'],
  );
  const { load, options: terms, drainTimeout = 10_000 } = given;
  let cacheErrors = 0;
  let closing: Promise<WriteOperation<V>[]> | undefined;

  /** What the cache throws must not look as if the operation were not accepted. */
  async function inCache(action: () => unknown): Promise<void> {
    try {
      await action();
    } catch {
      cacheErrors++;
    }
  }

  const queue = new WriteQueue<V>({
    write: given.write,
    deadLetter: given.deadLetter,
    // The store never got it; whoever asks next is to see what the store has.
    onDead: (key) => void inCache(() => cache.delete(key)),
    batchSize: given.batchSize ?? 100,
    interval: given.interval ?? 100,
    maxQueue: given.maxQueue ?? 10_000,
    concurrency: given.concurrency ?? 4,
    coalesce: given.coalesce ?? false,
    whenFull: given.whenFull ?? 'wait',
    attempts: given.attempts ?? 10,
    backoff: given.backoff ?? 100,
    maxBackoff: given.maxBackoff ?? 30_000,
    jitter: given.jitter ?? 0.5,
    timeout: given.timeout ?? 30_000,
    timers: given.timers ?? platformTimers,
  });

  async function push(
    key: string,
    change: { type: 'set'; value: V } | { type: 'delete' },
    inCacheToo: () => unknown,
  ): Promise<void> {
    let cached: Promise<void> | undefined;
    await queue.push(asKey(key), change, () => {
      cached = inCache(inCacheToo);
    });
    await cached;
  }

  const pendingValue = (operation: WriteOperation<V>) => (operation.type === 'set' ? operation.value : undefined);

  function close(limit: Milliseconds): Promise<WriteOperation<V>[]> {
    keepProcess();
    closing ??= queue.close(limit);
    return closing;
  }
  const keepProcess =
    given.drainOnSignal === false
      ? () => undefined
      : drainOnSignal((isEnd) => (isEnd ? close(drainTimeout) : queue.flush()));

  return {
    set: async (key, value, own) => {
      refuseUndefined(value);
      await push(key, { type: 'set', value }, () => cache.set(key, value, merged<SetOptionsOf<C>>(terms, own)));
    },
    delete: (key) => push(key, { type: 'delete' }, () => cache.delete(key)),
    get: async (key, own) => {
      const pending = queue.last(asKey(key));
      if (pending !== undefined) return pendingValue(pending);
      if (load === undefined) return cache.get(key);
      const loader: Loader<V | undefined> = async (context) => {
        const value = await load(context);
        // What came meanwhile is newer.
        const newer = queue.last(key);
        if (newer === undefined) return value;
        context.skip();
        return pendingValue(newer);
      };
      return cache.getOrSet(key, loader as Loader<V>, merged<LoadOptionsOf<C>>(terms, own));
    },
    flush: () => queue.flush(),
    close: async (limit) => close(limit === undefined ? drainTimeout : toMilliseconds(limit, 'limit')),
    stats: () => ({ ...queue.stats(), cacheErrors }),
    [Symbol.asyncDispose]: async () => {
      await close(drainTimeout);
    },
  };
}
