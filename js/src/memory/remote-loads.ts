import { OUTCOME_FAILED, OUTCOME_GONE, OUTCOME_VALUE } from '../engine/sharding.js';
import { Abort } from './abort.js';
import { errorFrom } from './error-text.js';
import { type Flight, ignore, type Outcome, type Run } from './flight.js';
import type { Shared } from './shared.js';

/** A call of a loader by another thread, and what settles its promise. */
interface RemoteRun<V> extends Run<V> {
  resolve(outcome: Outcome<V> | Promise<Outcome<V>>): void;
  reject(error: unknown): void;
}

/** Loads in flight that other threads began which share the cache, as far as this thread waits for them. */
export class RemoteLoads<V> {
  readonly #shared: Shared<V>;
  readonly #runs = new Map<number, RemoteRun<V>>();

  constructor(shared: Shared<V>) {
    this.#shared = shared;
  }

  /** The flight of a load that was joined, with one run, which is elsewhere. */
  wait(load: number, key: string): Flight<V> {
    // Of another thread's nobody here knows when it began.
    const flight: Flight<V> = { load, before: -1, runs: [], holders: 0 };
    let settle!: Pick<RemoteRun<V>, 'resolve' | 'reject'>;
    const promise = new Promise<Outcome<V>>((resolve, reject) => {
      settle = { resolve, reject };
    });
    promise.catch(ignore);
    const run: RemoteRun<V> = {
      key,
      flight,
      promise,
      abort: new Abort(),
      terms: { options: {}, hasTtl: false, skipped: false, absent: false },
      stale: undefined,
      note: ignore,
      ended: false,
      ...settle,
    };
    flight.runs.push(run);
    this.#runs.set(load, run);
    this.#shared.engine.awaitOutcome(1);
    return flight;
  }

  /** Takes what other threads have ended; `ended` is called for each before its waiters go on. */
  take(ended: (flight: Flight<V>, run: Run<V>) => void): void {
    const { engine, values } = this.#shared;
    for (let outcome = engine.takeOutcome(); outcome !== undefined; outcome = engine.takeOutcome()) {
      const { load, kind, overtaken } = outcome;
      const run = this.#end(load);
      if (run === undefined) continue;
      ended(run.flight, run);
      if (kind === OUTCOME_FAILED) {
        run.reject(errorFrom(engine.readText()));
      } else if (kind === OUTCOME_VALUE) {
        const value = values.reader(engine.root, 0);
        // Not here: a deserializer may call the cache, or throw.
        run.resolve(Promise.resolve().then(() => ({ value: value(), overtaken, absent: false })));
      } else {
        // Of what nobody knows, another may know better.
        run.resolve({ value: undefined as V, overtaken, absent: kind === OUTCOME_GONE });
      }
    }
  }

  /** What this thread loaded for itself is also for those that still wait for the other. */
  settle(load: number, promise: Promise<Outcome<V>>): void {
    this.#end(load)?.resolve(promise);
  }

  /** Waits no more. Returns whether this thread waited for the load. */
  leave(load: number): boolean {
    return this.#end(load) !== undefined;
  }

  abort(reason: unknown): void {
    for (const load of [...this.#runs.keys()]) this.#end(load)?.reject(reason);
  }

  #end(load: number): RemoteRun<V> | undefined {
    const run = this.#runs.get(load);
    if (run === undefined) return undefined;
    this.#runs.delete(load);
    this.#shared.engine.awaitOutcome(-1);
    run.ended = true;
    return run;
  }
}
