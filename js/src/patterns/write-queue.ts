import { backoff } from '../backoff.js';
import type { Awaitable } from '../cache-like.js';
import type { Milliseconds } from '../duration.js';
import type { Count } from '../memory/types.js';
import { TiercelError } from '../tiercel-error.js';
import { LONGEST_DELAY, type Timers } from '../timers.js';

interface OperationBase {
  /** Of this operation and no other, of any process: a store that remembers it can tell a repetition. */
  readonly id: string;
  /** Grows with each operation of one queue: of two for a key the later has the larger. */
  readonly sequence: Count;
  readonly key: string;
  /** How many attempts there were before this one. */
  readonly failures: Count;
}

/** What a store is to do. */
export type WriteOperation<V> = OperationBase &
  ({ readonly type: 'set'; readonly value: V } | { readonly type: 'delete' });

export interface WriteContext<V> {
  /** Aborted when the call takes longer than `timeout`, or the time for draining is over. */
  readonly signal: AbortSignal;
  /** Says that this one was not written, though others may have been: it is tried again. */
  fail(operation: WriteOperation<V>, error: unknown): void;
}

export interface WriteQueueStats {
  /** Operations taken in. Always the sum of `written`, `coalesced`, `dead` and `pending`. */
  accepted: Count;
  /** Acknowledged by the store. */
  written: Count;
  /** Replaced by a newer one of their key before they were sent. */
  coalesced: Count;
  /** Given to `deadLetter`. */
  dead: Count;
  /** Not settled yet: queued, in flight, or to be tried again. */
  pending: Count;
  /** Of these, sent and not answered. */
  inFlight: Count;
  /** Callers that wait for room. */
  waiting: Count;
  /** Calls of `write`, and those of which something failed. */
  batches: Count;
  failedBatches: Count;
  /** Attempts of operations after their first. */
  retries: Count;
  /** Calls of `write` that are over their `timeout` and have not settled: their keys are blocked. */
  overdue: Count;
  /** Calls of `deadLetter` that failed. */
  deadLetterFailures: Count;
  /** Most operations that were pending at a time. */
  highest: Count;
}

export interface WriteQueueOptions<V> {
  readonly write: (operations: readonly WriteOperation<V>[], context: WriteContext<V>) => Awaitable<unknown>;
  readonly deadLetter: (operations: readonly WriteOperation<V>[], error: unknown) => Awaitable<unknown>;
  readonly onDead: (key: string) => void;
  readonly batchSize: Count;
  readonly interval: Milliseconds;
  readonly maxQueue: Count;
  readonly concurrency: Count;
  readonly coalesce: boolean;
  readonly whenFull: 'wait' | 'throw';
  readonly attempts: Count;
  readonly backoff: Milliseconds;
  readonly maxBackoff: Milliseconds;
  readonly jitter: number;
  readonly timeout: Milliseconds;
  readonly timers: Timers;
}

/** From which failure on an operation is sent alone where `attempts` has no end. */
const ALONE_FROM = 10;

/** An operation and where it stands. */
interface Queued<V> {
  operation: WriteOperation<V>;
  /** When it came, or rather the oldest that it stands for. */
  readonly at: Milliseconds;
  /** Sequence of the oldest operation that it stands for. */
  readonly since: Count;
}

/**
 * The operations of one key, oldest first. Invariant: only the first is ever sent, and the second not before the first
 * is settled; so the store sees the operations of a key in their order, however often one is repeated.
 */
interface Lane<V> {
  readonly key: string;
  readonly queue: Queued<V>[];
  /** Where its first operation is: waiting for a batch, waiting to be tried again, or sent. */
  state: 'ready' | 'backoff' | 'sent';
}

