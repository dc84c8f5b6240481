import { type Milliseconds, toMilliseconds } from '../duration.js';
import type { Namespace } from '../engine/engine.js';
import { isRequestScoped } from '../engine/platform.js';
import { invalidArgument, TiercelError } from '../errors.js';
import { GET_PEEK, OVERTAKEN } from '../generated/abi.js';
import { type ReadGetOrSetOptions, readTags } from './options.js';
import type { Shared } from './shared.js';
import type { LoadContext, Loader } from './types.js';

/** In Workers, where a load may end unheard, how long a waiter trusts one that another request began. */
const REQUEST_SCOPED_WAIT: Milliseconds = 1000;

/** What a load came to. Rejections are shared as they are; see {@link Run.promise}. */
interface Outcome<V> {
  value: V;
  /** Something invalidated the value while it was loaded: it is only for those who asked before. */
  overtaken: boolean;
}

/** One call of a loader. */
interface Run<V> {
  readonly promise: Promise<Outcome<V>>;
  readonly controller: AbortController;
  /** Whether the loader is done. In Workers the promise also rejects if it can never be, as its request has ended. */
  ended: boolean;
}

/**
 * A load in flight. One who has waited for it too long runs its own loader, for the same load: whichever run ends
 * first ends the load, so a slow one is not lost, and one that never ends does no harm.
 */
interface Flight<V> {
  readonly load: number;
  readonly runs: Run<V>[];
  /** The run that ended the load. */
  last?: Run<V>;
}

/** The run to wait for: that which ended the load, or the newest that has not failed. */
function currentOf<V>({ runs, last }: Flight<V>): Run<V> {
  return last ?? (runs.findLast(({ ended }) => !ended) as Run<V>);
}

/** One call of `getOrSet`. */
interface Request<V> {
  readonly ns: Namespace;
  readonly key: string;
  readonly loader: Loader<V>;
  readonly options: ReadGetOrSetOptions;
}

/**
 * Single-flight loading. The core decides who may join whom: it knows a load in flight by its key, and
 * whether anything overtook it. Here are the promises.
 *
 * A caller gets a value only if nothing covering its key was invalidated between the beginning of the load
 * and the call. A caller that joins a load which turns out to have been overtaken, after some invalidation
 * that may be the one, therefore starts over.
 */
export class Loading<V> {
  readonly #shared: Shared<V>;
  readonly #flights = new Map<number, Flight<V>>();
  /** Loads that rejected, and those that were given up for another before they ended: for the statistics. */
  failures = 0;
  givenUp = 0;

  constructor(shared: Shared<V>) {
    this.#shared = shared;
  }

  /** Joins the load in flight or begins one; resolves to its value. */
  load(request: Request<V>, stale?: () => V): Promise<V> {
    const value = this.#load(request, stale);
    request.options.waitUntil?.(value.then(ignore, ignore));
    return this.#withSignal(value, request.options.signal);
  }

