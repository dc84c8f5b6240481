import type { Milliseconds } from '../duration.js';
import { invalidReturn } from '../errors.js';

/**
 * Monotonic milliseconds since the first reading that was not 0. At module scope of a Worker the platform's
 * clock stands at 0; counting from its first move keeps the times of entries that were set there.
 */
export function platformClock(): () => Milliseconds {
  let start = 0;
  return () => {
    const now = performance.now();
    if (start === 0) start = now;
    return now - start;
  };
}

/** A clock of the user's, checked: a wrong reading must not make entries immortal. */
export function userClock(now: () => unknown): () => Milliseconds {
  return () => {
    const reading = now();
    if (typeof reading === 'number' && reading >= 0 && reading <= Number.MAX_SAFE_INTEGER) return reading;
    throw invalidReturn('now', reading, 'a number of milliseconds from 0 to 2^53 - 1');
  };
}
