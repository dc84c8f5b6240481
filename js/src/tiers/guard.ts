import type { Milliseconds } from '../duration.js';
import { invalidReturn, TiercelError } from '../errors.js';
import { Abort } from '../memory/abort.js';
import { startTimer } from '../timers.js';
import { Breaker, type BreakerState } from './breaker.js';
import { InFlight } from './in-flight.js';
import type { RemoteCall } from './remote.js';
import { TimeLimit } from './time-limit.js';

/** Calls that may wait for an answer at a time: one that never answers must not fill the memory. */
const MOST_IN_FLIGHT = 1024;

export interface GuardOptions {
  readonly timeout: Milliseconds;
  readonly failures: number;
  readonly reset: Milliseconds;
  readonly now: () => Milliseconds;
  /** Told of each call that failed, with what it failed. Must not throw. */
  readonly onError: (operation: string, error: unknown) => void;
  readonly onState: (state: BreakerState) => void;
}

/** What became of the calls of a guard. */
export interface GuardCounts {
  calls: number;
  /** Those that rejected, threw, or answered nonsense; and those that took too long. */
  failures: number;
  timeouts: number;
  /** Not made, because the breaker was open or too many waited. */
  refused: number;
}

/**
 * Stands between a cache and what is not always there. A call through it ends within the timeout, whatever the
 * other side does, and never rejects: it has a result, or none.
 */
export class Guard {
  readonly counts: GuardCounts = { calls: 0, failures: 0, timeouts: 0, refused: 0 };
  readonly breaker: Breaker;
  readonly #open = new InFlight(MOST_IN_FLIGHT);
  readonly #options: GuardOptions;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.breaker = new Breaker(options.failures, options.reset, options.now, options.onState);
  }

  /** Calls that the other side has not answered, those that were given up among them. */
  get inFlight(): number {
    return this.#open.size;
  }

  /**
   * @param make an async function: whatever the other side does, this rejects
   * @param more how much longer than the timeout this call may take
   * @returns undefined if there is no result
   */
  call<T extends object>(
    operation: string,
    make: (call: RemoteCall) => Promise<T>,
    more: Milliseconds = 0,
  ): Promise<T | undefined> {
    if (this.#open.isFull || !this.breaker.allows()) {
      this.counts.refused++;
      return Promise.resolve(undefined);
    }
    this.counts.calls++;
    const isProbe = this.breaker.state === 'half-open';
    const turn = this.breaker.made();
    return new Promise((resolve) => {
      const abort = new Abort();
      // First of all: the rest is done while the other side works.
      const made = make(abort);
      const open = this.#open.begin(this.#options.timeout + more);
      let isOver = false;
      const end = (result: T | undefined, error: unknown) => {
        if (isOver) return;
        isOver = true;
        limit.end();
        clearTimeout(decision);
        if (result === undefined) {
          this.counts.failures++;
          if (isTimeout(error)) this.counts.timeouts++;
          this.#options.onError(operation, error);
        }
        if (result === undefined && !isNoFailure(error)) this.breaker.failed(turn);
        else this.breaker.succeeded();
        resolve(result);
      };
      const limit = new TimeLimit(this.#options.timeout + more, () => {
        open.isGivenUp = true;
        const error = new TiercelError('ERR_TIERCEL_TIMEOUT', `${operation}: no answer within the remoteTimeout`);
        end(undefined, error);
        abort.abort(error);
      });
      const decision =
        isProbe && more > 0 ? startTimer(() => this.breaker.undecided(), this.#options.timeout) : undefined;
      made.then(
        (result) => {
          this.#open.end(open);
          if (typeof result === 'object' && result !== null) end(result, undefined);
          else end(undefined, invalidReturn(operation, result, 'what the interface says'));
        },
        (error: unknown) => {
          this.#open.end(open);
          end(undefined, error);
        },
      );
    });
  }
}

/** Errors of one who is well: it does not take this value, or will not grant a lock. */
const REFUSALS: readonly unknown[] = ['ERR_TIERCEL_NOT_SERIALIZABLE', 'ERR_TIERCEL_CLOCK'];

/** Of the guard itself, or of one who has a time limit of his own. */
function isTimeout(error: unknown): boolean {
  return error instanceof TiercelError && error.code === 'ERR_TIERCEL_TIMEOUT';
}

function isNoFailure(error: unknown): boolean {
  return error instanceof TiercelError && REFUSALS.includes(error.code);
}

/** What answers must be: as many as were asked for. */
export function answers<T>(results: readonly T[], asked: number, operation: string): readonly T[] {
  if (Array.isArray(results) && results.length === asked) return results;
  throw invalidReturn(operation, results, `an array of ${asked} answers`);
}
