import type { Milliseconds } from '../duration.js';
import { startTimer } from '../timers.js';
import type { RemoteLock } from './remote.js';

interface Held {
  token: number;
  until: Milliseconds;
}

/** Locks among those that share this object, with the same meaning as those of a second tier. */
export class Locks {
  readonly #now: () => Milliseconds;
  readonly #held = new Map<string, Held>();
  readonly #waiting = new Map<string, Set<() => void>>();
  #token = 0;

  constructor(now: () => Milliseconds) {
    this.#now = now;
  }

  /** Undefined if another holds it for longer than `wait`, or the signal says to give up. */
  async acquire(
    name: string,
    ttl: Milliseconds,
    wait: Milliseconds,
    signal?: AbortSignal,
  ): Promise<RemoteLock | undefined> {
    const end = this.#now() + wait;
    while (!signal?.aborted) {
      const now = this.#now();
      const held = this.#held.get(name);
      if (held === undefined || held.until <= now) return this.#grant(name, ttl);
      if (now >= end) return undefined;
      await this.#freed(name, Math.min(end, held.until) - now, signal);
    }
    return undefined;
  }

  #grant(name: string, ttl: Milliseconds): RemoteLock {
    const own: Held = { token: ++this.#token, until: this.#now() + ttl };
    this.#held.set(name, own);
    const isHeld = () => this.#held.get(name) === own && this.#now() < own.until;
    return {
      token: own.token,
      extend: async (longer) => {
        const was = isHeld();
        if (was) own.until = this.#now() + longer;
        return was;
      },
      release: async () => {
        if (this.#held.get(name) !== own) return;
        this.#held.delete(name);
        const waiting = this.#waiting.get(name);
        this.#waiting.delete(name);
        for (const wake of waiting ?? []) wake();
      },
    };
  }

  /** Resolves when a lock is released, or after that time at the latest. */
  #freed(name: string, most: Milliseconds, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(name) ?? new Set();
      this.#waiting.set(name, waiting);
      const wake = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', wake);
        waiting.delete(wake);
        if (waiting.size === 0 && this.#waiting.get(name) === waiting) this.#waiting.delete(name);
        resolve();
      };
      waiting.add(wake);
      const timer = startTimer(wake, Math.max(1, most));
      signal?.addEventListener('abort', wake, { once: true });
    });
  }
}
