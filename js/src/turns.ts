import type { Milliseconds } from './duration.js';
import { TiercelError } from './errors.js';
import { LONGEST_DELAY } from './timers.js';

interface Ticket {
  /** Looks again whether it is its turn. */
  wake: () => void;
  /** Another has taken its turn, which came after it. */
  isOvertaken: boolean;
}

/**
 * Lets several do something one after the other, in the order in which they came, though some of them may be gone: in a
 * Worker a promise that was made in a request is never settled once that has ended. So nobody waits for longer than what
 * is being done may take, by a timer of its own; and of those that wait nobody depends on the one before.
 */
export class Turns {
  /** Until when what is being done counts as such. */
  #taken: { readonly until: Milliseconds } | undefined;
  readonly #waiting = new Set<Ticket>();

  /**
   * Waits for one's turn; resolves with what must be called at its end.
   * @param until asked when it begins: from then on others go on without it, by `performance.now()`
   * @throws ERR_TIERCEL_UNAVAILABLE if one that came later has had its turn: then it is too late for this one
   */
  async take(until: (now: Milliseconds) => Milliseconds): Promise<() => void> {
    const turn = { until: 0 };
    const isOvertaken = await this.#come((ticket) => {
      turn.until = until(performance.now());
      this.#taken = turn;
      for (const other of this.#waiting) {
        if (other === ticket) break;
        // Not there any more, or not yet awake.
        this.#waiting.delete(other);
        other.isOvertaken = true;
      }
    });
    if (isOvertaken)
      throw new TiercelError('ERR_TIERCEL_UNAVAILABLE', 'a later change took effect before this one could');
    return () => {
      if (this.#taken !== turn) return;
      this.#taken = undefined;
      for (const ticket of [...this.#waiting]) ticket.wake();
    };
  }

  /** Waits for those that came before, without a turn of one's own. */
  async pass(): Promise<void> {
    await this.#come(() => undefined);
  }

  /** @param begin called when it is its turn, in the same step @returns whether it never will be */
  async #come(begin: (ticket: Ticket | undefined) => void): Promise<boolean> {
    if (!this.#isTaken() && this.#waiting.size === 0) {
      begin(undefined);
      return false;
    }
    const ticket: Ticket = { wake: () => undefined, isOvertaken: false };
    this.#waiting.add(ticket);
    // Those that have just been woken come first.
    await undefined;
    while (this.#isTaken() && !ticket.isOvertaken) await this.#woken(ticket);
    if (!ticket.isOvertaken) begin(ticket);
    this.#waiting.delete(ticket);
    return ticket.isOvertaken;
  }

  #isTaken(): boolean {
    return this.#taken !== undefined && performance.now() < this.#taken.until;
  }

  #woken(ticket: Ticket): Promise<void> {
    return new Promise((resolve) => {
      const left = (this.#taken?.until ?? 0) - performance.now();
      const timer = setTimeout(resolve, Math.min(Math.max(1, left), LONGEST_DELAY));
      ticket.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
