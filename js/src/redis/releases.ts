import type { Milliseconds } from '../duration.js';
import { LONGEST_DELAY } from '../timers.js';
import type { RedisPort, Subscription } from './port.js';

/** Of each client those that listen, by channel: all locks over it share a connection. */
const listening = new WeakMap<RedisPort, Map<string, Releases>>();

/** One that waits for a lock to be released. */
export class Waiter {
  readonly #leave: () => void;
  #isWoken = false;
  #wake: (() => void) | undefined;

  constructor(leave: () => void) {
    this.#leave = leave;
  }

  /** From now on a release is one to come back for. */
  asks(): void {
    this.#isWoken = false;
  }

  /** Resolves when the lock was released since {@link asks}, or after that time at the latest, or when the signal says so. */
  sleep(most: Milliseconds, signal: AbortSignal | undefined): Promise<void> {
    if (this.#isWoken || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', wake);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(wake, Math.min(most, LONGEST_DELAY));
      signal?.addEventListener('abort', wake, { once: true });
      this.#wake = wake;
    });
  }

  wake(): void {
    this.#isWoken = true;
    this.#wake?.();
  }

  leave(): void {
    this.#leave();
  }
}

/**
 * Hears which locks are released, on a connection that is there only while somebody waits. What it does not hear costs
 * time and nothing else, as those who wait ask again anyway.
 */
export class Releases {
  readonly #port: RedisPort;
  readonly #channel: string;
  readonly #waiters = new Map<string, Set<Waiter>>();
  #subscription: Subscription | undefined;
  #isUp = false;

  constructor(port: RedisPort, channel: string) {
    this.#port = port;
    this.#channel = channel;
  }

  static of(port: RedisPort, channel: string): Releases {
    const channels = listening.get(port) ?? new Map<string, Releases>();
    listening.set(port, channels);
    const known = channels.get(channel) ?? new Releases(port, channel);
    channels.set(channel, known);
    return known;
  }

  /** Whether a release would be heard now. */
  get isUp(): boolean {
    return this.#isUp;
  }

  join(id: string): Waiter {
    const waiters = this.#waiters.get(id) ?? new Set();
    this.#waiters.set(id, waiters);
    const waiter = new Waiter(() => {
      waiters.delete(waiter);
      if (waiters.size === 0 && this.#waiters.get(id) === waiters) this.#waiters.delete(id);
      if (this.#waiters.size === 0) this.#close();
    });
    waiters.add(waiter);
    return waiter;
  }

  /** Sees to it that there is a connection, or will be; a client over HTTP has none. */
  listen(): void {
    this.#subscription ??= this.#port.subscribe?.(this.#channel, {
      message: (id) => this.#wake(this.#waiters.get(id)),
      up: () => {
        this.#isUp = true;
        // What was released until now was not heard.
        for (const waiters of this.#waiters.values()) this.#wake(waiters);
      },
      down: () => {
        this.#isUp = false;
      },
    });
  }

  #wake(waiters: Iterable<Waiter> = []): void {
    for (const waiter of waiters) waiter.wake();
  }

  #close(): void {
    this.#subscription?.close();
    this.#subscription = undefined;
    this.#isUp = false;
  }
}
