import type { Milliseconds } from '../duration.js';

const FIRST: Milliseconds = 50;
const LONGEST: Milliseconds = 5_000;

/** How long to wait before the next attempt, after so many that failed: twice as long each time, scattered by half. */
export function delayOf(failures: number): Milliseconds {
  return Math.min(LONGEST, FIRST * 2 ** failures) * (0.5 + Math.random() / 2);
}
