import type { Milliseconds } from '../duration.js';
import type { Namespace } from '../engine/engine.js';
import { isRequestScoped } from '../engine/platform.js';
import { TiercelError } from '../errors.js';
import { GET_PEEK, OVERTAKEN, TOUCH_EXPIRE } from '../generated/abi.js';
import { startTimer } from '../timers.js';
import { textOf } from './error-text.js';
import { Flight, ignore, type LoadTerms, type Notes, Outcome, Run, type Stale } from './flight.js';
import { Flights } from './flights.js';
import type { ReadGetOrSetOptions } from './options.js';
import { RemoteLoads } from './remote-loads.js';
import type { Shared } from './shared.js';
import type { Count } from './types.js';

/** In Workers, where a load may end unheard, how long a waiter trusts one that another request began. */
const REQUEST_SCOPED_WAIT: Milliseconds = 1000;

/** What is to be loaded. */
export interface Place {
  readonly ns: Namespace;
  readonly key: string;
}

/** One call that wants a value loaded. */
export interface Request<V> extends Place {
  /** Loads the value. What it throws or rejects with is the load's failure. */
  readonly work: (run: Run<V>) => V | PromiseLike<V>;
  readonly options: ReadGetOrSetOptions;
  readonly stale?: Stale<V> | undefined;
  /** The caller found no fresh entry: if another thread has stored one since, that will do. */
  readonly missed?: boolean;
  /** Told of each flight that the call comes to wait for. */
  readonly entered?: (flight: Flight<V>) => void;
  /**
   * Whether all that invalidates values is heard of; always, if left out. Without it no fresh entry is taken at its word,
   * nor a load that began before the call.
   */
  readonly trusts?: () => boolean;
  /** How many flights had begun when the call was made; that of the call of `load` if left out. */
  readonly asked?: number;
  /** Whether the caller waits no more. */
  readonly left?: () => boolean;
}

/**
 * Single-flight loading. The core decides who may join whom: it knows a load in flight by its key, and
 * whether anything overtook it. Here are the promises.
 *
 * A caller gets a value only if nothing covering its key was invalidated between the beginning of the load
 * and the call. A caller that joins a load which turns out to have been overtaken, after some invalidation
 * that may be the one, therefore starts over.
 */
export class Loading<V> implements Notes<V> {
  readonly #shared: Shared<V>;
  readonly #flights = new Flights<V>();
  readonly #remote: RemoteLoads<V>;
  /** Loads that rejected, and those that were given up for another before they ended: for the statistics. */
  failures = 0;
  givenUp = 0;
  #begun = 0;

  constructor(shared: Shared<V>) {
    this.#shared = shared;
    this.#remote = new RemoteLoads(shared);
  }

  /** How many flights have begun. */
  get begun(): Count {
    return this.#begun;
  }

  /** Joins the load in flight or begins one; resolves to its value. */
  load(request: Request<V>): Promise<V> {
    const { engine, values } = this.#shared;
    this.#shared.now();
    const missed = request.missed === true && request.trusts?.() !== false;
    const load = engine.loadBegin(request.ns, request.key, missed);
    if (load === 0) return Promise.resolve(values.read(request.ns, 0));
    const { joined, untouched } = engine;
    if (!joined) return this.#begin(load, request).promise.then((outcome) => outcome.value);
    const { asked = this.#begun } = request;
    const flight = this.#join(load, request);
    const isDoubtful = flight.before < asked && request.trusts?.() === false;
    const again = () => this.#again({ ...request, asked });
    return this.#wait(flight, request).then(
      (outcome) => (outcome.absent || (outcome.overtaken && !untouched) || isDoubtful ? again() : outcome.value),
      (error: unknown) => {
        // What failed was perhaps out of date as well.
        if (untouched && !isDoubtful) throw error;
        return again();
      },
    );
  }

