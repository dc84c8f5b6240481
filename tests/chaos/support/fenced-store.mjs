// A store for those who hold a lock: it takes what comes with a fence that is no older than the newest it has seen.
import { now } from './clock.mjs';

export class FencedStore {
  /** The newest fence of each lock, and when it came first. @type {Map<string, { token: number, since: number }>} */
  #newest = new Map();

  /**
   * What becomes of a write, for the log.
   * @param {string} process @param {{ lock: string, token: number, asked: number, isLate?: boolean }} write asked: when the
   *   writer asked for the lock
   */
  write(process, { lock, token, asked, isLate = false }) {
    const at = now();
    const newest = this.#newest.get(lock);
    const isAccepted = newest === undefined || token >= newest.token;
    if (newest === undefined || token > newest.token) this.#newest.set(lock, { token, since: at });
    return { type: 'fenced', process, lock, token, asked, isLate, at, isAccepted, ...(!isAccepted && { newest }) };
  }
}
