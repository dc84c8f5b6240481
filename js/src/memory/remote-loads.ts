import { OUTCOME_FAILED, OUTCOME_GONE, OUTCOME_VALUE } from '../engine/sharding.js';
import { errorFrom } from './error-text.js';
import { Flight, Outcome, Run } from './flight.js';
import type { Shared } from './shared.js';

/** Loads in flight that other threads began which share the cache, as far as this thread waits for them. */
export class RemoteLoads<V> {
  readonly #shared: Shared<V>;
  readonly #runs = new Map<number, Run<V>>();

  constructor(shared: Shared<V>) {
    this.#shared = shared;
  }

  /** The flight of a load that was joined, with one run, which is elsewhere. */
  wait(load: number, key: string): Flight<V> {
    // Of another thread's nobody here knows when it began.
    const flight = new Flight<V>(load, -1, 0);
    const run = new Run(key, flight, {});
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
        run.resolve(Promise.resolve().then(() => new Outcome(value(), overtaken, false)));
      } else {
        // Of what nobody knows, another may know better.
        run.resolve(new Outcome(undefined as V, overtaken, kind === OUTCOME_GONE));
      }
    }
  }

  /** What this thread loaded for itself is also for those that still wait for the other. */
  settle(own: Run<V>): void {
    this.#end(own.flight.load)?.resolve(own.promise);
  }

  /** Waits no more. Returns whether this thread waited for the load. */
  leave(load: number): boolean {
    return this.#end(load) !== undefined;
  }

  abort(reason: unknown): void {
    for (const load of [...this.#runs.keys()]) this.#end(load)?.reject(reason);
  }

  #end(load: number): Run<V> | undefined {
    const run = this.#runs.get(load);
    if (run === undefined) return undefined;
    this.#runs.delete(load);
    this.#shared.engine.awaitOutcome(-1);
    run.ended = true;
    return run;
  }
}
