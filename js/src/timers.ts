import type { Milliseconds } from './duration.js';
import { invalidOption } from './errors.js';

/** A clock and its timers. Give your own to those who take one to have time pass as you say, in tests. */
export interface Timers {
  /** Milliseconds of a clock that never goes back. */
  now(): Milliseconds;
  /** Calls `callback` once, when `delay` has passed by {@link now}; returns what {@link clearTimeout} takes. */
  setTimeout(callback: () => void, delay: Milliseconds): unknown;
  clearTimeout(timer: unknown): void;
}

/** Longest delay that a timer of the platform can be told. */
export const LONGEST_DELAY: Milliseconds = 0x7fffffff;

export const platformTimers: Timers = {
  now: () => performance.now(),
  setTimeout: (callback, delay) => setTimeout(callback, delay),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};

/** At module scope of a Worker there are no timers; then there is no limit either. */
export function startTimer(callback: () => void, ms: Milliseconds): ReturnType<typeof setTimeout> | undefined {
  try {
    // Longer than a timer can be told is as good as no limit.
    return ms > LONGEST_DELAY ? undefined : setTimeout(callback, ms);
  } catch {
    return undefined;
  }
}

/**
 * Calls back once what has arrived was read; undefined where there is no such thing. As it was when this was loaded:
 * somebody's tests may have a clock of their own, which is no matter of what has arrived.
 */
export const { setImmediate: afterInput } = globalThis as { setImmediate?: (callback: () => void) => unknown };

/** Where timers keep a process alive: not for the sake of this one. */
export function unref<T>(timer: T): T {
  (timer as { unref?(): void } | undefined)?.unref?.();
  return timer;
}

export function readTimers(value: unknown, name: string): Timers {
  const { now, setTimeout, clearTimeout } = (typeof value === 'object' && value !== null ? value : {}) as Timers;
  if (typeof now === 'function' && typeof setTimeout === 'function' && typeof clearTimeout === 'function')
    return value as Timers;
  throw invalidOption(name, value, 'an object with functions now, setTimeout and clearTimeout');
}

/** Resolves when `delay` has passed, or at once when the signal is aborted. */
export function pause(timers: Timers, delay: Milliseconds, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      timers.clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = timers.setTimeout(done, Math.min(delay, LONGEST_DELAY));
    signal?.addEventListener('abort', done, { once: true });
  });
}
