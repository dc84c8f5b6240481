import type { Milliseconds } from '../duration.js';
import { type Listed, OpenList } from './open-list.js';

/** A call that was not answered yet. */
export interface OpenCall extends Listed {
  /** When it was to be given up. */
  readonly until: Milliseconds;
  /** It was: its answer may still come. */
  isGivenUp: boolean;
}

/** How late a timer may be that is still to be expected. */
const LATEST_TIMER: Milliseconds = 60_000;

/**
 * Calls that were not answered, those that were given up among them: so that a server that never answers does not fill
 * the memory. What a request of a Worker leaves open when it ends is not answered and not given up either: it is forgotten
 * when there would be too many.
 */
export class InFlight {
  readonly #calls = new OpenList<OpenCall>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#calls.size;
  }

  /** O(1), but O(calls) where it is. */
  get isFull(): boolean {
    if (this.#calls.size < this.#most) return false;
    const gone = performance.now() - LATEST_TIMER;
    for (const call of this.#calls.all()) if (!call.isGivenUp && call.until < gone) this.#calls.delete(call);
    return this.#calls.size >= this.#most;
  }

  /** @param patience after how long it will be given up */
  begin(patience: Milliseconds): OpenCall {
    const call = { until: performance.now() + patience, isGivenUp: false, place: -1 };
    this.#calls.add(call);
    return call;
  }

  end(call: OpenCall): void {
    this.#calls.delete(call);
  }
}
