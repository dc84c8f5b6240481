import type { Milliseconds } from './duration.js';

/**
 * How long to wait before the next attempt: twice as long after each that failed, and less by chance, so that those who
 * failed together do not come back together (M. Brooker, "Exponential Backoff and Jitter", 2015).
 * @param failures attempts in a row that failed, but for the first
 * @param jitter the largest part of it that may be left out, 0 to 1
 */
export function backoff(failures: number, first: Milliseconds, longest: Milliseconds, jitter = 0.5): Milliseconds {
  return Math.min(first * 2 ** failures, longest) * (1 - jitter * Math.random());
}
