import type { Duration, Milliseconds } from '../duration.js';
import { TiercelError } from '../errors.js';
import { asInstant } from '../memory/arguments.js';
import { duration, number, read } from '../memory/readers.js';

export interface ActivityTtlOptions {
  /** Which part of the time since the last activity. 0 to 1, default 0.1. */
  fraction?: number;
  /** Default 30 seconds. */
  min?: Duration;
  /** Default 2 hours. */
  max?: Duration;
}

/**
 * Milliseconds that a value may live by when it last changed: a part of the time since, within limits. What changed a
 * minute ago will soon change again, what rested for a year will not (the heuristic of HTTP caches, RFC 9111, 4.2.2). So
 * the chat of this minute lives half a minute, that of last week two hours.
 * @param lastActivity by the wall clock; in the future is as now
 */
export function activityTtl(lastActivity: Date | Milliseconds, options?: ActivityTtlOptions): Milliseconds {
  const readers = { fraction: number(0, 1), min: duration, max: duration };
  const { fraction = 0.1, min = 30_000, max = 7_200_000 } = read(options, readers, 'options');
  if (min > max)
    throw new TiercelError(
      'ERR_TIERCEL_INVALID_OPTION',
      `min: got ${min} ms, more than max, ${max} ms; accepted: at most that`,
    );
  const since = Date.now() - asInstant(lastActivity, 'lastActivity');
  return Math.min(max, Math.max(min, Math.floor(fraction * since)));
}
