import type { Milliseconds } from '../duration.js';

/** `closed`: calls go through. `open`: none does. `half-open`: one does, to see. */
export type BreakerState = 'closed' | 'open' | 'half-open';

/**
 * A circuit breaker: after a number of failures in a row nothing is tried for a while; then one call is let through,
 * and what becomes of it decides.
 */
export class Breaker {
  state: BreakerState = 'closed';
  /** How often it opened. */
  opened = 0;
  #failures = 0;
  #retryAt = 0;
  readonly #limit: number;
  readonly #reset: Milliseconds;
  readonly #now: () => Milliseconds;
  readonly #changed: (state: BreakerState) => void;

  /** @param limit failures in a row that open it @param reset how long it stays open */
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
    return this.state === 'closed' || this.#now() >= this.#retryAt;
  }

  succeeded(): void {
    this.#failures = 0;
    // A call from before it opened says nothing of how things are now.
    if (this.state === 'half-open') this.#become('closed');
  }

  failed(): void {
    this.#failures++;
    if (this.state === 'closed' && this.#failures < this.#limit) return;
    this.#retryAt = this.#now() + this.#reset;
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