  /** Starts over, unless there is a fresh value by now. */
  #again(request: Request<V>): Promise<V> {
    // Nobody would hear of what it loads.
    if (request.left?.()) return new Promise(ignore);
    const { engine, values } = this.#shared;
    const now = this.#shared.now();
    const slot = request.trusts?.() === false ? -1 : engine.get(request.ns, request.key, now, GET_PEEK);
    // What was stale when it began is perhaps gone.
    return slot < 0 ? this.load({ ...request, stale: undefined }) : Promise.resolve(values.read(request.ns, slot));
  }

  /** Sees to it that the value is loaded, while the caller makes do with a stale one. The promise never rejects. */
  refresh(request: Request<V>): Promise<void> {
    const { engine } = this.#shared;
    const load = engine.loadBegin(request.ns, request.key, request.missed ?? false);
    if (load === 0) return Promise.resolve();
    const outcome = engine.joined ? this.#wait(this.#join(load, request), request) : this.#begin(load, request).promise;
    return outcome.then(ignore, ignore);
  }

  /**
   * Begins a load that the caller does by itself, and ends with {@link settle} or {@link fail}; undefined if one is in flight
   * that it would join.
   */
  open(ns: Namespace, key: string): Run<V> | undefined {
    const { engine } = this.#shared;
    const load = engine.loadBegin(ns, key, false);
    if (engine.joined) return undefined;
    const run = new Run(key, this.#newFlight(load), {}, undefined, this);
    // There a promise belongs to the request that makes it: not to that of the first who waits.
    if (isRequestScoped()) void run.promise;
    return run;
  }

  /** One who waited for a flight has gone: with the last of them the load is given up, and its signal aborted. */
  leave(flight: Flight<V>, reason: unknown): void {
    if (--flight.holders > 0 || !this.#isOpen(flight)) return;
    if (this.#remote.leave(flight.load)) this.#flights.delete(flight.load);
    else this.#end(flight, undefined);
    flight.abort(reason);
  }

  /** Whether nothing invalidated what a flight loads, as far as is known by now. */
  isCurrent(flight: Flight<V>, request: Pick<Request<V>, 'ns' | 'key'>): boolean {
    if (!this.#isOpen(flight)) return false;
    const { engine } = this.#shared;
    const load = engine.loadBegin(request.ns, request.key, false);
    if (!engine.joined) engine.loadEnd(load);
    return load === flight.load;
  }

  /** Aborts what is in flight: the cache was closed. Those who wait get what the loaders make of it. */
  abort(): void {
    const reason = new TiercelError('ERR_TIERCEL_CLOSED', 'the cache was closed during the load');
    for (const flight of this.#flights.all()) flight.abort(reason);
    this.#flights.clear();
    this.#remote.abort(reason);
  }

  /** Takes what became of loads of other threads. */
  takeOutcomes(): void {
    this.#remote.take((flight, run) => {
      flight.last = run;
      if (this.#isOpen(flight)) this.#flights.delete(flight.load);
    });
  }

  #join(load: number, request: Request<V>): Flight<V> {
    let flight = this.#flights.get(load);
    if (flight === undefined) {
      flight = this.#remote.wait(load, request.key);
      this.#flights.add(flight);
    }
    flight.holders++;
    request.entered?.(flight);
    return flight;
  }

  #begin(load: number, request: Request<V>): Run<V> {
    const flight = this.#newFlight(load);
    request.entered?.(flight);
    return this.#run(flight, request);
  }

  #newFlight(load: number): Flight<V> {
    const flight = new Flight<V>(load, this.#begun++, 1);
    this.#flights.add(flight);
    return flight;
  }

  /** Does the request's work for a flight. */
  #run(flight: Flight<V>, request: Request<V>): Run<V> {
    const { key, options, stale } = request;
    // Before the loader runs: it may ask for its own key.
    const run = new Run(key, flight, { ...options }, stale, this);
    new Promise<V>((resolve) => {
      const { tags = [], dependsOn = [] } = options;
      this.note(flight, tags, dependsOn);
      resolve(request.work(run));
    }).then(
      (value) => {
        const { failed } = run.terms;
        if (failed === undefined) this.#succeed(run, request, value);
        else this.fail(run, request, failed.error);
      },
      (error: unknown) => this.fail(run, request, error),
    );
    return run;
  }

  #succeed(run: Run<V>, request: Place, value: V): void {
    try {
      this.settle(run, request, value);
    } catch {
      // Those who wait hear of it.
    }
  }

  /** @see Run.note */
  note(flight: Flight<V>, tags: readonly string[], dependsOn: readonly string[]): void {
    if (tags.length + dependsOn.length > 0 && this.#isOpen(flight))
      this.#shared.engine.loadTags(flight.load, tags, dependsOn);
  }

  /** Ends a run that failed. */
  fail(run: Run<V>, place: Place, error: unknown): void {
    const { flight, terms } = run;
    this.failures++;
    run.ended = true;
    run.reject(error);
    // While another run may yet succeed the load goes on.
    if (flight.isOver) {
      if (terms.fallback !== undefined) this.#keep(run, place, terms.fallback);
      this.#close(flight, run, error);
    }
    terms.companion?.ended(false, true);
  }

  /** Ends a load with what a run of it brought. @throws what that cannot be stored for */
  settle(run: Run<V>, place: Place, value: V): void {
    let isCurrent = false;
    let failure: unknown;
    try {
      const overtaken = this.#store(run, place, value);
      isCurrent = !overtaken && value !== undefined && !run.terms.skipped;
      run.resolve(new Outcome(value, overtaken, run.terms.absent));
    } catch (e) {
      failure = e;
      run.reject(e);
      throw e;
    } finally {
      this.#close(run.flight, run, failure);
      run.terms.companion?.ended(isCurrent, false);
    }
  }

  /** Stores what was loaded, unless another run was first or the core knows better: then true. */
  #store({ flight, terms }: Run<V>, request: Place, value: V): boolean {
    const shared = this.#shared;
    const { load } = flight;
    if (shared.closed) return false;
    // What happened since the other run ended is not known.
    if (!this.#isOpen(flight)) return true;
    if (value !== undefined && terms.skipped && shared.engine.sharedClock !== undefined) {
      return this.#tell(load, value, request.key, terms);
    }
    if (value === undefined || terms.skipped) {
      const { tags = [], dependsOn = [] } = terms.options;
      const nothing = { ttl: 0, stale: 0, tags, dependsOn, pinned: false };
      return shared.engine.loadCommit(load, undefined, nothing, shared.now()) === OVERTAKEN;
    }
    try {
      terms.companion?.finish(value);
      const slot = shared.commit(load, value, request.key, terms.options);
      shared.finishStore(request.ns, request.key, slot, value, terms.options.note);
      return slot === OVERTAKEN;
    } catch (e) {
      // The value is there, though the cache has no room for it; nobody knows if it was overtaken.
      if (e instanceof TiercelError && e.code === 'ERR_TIERCEL_OUT_OF_MEMORY') return true;
      throw e;
    }
  }

  /** Ends a load with a value that is for those who wait only, in other threads as well. */
  #tell(load: number, value: V, key: string, terms: LoadTerms): boolean {
    try {
      return this.#shared.tell(load, value, key, terms.options) === OVERTAKEN;
    } catch {
      // What is not stored need not be fit for it. The others load it for themselves.
      return true;
    }
  }

  /** Stores a stale value in place of one that could not be loaded. */
  #keep({ flight }: Run<V>, { ns, key }: Place, { value, options }: NonNullable<LoadTerms['fallback']>): void {
    const shared = this.#shared;
    if (shared.closed || !this.#isOpen(flight)) return;
    try {
      const slot = shared.commit(flight.load, value as V, key, { ...options, ttl: 1 });
      // Before anybody can see it.
      if (slot >= 0) shared.engine.touch(ns, key, 0, TOUCH_EXPIRE, shared.now());
      flight.isKept = slot >= 0;
      shared.finishStore(ns, key, slot, value as V, options.note);
    } catch {
      // It was only for want of a better one.
    }
  }

  #isOpen(flight: Flight<V>): boolean {
    return this.#flights.get(flight.load) === flight;
  }

  /** Ends a load, unless it has ended: nobody may join it any more. @param failure for those who wait elsewhere */
  #close(flight: Flight<V>, run: Run<V>, failure: unknown): void {
    run.ended = true;
    if (!this.#isOpen(flight)) return;
    flight.last = run;
    this.#remote.settle(run);
    this.#end(flight, failure);
  }

  #end(flight: Flight<V>, failure: unknown): void {
    this.#flights.delete(flight.load);
    const { closed, engine } = this.#shared;
    if (closed) return;
    if (failure === undefined || engine.sharedClock === undefined) engine.loadEnd(flight.load);
    else engine.loadFail(flight.load, textOf(failure));
  }

  /** Waits for what a flight comes to, and runs the request's own loader for it if that takes too long. */
  #wait(flight: Flight<V>, request: Request<V>): Promise<Outcome<V>> {
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
        if (request.left?.()) return;
        const current = flight.current;
        if (current !== followed) return follow(current);
        this.givenUp++;
        own = this.#run(flight, request);
        follow(own);
      };
      follow(flight.current);
    });
  }
}

/** Lets one caller go when its signal says so; what it waited for goes on. */
export function withSignal<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const leave = () => reject(signal.reason);
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