  #load(request: Request<V>, stale?: () => V): Promise<V> {
    const { engine } = this.#shared;
    this.#shared.now();
    const load = engine.loadBegin(request.ns, request.key);
    const { joined, untouched } = engine;
    return joined
      ? this.#wait(this.#flights.get(load) as Flight<V>, request, stale).then(
          (outcome) => (outcome.overtaken && !untouched ? this.#again(request) : outcome.value),
          (error: unknown) => {
            // What failed was perhaps out of date as well.
            if (untouched) throw error;
            return this.#again(request);
          },
        )
      : this.#begin(load, request, stale).promise.then((outcome) => outcome.value);
  }

  /** Starts over, unless there is a fresh value by now. */
  #again(request: Request<V>): Promise<V> {
    const { engine, values } = this.#shared;
    const slot = engine.get(request.ns, request.key, this.#shared.now(), GET_PEEK);
    return slot < 0 ? this.#load(request) : Promise.resolve(values.read(request.ns, slot));
  }

  /** Sees to it that the value is loaded, while the caller makes do with a stale one. Never rejects. */
  refresh(request: Request<V>, stale: () => V): void {
    const { engine } = this.#shared;
    const load = engine.loadBegin(request.ns, request.key);
    const outcome = engine.joined
      ? this.#wait(this.#flights.get(load) as Flight<V>, request, stale)
      : this.#begin(load, request, stale).promise;
    const ended = outcome.then(ignore, ignore);
    request.options.waitUntil?.(ended);
  }

  /** Aborts what is in flight: the cache was closed. Those who wait get what the loaders make of it. */
  abort(): void {
    const reason = new TiercelError('ERR_TIERCEL_CLOSED', 'the cache was closed during the load');
    for (const { runs } of this.#flights.values()) for (const { controller } of runs) controller.abort(reason);
    this.#flights.clear();
  }

  #begin(load: number, request: Request<V>, stale: (() => V) | undefined): Run<V> {
    const flight: Flight<V> = { load, runs: [] };
    this.#flights.set(load, flight);
    return this.#run(flight, request, stale);
  }

  /** Runs the request's loader for a flight. */
  #run(flight: Flight<V>, request: Request<V>, stale: (() => V) | undefined): Run<V> {
    const terms: LoadTerms = { options: { ...request.options }, skipped: false };
    const note = (tags: readonly string[], dependsOn: readonly string[]) => {
      if (this.#isOpen(flight)) this.#shared.engine.loadTags(flight.load, tags, dependsOn);
    };
    let settle!: (result: V | PromiseLike<V>) => void;
    const result = new Promise<V>((resolve) => {
      settle = resolve;
    });
    const promise = result.then(
      (value) => this.#end(flight, run, request, value, terms),
      (error: unknown) => {
        this.failures++;
        run.ended = true;
        // While another run may yet succeed the load goes on.
        if (flight.runs.every(({ ended }) => ended)) this.#close(flight, run);
        throw error;
      },
    );
    // Those who wait see the rejection; a refresh that nobody waits for must not end the process.
    promise.catch(ignore);
    const run: Run<V> = { promise, controller: new AbortController(), ended: false };
    // Before the loader runs: it may ask for its own key.
    flight.runs.push(run);
    try {
      const { tags = [], dependsOn = [] } = terms.options;
      if (tags.length + dependsOn.length > 0) note(tags, dependsOn);
      settle(request.loader(contextOf<V>(request.key, run.controller.signal, stale, terms, note)));
    } catch (e) {
      settle(Promise.reject(e));
    }
    return run;
  }

  /** Stores what was loaded, unless another run was first or the core knows better. */
  #end(flight: Flight<V>, run: Run<V>, request: Request<V>, value: V, terms: LoadTerms): Outcome<V> {
    const shared = this.#shared;
    const { load } = flight;
    if (shared.closed) return { value, overtaken: false };
    // What happened since the other run ended is not known.
    if (!this.#isOpen(flight)) return { value, overtaken: true };
    try {
      if (value === undefined || terms.skipped) {
        const { tags = [], dependsOn = [] } = terms.options;
        const nothing = { ttl: 0, stale: 0, tags, dependsOn, pinned: false };
        return { value, overtaken: shared.engine.loadCommit(load, undefined, nothing, shared.now()) === OVERTAKEN };
      }
      const slot = shared.commit(load, value, request.key, terms.options);
      shared.finishStore(request.ns, request.key, slot, value);
      return { value, overtaken: slot === OVERTAKEN };
    } catch (e) {
      // The value is there, though the cache has no room for it; nobody knows if it was overtaken.
      if (e instanceof TiercelError && e.code === 'ERR_TIERCEL_OUT_OF_MEMORY') return { value, overtaken: true };
      throw e;
    } finally {
      this.#close(flight, run);
    }
  }

  #isOpen(flight: Flight<V>): boolean {
    return this.#flights.get(flight.load) === flight;
  }

  /** Ends a load, unless it has ended: nobody may join it any more. */
  #close(flight: Flight<V>, run: Run<V>): void {
    run.ended = true;
    if (!this.#isOpen(flight)) return;
    flight.last = run;
    this.#flights.delete(flight.load);
    if (!this.#shared.closed) this.#shared.engine.loadEnd(flight.load);
  }

  /** Waits for what a flight comes to, and runs the request's own loader for it if that takes too long. */
  #wait(flight: Flight<V>, request: Request<V>, stale: (() => V) | undefined): Promise<Outcome<V>> {
    const timeout = request.options.waitTimeout ?? (isRequestScoped() ? REQUEST_SCOPED_WAIT : 0);
    return new Promise<Outcome<V>>((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      let followed: Run<V>;
      // A loader of one's own is waited for as long as it takes, like that of whoever began the load.
      let own: Run<V> | undefined;
      const follow = (run: Run<V>) => {
        followed = run;
        // Each waiter listens for itself: in Workers, where one listens is where one goes on.
        run.promise.then(
          (outcome) => {
            clearTimeout(timer);
            resolve(outcome);
          },
          (error: unknown) => {
            if (run !== followed) return;
            clearTimeout(timer);
            if (run.ended) reject(error);
            else giveUp();
          },
        );
        if (timeout !== 0 && run !== own) timer = startTimer(giveUp, timeout);
      };
      const giveUp = () => {
        const current = currentOf(flight);
        if (current !== followed) return follow(current);
        this.givenUp++;
        own = this.#run(flight, request, stale);
        follow(own);
      };
      follow(currentOf(flight));
    });
  }

  /** Lets one caller go; the load and the others go on. */
  #withSignal(promise: Promise<V>, signal: AbortSignal | undefined): Promise<V> {
    if (signal === undefined) return promise;
    return new Promise<V>((resolve, reject) => {
      const leave = () => reject(signal.reason);
      if (signal.aborted) leave();
      signal.addEventListener('abort', leave, { once: true });
      promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
    });
  }
}

/** What a loader may change about how its value is stored. */
interface LoadTerms {
  options: ReadGetOrSetOptions;
  skipped: boolean;
}

function contextOf<V>(
  key: string,
  signal: AbortSignal,
  stale: (() => V) | undefined,
  terms: LoadTerms,
  note: (tags: readonly string[], dependsOn: readonly string[]) => void,
): LoadContext<V> {
  const context = {
    key,
    signal,
    setTtl(ttl: unknown) {
      terms.options.ttl = toMilliseconds(ttl, 'ttl');
    },
    setTags(...tags: string[]) {
      note(readTags(tags, 'tags', invalidArgument), []);
      terms.options.tags = [...(terms.options.tags ?? []), ...tags];
    },
    skip() {
      terms.skipped = true;
    },
  };
  return stale === undefined ? context : { ...context, stale: { value: stale() } };
}

function ignore(): void {
  // A refresh is tried again with the next call.
}

/** At module scope of a Worker there are no timers; then there is no limit either. */
function startTimer(callback: () => void, ms: Milliseconds): ReturnType<typeof setTimeout> | undefined {
  try {
    // Longer than a timer can be told is as good as no limit.
    return ms > 0x7fffffff ? undefined : setTimeout(callback, ms);
  } catch {
    return undefined;
  }
}
