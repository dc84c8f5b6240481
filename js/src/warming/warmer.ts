import type { Awaitable } from '../cache-like.js';
import type { Duration, Milliseconds } from '../duration.js';
import { invalidArgument, invalidOption, invalidReturn } from '../errors.js';
import { Listeners } from '../listeners.js';
import { callback, duration, integer, number, type Read, read, readRequiring, text } from '../memory/readers.js';
import type { Count } from '../memory/types.js';
import { TiercelError } from '../tiercel-error.js';
import { LONGEST_DELAY, platformTimers, readTimers, type Timers, unref } from '../timers.js';
import { environmentVariable, readSkipped } from './skip.js';
import { Slots } from './slots.js';

export interface WarmContext {
  readonly name: string;
  /** Aborted when the task's `timeout` is over or the warmer is closed. */
  readonly signal: AbortSignal;
  /** Says how far the task is: so many done, of so many if that is known. */
  progress(done: Count, total?: Count): void;
}

export interface WarmTask {
  /** By which results and messages name it. */
  name: string;
  /** Fills the cache. What it returns is the `value` of the result. */
  run: (context: WarmContext) => Awaitable<unknown>;
  /** Of tasks that wait for a slot the one with the highest begins first. Any finite number, default 0. */
  priority?: number;
  /** After {@link Warmer.start}: how long after the end of a run the next one begins. Default 0: it runs once. */
  every?: Duration;
  /**
   * How long a run may take, from its beginning. Then its signal is aborted and the run has failed; if it goes on all the
   * same, nobody waits for it. Default 0: no limit.
   */
  timeout?: Duration;
}

export interface WarmResult {
  readonly name: string;
  /** `'skipped'`: by the environment. `'aborted'`: the warmer was closed before the run had ended. */
  readonly status: 'done' | 'failed' | 'skipped' | 'aborted';
  /** What the task returned. */
  readonly value?: unknown;
  /** What it threw, or `ERR_TIERCEL_TIMEOUT`, or `ERR_TIERCEL_CLOSED`. */
  readonly error?: unknown;
  /** From the beginning of the run to its end; 0 if it never began. */
  readonly duration: Milliseconds;
}

/** Payload of each event of {@link Warmer.on}. */
export interface WarmerEvents {
  begin: { readonly name: string };
  progress: { readonly name: string; readonly done: Count; readonly total: Count | undefined };
  end: WarmResult;
}

export interface WarmerOptions {
  /** Most runs at a time. 1 to 1024, default 4. */
  concurrency?: Count;
  /**
   * The environment variable that switches tasks off: all by `1`, `true`, `yes`, `on` or `all`, or those that it names,
   * with commas between. It is read before each run. Default `'CACHE_WARMING_SKIP'`.
   */
  skipVariable?: string;
  /** Reads an environment variable. Default: from `process.env`, where there is one. If it throws the task has failed. */
  environment?: (name: string) => string | undefined;
  /** Default: those of the platform. */
  timers?: Timers;
}

interface Task {
  readonly name: string;
  readonly run: WarmTask['run'];
  readonly priority: number;
  readonly every: Milliseconds;
  readonly timeout: Milliseconds;
  /** The run that waits for its slot or has one. */
  current?: Promise<WarmResult> | undefined;
  /** Until the next run, if there is to be one. */
  timer?: unknown;
  result?: WarmResult;
}

/**
 * Runs named tasks that fill caches, before they are asked for: once by {@link run}, as when a service starts, or again
 * and again after {@link start}. Two runs of one task never overlap, but for one that went on after its `timeout`. Its
 * timers keep no process alive.
 */
export class Warmer {
  readonly #tasks = new Map<string, Task>();
  readonly #listeners = new Listeners<WarmerEvents>('begin', 'progress', 'end');
  readonly #slots: Slots;
  readonly #timers: Timers;
  readonly #skipVariable: string;
  readonly #environment: (name: string) => string | undefined;
  readonly #closing = new AbortController();
  #started = false;

  /** @throws TiercelError naming a wrong option */
  constructor(options?: WarmerOptions) {
    const { concurrency, skipVariable, environment, timers } = read<WarmerOptions>(
      options,
      {
        concurrency: integer(1, 1024),
        skipVariable: text,
        environment: callback('a function of the name of a variable that returns its value'),
        timers: readTimers,
      },
      'options',
    );
    this.#slots = new Slots(concurrency ?? 4);
    this.#timers = timers ?? platformTimers;
    this.#skipVariable = skipVariable ?? 'CACHE_WARMING_SKIP';
    this.#environment = environment ?? environmentVariable;
  }

