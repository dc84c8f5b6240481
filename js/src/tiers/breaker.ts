import { backoff } from '../backoff.js';
import type { Milliseconds } from '../duration.js';
import { atEndOfTurn } from './end-of-turn.js';

/** `closed`: calls go through. `open`: none does. `half-open`: one does, to see. */
export type BreakerState = 'closed' | 'open' | 'half-open';

/** It stays open for so many times the first time at most. */
const LONGEST = 4;

/**
 * A circuit breaker: after a number of failures in a row nothing is tried for a while; then one call is let through,
 * and what becomes of it decides. If that fails it waits for longer, up to {@link LONGEST} times as long, and always for
 * less by up to a half, by chance: a server that comes back is not asked by all at once. Calls that were made in one turn
 * are one failure: a thousand that were too many at once say no more than one of them.
 */
export class Breaker {
  state: BreakerState = 'closed';
  /** How often it opened. */
  opened = 0;
  #inARow = 0;
  /** Calls in a row that were let through to see, and failed. */
  #tries = 0;
  #retryAt = 0;
  /** The number of this turn, or of the last in which there was a call; and that of the last that was counted as a failure. */
  #turn = 0;
  #isTurn = false;
  #counted = 0;
  readonly #limit: number;
  readonly #reset: Milliseconds;
  readonly #now: () => Milliseconds;
  readonly #changed: (state: BreakerState) => void;

  /** @param limit failures in a row that open it @param reset how long it stays open the first time, at most */
  constructor(limit: number, reset: Milliseconds, now: () => Milliseconds, changed: (state: BreakerState) => void) {
    this.#limit = limit;
    this.#reset = reset;
    this.#now = now;
    this.#changed = changed;
  }

  /** Whether a call may be made now. If so, `succeeded` or `failed` must follow, or `undecided` before that. */
  allows(): boolean {
    if (this.state === 'closed') return true;
    if (!this.isReady) return false;
    // Whoever makes the call may be gone before it ends, as the requests of a Worker are: then another one is let through.
    this.#retryAt = this.#now() + this.#reset;
    if (this.state === 'open') this.#become('half-open');
    return true;
  }

  /** Whether a call would be let through, without making it. */
  get isReady(): boolean {
    return this.readyIn === 0;
  }

  /** How long it will be until a call is let through. */
  get readyIn(): Milliseconds {
    return this.state === 'closed' ? 0 : Math.max(0, this.#retryAt - this.#now());
  }

  succeeded(): void {
    this.#inARow = 0;
    // A call from before it opened says nothing of how things are now.
    if (this.state !== 'half-open') return;
    this.#tries = 0;
    this.#become('closed');
  }

  /** A call is made: gives what {@link failed} takes. */
  made(): number {
    if (this.#isTurn) return this.#turn;
    this.#isTurn = true;
    atEndOfTurn(() => {
      this.#isTurn = false;
    });
    return ++this.#turn;
  }

  failed(turn = this.made()): void {
    const isClosed = this.state === 'closed';
    if (isClosed && turn <= this.#counted) return;
    this.#counted = Math.max(turn, this.#counted);
    this.#inARow++;
    if (isClosed && this.#inARow < this.#limit) return;
    if (this.state === 'half-open') this.#tries++;
    this.#retryAt = this.#now() + backoff(this.#tries, this.#reset, LONGEST * this.#reset);
    if (this.state === 'open') return;
    this.opened++;
    this.#become('open');
  }

  /** The call that was let through to see may take long: another may be made to see meanwhile. */
  undecided(): void {
    if (this.state !== 'half-open') return;
    this.#retryAt = this.#now();
    this.#become('open');
  }

  #become(state: BreakerState): void {
    this.state = state;
    this.#changed(state);
  }
}