/** Bounded, batching, retrying; nothing leaves it but to the store, to the dead letters, or for a newer one of its key. */
export class WriteQueue<V> {
  readonly #options: WriteQueueOptions<V>;
  readonly #timers: Timers;
  readonly #lanes = new Map<string, Lane<V>>();
  /** Lanes whose first operation may be sent, in the order in which they became so. */
  readonly #ready = new Set<Lane<V>>();
  /** Of these such as need not wait for their interval: what failed before. */
  readonly #again = new Set<Lane<V>>();
  /** Who waits for room, first come first served: so the order of a key is that of the calls. */
  readonly #waiting: { readonly enter: () => boolean; readonly refuse: (error: unknown) => void }[] = [];
  readonly #flushes = new Set<{ readonly upTo: Count; left: Count; readonly done: () => void }>();
  readonly #backoffs = new Set<unknown>();
  readonly #stopping = new AbortController();
  #timer: unknown;
  #armedFor: Milliseconds = Number.POSITIVE_INFINITY;
  #sequence = 0;
  #origin: string | undefined;
  #running = 0;
  #closed = false;
  readonly #counts = {
    accepted: 0,
    written: 0,
    coalesced: 0,
    dead: 0,
    pending: 0,
    inFlight: 0,
    batches: 0,
    failedBatches: 0,
    retries: 0,
    overdue: 0,
    deadLetterFailures: 0,
    highest: 0,
  };

  constructor(options: WriteQueueOptions<V>) {
    this.#options = options;
    this.#timers = options.timers;
  }

  stats(): WriteQueueStats {
    return { ...this.#counts, waiting: this.#waiting.length };
  }

  /** The newest operation of a key that is not settled. */
  last(key: string): WriteOperation<V> | undefined {
    return this.#lanes.get(key)?.queue.at(-1)?.operation;
  }

  /** Takes an operation in, at once or when there is room. `accepted` is called when that is so, and before it can be sent. */
  push(key: string, change: { type: 'set'; value: V } | { type: 'delete' }, accepted: () => void): Promise<void> {
    if (this.#closed) return Promise.reject(closedError());
    const enter = () => this.#enter(key, change, accepted);
    if (this.#waiting.length === 0 && enter()) {
      this.#pump();
      return Promise.resolve();
    }
    if (this.#options.whenFull === 'throw') return Promise.reject(this.#fullError());
    return new Promise((resolve, refuse) => {
      const wait = () => {
        const entered = enter();
        if (entered) resolve();
        return entered;
      };
      this.#waiting.push({ enter: wait, refuse });
    });
  }

  /** Sends all that was taken in by now without waiting for intervals; resolves when all of it is settled. */
  flush(): Promise<void> {
    if (this.#counts.pending === 0) return Promise.resolve();
    return new Promise((done) => {
      this.#flushes.add({ upTo: this.#sequence, left: this.#counts.pending, done });
      this.#pump();
    });
  }

  /**
   * Takes nothing more in, and sends all that is there. What is not settled after `limit` is given up: see
   * {@link #giveUp}. @param limit 0: none @returns what was given up
   */
  async close(limit: Milliseconds): Promise<WriteOperation<V>[]> {
    this.#closed = true;
    let timer: unknown;
    const over = new Promise<'over'>((resolve) => {
      if (limit > 0) timer = this.#timers.setTimeout(() => resolve('over'), Math.min(limit, LONGEST_DELAY));
    });
    try {
      while (this.#counts.pending > 0 || this.#waiting.length > 0) {
        if ((await Promise.race([this.flush(), over])) === 'over') return await this.#giveUp();
      }
      return [];
    } finally {
      this.#timers.clearTimeout(timer);
    }
  }

  #fullError(): TiercelError {
    const { maxQueue } = this.#options;
    return new TiercelError('ERR_TIERCEL_QUEUE_FULL', `the queue is full: maxQueue is ${maxQueue} operations`);
  }

  /** False if there is no room. */
  #enter(key: string, change: { type: 'set'; value: V } | { type: 'delete' }, accepted: () => void): boolean {
    const counts = this.#counts;
    const lane = this.#lanes.get(key);
    // What was sent once may have been written: it stays.
    const replaced = this.#options.coalesce && lane !== undefined ? replaceable(lane) : undefined;
    if (replaced === undefined && counts.pending >= this.#options.maxQueue) return false;
    const sequence = ++this.#sequence;
    this.#origin ??= crypto.randomUUID();
    const operation = { id: `${this.#origin}:${sequence}`, sequence, key, failures: 0, ...change };
    counts.accepted++;
    if (replaced === undefined) {
      counts.pending++;
      counts.highest = Math.max(counts.highest, counts.pending);
      const queued = { operation, at: this.#timers.now(), since: sequence };
      if (lane === undefined) this.#makeReady(this.#addLane(key, queued));
      else lane.queue.push(queued);
    } else {
      replaced.operation = operation;
      counts.coalesced++;
    }
    accepted();
    return true;
  }

  #addLane(key: string, first: Queued<V>): Lane<V> {
    const lane: Lane<V> = { key, queue: [first], state: 'ready' };
    this.#lanes.set(key, lane);
    return lane;
  }

  #makeReady(lane: Lane<V>): void {
    lane.state = 'ready';
    this.#ready.add(lane);
  }

  /** Sends what is to be sent now, and arms the timer for what is to be sent later. */
  #pump(): void {
    while (this.#ready.size > 0 && this.#hasCall() && this.#isDue()) void this.#send(this.#takeBatch());
    this.#arm();
  }

  #isDue(): boolean {
    if (this.#again.size > 0 || this.#flushes.size > 0 || this.#ready.size >= this.#options.batchSize) return true;
    return this.#timers.now() >= this.#nextDue();
  }

  /** When the lane that is ready for longest has waited for its interval. */
  #nextDue(): Milliseconds {
    const [first] = this.#ready;
    return first === undefined ? Number.POSITIVE_INFINITY : (first.queue[0] as Queued<V>).at + this.#options.interval;
  }

  #arm(): void {
    // While all calls are taken the end of one comes first.
    const due = this.#hasCall() ? this.#nextDue() : Number.POSITIVE_INFINITY;
    if (due === this.#armedFor) return;
    this.#timers.clearTimeout(this.#timer);
    this.#armedFor = due;
    if (due === Number.POSITIVE_INFINITY) return;
    const delay = Math.min(Math.max(due - this.#timers.now(), 0), LONGEST_DELAY);
    // Not unref'd: a process must not end with writes that it has accepted.
    this.#timer = this.#timers.setTimeout(() => {
      this.#armedFor = Number.POSITIVE_INFINITY;
      this.#pump();
    }, delay);
  }

  /** Whether another call of `write` may begin. */
  #hasCall(): boolean {
    return this.#running - this.#counts.overdue < this.#options.concurrency;
  }

  /** At most one operation of a key, those first that failed before. */
  #takeBatch(): Lane<V>[] {
    const batch: Lane<V>[] = [];
    for (const lanes of [this.#again, this.#ready]) {
      for (const lane of lanes) {
        if (batch.length === this.#options.batchSize) break;
        if (this.#isAlone(lane)) {
          if (batch.length > 0) continue;
          this.#take(lane);
          return [lane];
        }
        if (lane.state !== 'ready') continue;
        this.#take(lane);
        batch.push(lane);
      }
    }
    return batch;
  }

  #take(lane: Lane<V>): void {
    lane.state = 'sent';
    this.#ready.delete(lane);
    this.#again.delete(lane);
  }

  /** The last attempt is made alone, so that one that can never be written takes no others with it. */
  #isAlone({ queue }: Lane<V>): boolean {
    const { failures } = (queue[0] as Queued<V>).operation;
    return failures > 0 && failures >= (this.#options.attempts || ALONE_FROM) - 1;
  }

  async #send(batch: readonly Lane<V>[]): Promise<void> {
    const counts = this.#counts;
    const { timeout } = this.#options;
    const operations = batch.map(({ queue }) => (queue[0] as Queued<V>).operation);
    counts.batches++;
    counts.inFlight += batch.length;
    counts.retries += operations.filter(({ failures }) => failures > 0).length;
    this.#running++;

    const controller = new AbortController();
    const abort = () => {
      this.#timers.clearTimeout(timer);
      controller.abort(this.#stopping.signal.reason);
    };
    this.#stopping.signal.addEventListener('abort', abort, { once: true });
    let isOverdue = false;
    const onTimer = () => {
      isOverdue = true;
      counts.overdue++;
      controller.abort(new TiercelError('ERR_TIERCEL_TIMEOUT', `write took more than ${timeout} ms`));
      // Others need not wait for it.
      this.#pump();
    };
    const timer = timeout > 0 ? this.#timers.setTimeout(onTimer, Math.min(timeout, LONGEST_DELAY)) : undefined;

    const failed = new Map<WriteOperation<V>, unknown>();
    try {
      const fail = (operation: WriteOperation<V>, error: unknown) => void failed.set(operation, error);
      await this.#options.write(operations, { signal: controller.signal, fail });
    } catch (error) {
      for (const operation of operations) failed.set(operation, error);
    }

    this.#timers.clearTimeout(timer);
    this.#stopping.signal.removeEventListener('abort', abort);
    this.#running--;
    if (isOverdue) counts.overdue--;
    counts.inFlight -= batch.length;
    // Given up meanwhile: it was counted then.
    if (this.#stopping.signal.aborted) return;
    const failures = batch.filter((lane) => failed.has((lane.queue[0] as Queued<V>).operation));
    for (const lane of batch) {
      if (failures.includes(lane)) continue;
      counts.written++;
      this.#settle(lane);
    }
    if (failures.length > 0) {
      counts.failedBatches++;
      this.#fail(failures, failed);
    }
    this.#admit();
    this.#pump();
  }

  /** The first operation of a lane is done with. */
  #settle(lane: Lane<V>): void {
    const { since } = lane.queue.shift() as Queued<V>;
    this.#counts.pending--;
    if (lane.queue.length > 0) this.#makeReady(lane);
    else this.#lanes.delete(lane.key);
    for (const flush of this.#flushes) {
      if (since > flush.upTo || --flush.left > 0) continue;
      this.#flushes.delete(flush);
      flush.done();
    }
  }

  #admit(): void {
    while (this.#waiting[0]?.enter()) this.#waiting.shift();
  }

  #fail(lanes: readonly Lane<V>[], errors: ReadonlyMap<WriteOperation<V>, unknown>): void {
    const { attempts } = this.#options;
    const again: Lane<V>[] = [];
    for (const lane of lanes) {
      const first = lane.queue[0] as Queued<V>;
      const error = errors.get(first.operation);
      first.operation = { ...first.operation, failures: first.operation.failures + 1 };
      if (attempts > 0 && first.operation.failures >= attempts) void this.#bury(lane, error);
      else again.push(lane);
    }
    this.#retryLater(again);
  }

  /** All that failed together is tried again at one time. */
  #retryLater(lanes: readonly Lane<V>[]): void {
    if (lanes.length === 0) return;
    const { backoff: first, maxBackoff, jitter } = this.#options;
    const most = Math.max(...lanes.map(({ queue }) => (queue[0] as Queued<V>).operation.failures));
    const delay = backoff(most - 1, first, Math.min(maxBackoff, LONGEST_DELAY), jitter);
    for (const lane of lanes) lane.state = 'backoff';
    const timer = this.#timers.setTimeout(() => {
      this.#backoffs.delete(timer);
      for (const lane of lanes) {
        this.#makeReady(lane);
        this.#again.add(lane);
      }
      this.#pump();
    }, delay);
    this.#backoffs.add(timer);
  }

  /** Gives an operation to the dead letters; until they have it the key waits. If they fail, it is tried again. */
  async #bury(lane: Lane<V>, error: unknown): Promise<void> {
    lane.state = 'backoff';
    const { operation } = lane.queue[0] as Queued<V>;
    try {
      await this.#options.deadLetter([operation], error);
    } catch {
      this.#counts.deadLetterFailures++;
      if (!this.#stopping.signal.aborted) this.#retryLater([lane]);
      return;
    }
    if (this.#stopping.signal.aborted) return;
    this.#counts.dead++;
    if (lane.queue.length === 1) this.#options.onDead(lane.key);
    this.#settle(lane);
    this.#admit();
    this.#pump();
  }

  /** Ends with what is left in the hands of the dead letters, even what is in flight: nobody knows if it was written. */
  async #giveUp(): Promise<WriteOperation<V>[]> {
    const counts = this.#counts;
    const error = closedError();
    const left = [...this.#lanes.values()]
      .flatMap(({ queue }) => queue.map(({ operation }) => operation))
      .sort((a, b) => a.sequence - b.sequence);
    this.#stopping.abort(error);
    this.#timers.clearTimeout(this.#timer);
    for (const timer of this.#backoffs) this.#timers.clearTimeout(timer);
    this.#backoffs.clear();
    this.#ready.clear();
    this.#again.clear();
    for (const lane of this.#lanes.values()) this.#options.onDead(lane.key);
    this.#lanes.clear();
    counts.dead += counts.pending;
    counts.pending = 0;
    for (const { refuse } of this.#waiting.splice(0)) refuse(error);
    for (const { done } of this.#flushes) done();
    this.#flushes.clear();
    try {
      await this.#options.deadLetter(left, error);
    } catch {
      // Whoever closes gets them too.
      counts.deadLetterFailures++;
    }
    return left;
  }
}

/** The last operation of a lane, if it was never sent. */
function replaceable<V>(lane: Lane<V>): Queued<V> | undefined {
  const last = lane.queue.at(-1) as Queued<V>;
  return lane.queue.length > 1 || (lane.state === 'ready' && last.operation.failures === 0) ? last : undefined;
}

function closedError(): TiercelError {
  return new TiercelError('ERR_TIERCEL_CLOSED', 'the write-behind queue was closed');
}
