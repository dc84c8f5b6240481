import { type Milliseconds, toMilliseconds } from '../duration.js';
import type { Namespace } from '../engine/engine.js';
import { isRequestScoped } from '../engine/platform.js';
import { invalidArgument, TiercelError } from '../errors.js';
import { OVERTAKEN } from '../generated/abi.js';
import { type ReadGetOrSetOptions, readTags } from './options.js';
import type { Shared } from './shared.js';
import type { LoadContext, Loader } from './types.js';

/** In Workers, where a load may end unheard, how long a waiter trusts one that another request began. */
const REQUEST_SCOPED_WAIT: Milliseconds = 1000;

/** What a load came to. Rejections are shared as they are; see {@link Flight.promise}. */
interface Outcome<V> {
  value: V;
  /** Something invalidated the value while it was loaded: it is only for those who asked before. */
  overtaken: boolean;
}

/** One run of a loader, and all that wait for it. */
interface Flight<V> {
  readonly load: number;
  readonly promise: Promise<Outcome<V>>;
  readonly controller: AbortController;
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
    const { engine } = this.#shared;
    this.#shared.now();
    const load = engine.loadBegin(request.ns, request.key);
    if (!engine.joined) {
      const flight = this.#begin(load, request, stale);
      return this.#withSignal(
        flight.promise.then((outcome) => outcome.value),
        request.options.signal,
      );
    }
    const { untouched } = engine;
    const flight = this.#flights.get(load) as Flight<V>;
    const joined = flight.promise.then(
      (outcome) => (outcome.overtaken && !untouched ? this.load(request) : outcome.value),
      (error: unknown) => {
        // What failed was perhaps out of date as well.
        if (untouched) throw error;
        return this.load(request);
      },
    );
    return this.#withSignal(this.#withTimeout(joined, flight, request), request.options.signal);
  }

  /** Sees to it that the value is loaded, while the caller makes do with a stale one. Never rejects. */
  refresh(request: Request<V>, stale: () => V): Promise<void> {
    const { engine } = this.#shared;
    const load = engine.loadBegin(request.ns, request.key);
    const flight = engine.joined ? (this.#flights.get(load) as Flight<V>) : this.#begin(load, request, stale);
    return flight.promise.then(ignore, ignore);
  }

  /** Aborts what is in flight: the cache was closed. Those who wait get what the loaders make of it. */
  abort(): void {
    const reason = new TiercelError('ERR_TIERCEL_CLOSED', 'the cache was closed during the load');
    for (const { controller } of this.#flights.values()) controller.abort(reason);
    this.#flights.clear();
  }

  #begin(load: number, request: Request<V>, stale: (() => V) | undefined): Flight<V> {
    const controller = new AbortController();
    const terms: LoadTerms = { options: { ...request.options }, skipped: false };
    const noteTags = (tags: readonly string[]) => {
      if (!this.#shared.closed) this.#shared.engine.loadTags(load, tags);
    };
    // Registered before the loader runs: it may ask for its own key.
    let settle!: (result: V | PromiseLike<V>) => void;
    const result = new Promise<V>((resolve) => {
      settle = resolve;
    });
    const promise = result.then(
      (value) => this.#end(load, request, value, terms),
      (error: unknown) => {
        this.failures++;
        this.#forget(load);
        throw error;
      },
    );
    // Those who wait see the rejection; a refresh that nobody waits for must not end the process.
    promise.catch(ignore);
    const flight: Flight<V> = { load, promise, controller };
    this.#flights.set(load, flight);
    try {
      if (terms.options.tags !== undefined) noteTags(terms.options.tags);
      settle(request.loader(contextOf<V>(request.key, controller.signal, stale, terms, noteTags)));
    } catch (e) {
      settle(Promise.reject(e));
    }
    return flight;
  }

  /** Stores what was loaded, unless the core knows better. */
  #end(load: number, request: Request<V>, value: V, terms: LoadTerms): Outcome<V> {
    const shared = this.#shared;
    if (shared.closed) return { value, overtaken: false };
    try {
      if (value === undefined || terms.skipped) {
        const nothing = { ttl: 0, stale: 0, tags: terms.options.tags ?? [] };
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
      this.#forget(load);
    }
  }

  /** Ends a load if it is still under way: nobody may join it any more, and what it brings is not stored. */
  #forget(load: number): void {
    this.#flights.delete(load);
    if (!this.#shared.closed) this.#shared.engine.loadEnd(load);
  }

  /** Falls back to a load of one's own if another's takes too long. */
  #withTimeout(joined: Promise<V>, flight: Flight<V>, request: Request<V>): Promise<V> {
    const timeout = request.options.waitTimeout ?? (isRequestScoped() ? REQUEST_SCOPED_WAIT : 0);
    if (timeout === 0) return joined;
    return new Promise<V>((resolve, reject) => {
      const fallBack = () => {
        if (this.#flights.has(flight.load)) this.givenUp++;
        this.#forget(flight.load);
        try {
          resolve(this.load(request));
        } catch (e) {
          reject(e);
        }
      };
      const timer = startTimer(fallBack, timeout);
      joined.then(resolve, reject).finally(() => clearTimeout(timer));
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
  noteTags: (tags: readonly string[]) => void,
): LoadContext<V> {
  const context = {
    key,
    signal,
    setTtl(ttl: unknown) {
      terms.options.ttl = toMilliseconds(ttl, 'ttl');
    },
    setTags(...tags: string[]) {
      noteTags(readTags(tags, 'tags', invalidArgument));
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
