import { backoff } from '../backoff.js';
import type { Milliseconds } from '../duration.js';

const FIRST: Milliseconds = 50;
const LONGEST: Milliseconds = 5_000;

/** How long to wait before the next attempt, after so many that failed. */
export function delayOf(failures: number): Milliseconds {
  return backoff(failures, FIRST, LONGEST);
}