  /**
   * Adds a task; after {@link start} it is run at once.
   * @throws TiercelError naming what is wrong with it, or that there is one of this name
   */
  add(task: WarmTask): this {
    this.#refuseClosed();
    const { name, run, priority, every, timeout } = readRequiring<Read<WarmTask>, 'name' | 'run'>(
      task,
      {
        name: (value, what) => {
          if (typeof value !== 'string' || value === '') throw invalidOption(what, value, 'a string that is not empty');
          if (this.#tasks.has(value)) throw invalidOption(what, value, 'the name of no other task');
          return value;
        },
        run: callback('a function of a context'),
        priority: number(-Number.MAX_VALUE, Number.MAX_VALUE),
        every: duration,
        timeout: duration,
      },
      ['name', 'run'],
      'task',
      'task.',
    );
    const added: Task = { name, run, priority: priority ?? 0, every: every ?? 0, timeout: timeout ?? 0 };
    this.#tasks.set(name, added);
    if (this.#started) void this.#run(added);
    return this;
  }

  /** Takes a task away. A run in flight goes on. Returns whether there was one. */
  remove(name: string): boolean {
    this.#timers.clearTimeout(this.#tasks.get(name)?.timer);
    return this.#tasks.delete(name);
  }

  /**
   * Runs the tasks of these names, or all, once. One that is running already is not run again: its run counts.
   * @returns the result of each, in the order of the names; never rejects for what tasks throw
   * @throws TiercelError `ERR_TIERCEL_INVALID_ARGUMENT` for a name that no task has
   */
  async run(...names: string[]): Promise<WarmResult[]> {
    this.#refuseClosed();
    const tasks = names.length === 0 ? [...this.#tasks.values()] : names.map((name) => this.#task(name));
    this.#runAll(tasks);
    // Each has a run by now, and is told its result.
    return Promise.all(tasks.map((task) => this.#run(task)));
  }

  /** Runs all tasks now, and from now on those with `every` again and again. Starting again does nothing. */
  start(): void {
    this.#refuseClosed();
    if (this.#started) return;
    this.#started = true;
    this.#runAll([...this.#tasks.values()]);
  }

  /** The last result of each task that has run, by name. */
  results(): Map<string, WarmResult> {
    return new Map([...this.#tasks.values()].flatMap(({ name, result }) => (result ? [[name, result]] : [])));
  }

  /** Listens to an event; what the listener throws is reported as uncaught. Returns the end of the subscription. */
  on<N extends keyof WarmerEvents>(event: N, listener: (payload: WarmerEvents[N]) => void): () => void {
    return this.#listeners.on(event, listener);
  }

  /** Ends all: runs in flight are aborted, none begins any more. Closing again does nothing. */
  close(): void {
    if (this.#closing.signal.aborted) return;
    for (const { timer } of this.#tasks.values()) this.#timers.clearTimeout(timer);
    this.#closing.abort(new TiercelError('ERR_TIERCEL_CLOSED', 'the warmer was closed'));
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #refuseClosed(): void {
    if (this.#closing.signal.aborted) throw this.#closing.signal.reason;
  }

  #task(name: string): Task {
    const task = this.#tasks.get(name);
    if (task === undefined)
      throw invalidArgument('name', name, [...this.#tasks.keys()].map((known) => `"${known}"`).join(', ') || 'none');
    return task;
  }

  /** Slots that are free go to the tasks of the highest priority as well. */
  #runAll(tasks: readonly Task[]): void {
    for (const task of [...tasks].sort((a, b) => b.priority - a.priority)) void this.#run(task);
  }

  #run(task: Task): Promise<WarmResult> {
    task.current ??= this.#inSlot(task).then((result) => {
      task.current = undefined;
      task.result = result;
      this.#listeners.emit('end', result);
      this.#scheduleNext(task);
      return result;
    });
    return task.current;
  }

  #scheduleNext(task: Task): void {
    if (!this.#started || task.every === 0) return;
    if (this.#closing.signal.aborted || this.#tasks.get(task.name) !== task) return;
    this.#timers.clearTimeout(task.timer);
    task.timer = this.#timers.setTimeout(() => void this.#run(task), Math.min(task.every, LONGEST_DELAY));
    unref(task.timer);
  }

  #isSkipped(name: string): boolean {
    const value: unknown = this.#environment(this.#skipVariable);
    if (value !== undefined && typeof value !== 'string')
      throw invalidReturn('environment', value, 'a string, or undefined');
    return readSkipped(value)(name);
  }

  async #inSlot(task: Task): Promise<WarmResult> {
    const { name } = task;
    try {
      if (this.#isSkipped(name)) return { name, status: 'skipped', duration: 0 };
    } catch (error) {
      return { name, status: 'failed', error, duration: 0 };
    }
    await this.#slots.enter(task.priority);
    try {
      if (this.#closing.signal.aborted)
        return { name, status: 'aborted', error: this.#closing.signal.reason, duration: 0 };
      return await this.#runTask(task);
    } finally {
      this.#slots.leave();
    }
  }

  async #runTask({ name, run, timeout }: Task): Promise<WarmResult> {
    const begun = this.#timers.now();
    const controller = new AbortController();
    let timer: unknown;
    let stop: () => void = () => undefined;
    const given = new Promise<never>((_, reject) => {
      const abort = (reason: unknown) => {
        controller.abort(reason);
        reject(reason);
      };
      const { signal } = this.#closing;
      const onClose = () => abort(signal.reason);
      signal.addEventListener('abort', onClose, { once: true });
      stop = () => signal.removeEventListener('abort', onClose);
      if (timeout === 0) return;
      const message = `task ${JSON.stringify(name)} took more than ${timeout} ms`;
      const onTimer = () => abort(new TiercelError('ERR_TIERCEL_TIMEOUT', message));
      timer = this.#timers.setTimeout(onTimer, Math.min(timeout, LONGEST_DELAY));
      unref(timer);
    });
    // If the task ends first nobody waits for this one.
    given.catch(() => undefined);
    const ended = (rest: Pick<WarmResult, 'status' | 'value' | 'error'>): WarmResult => ({
      name,
      ...rest,
      duration: this.#timers.now() - begun,
    });
    this.#listeners.emit('begin', { name });
    const progress = (done: Count, total?: Count) => {
      if (!controller.signal.aborted) this.#listeners.emit('progress', { name, done, total });
    };
    try {
      const running = (async () => run({ name, signal: controller.signal, progress }))();
      return ended({ status: 'done', value: await Promise.race([running, given]) });
    } catch (error) {
      return ended({ status: this.#closing.signal.aborted ? 'aborted' : 'failed', error });
    } finally {
      this.#timers.clearTimeout(timer);
      stop();
    }
  }
}
