import type { Milliseconds } from '../duration.js';
import { ignore } from '../memory/flight.js';
import type { RemoteLock } from '../tiers/remote.js';
import { LONGEST_DELAY } from '../timers.js';
import { type Commands, textOf } from './commands.js';

/** How long to wait before a lock that another holds is asked for again; more each time, and scattered. */
const FIRST_WAIT: Milliseconds = 10;
const MOST_WAIT: Milliseconds = 100;
/** Most locks of which the last token is remembered here. */
const MOST_TOKENS = 10_000;

/** Locks in Redis: each has an owner that nobody can guess, and ends by itself. */
export class RedisLocks {
  readonly #commands: Commands;
  /** The largest tokens seen, so that they grow here even if the server forgets and its clock is set back. */
  readonly #tokens = new Map<string, number>();

  constructor(commands: Commands) {
    this.#commands = commands;
  }

  /** Undefined if another holds it for longer than `wait`, or the signal says to give up. */
  async acquire(
    id: string,
    ttl: Milliseconds,
    wait: Milliseconds,
    signal?: AbortSignal,
  ): Promise<RemoteLock | undefined> {
    const owner = crypto.randomUUID();
    const end = performance.now() + wait;
    for (let pause = FIRST_WAIT; !signal?.aborted; pause = Math.min(pause * 2, MOST_WAIT)) {
      const token = await this.#ask(id, owner, ttl, signal);
      if (token > 0) return this.#held(id, owner, token);
      const left = end - performance.now();
      if (left <= 0) return undefined;
      await sleep(Math.min(left, -token, pause * (0.5 + Math.random())), signal);
    }
    return undefined;
  }

  /** A token, or the negative of how long another holds it. */
  async #ask(id: string, owner: string, ttl: Milliseconds, signal: AbortSignal | undefined): Promise<number> {
    const floor = this.#tokens.get(id) ?? 0;
    try {
      const call = signal ? { call: { signal } } : {};
      return Number(textOf(await this.#commands.run('lock', [id, owner, whole(ttl), String(floor)], call)));
    } catch (error) {
      // It may have been granted, or be yet, and nobody would hold it: what is sent after it takes effect after it.
      this.#extend(id, owner, '0').catch(ignore);
      throw error;
    }
  }

  async #extend(id: string, owner: string, ttl: string): Promise<boolean> {
    return textOf(await this.#commands.run('extend', [id, owner, ttl])) === '1';
  }

  /** Whether anybody holds it, and how long at most from now. */
  async heldFor(id: string): Promise<Milliseconds> {
    return Number(textOf(await this.#commands.run('held', [id])));
  }

  #held(id: string, owner: string, token: number): RemoteLock {
    this.#tokens.delete(id);
    this.#tokens.set(id, token);
    if (this.#tokens.size > MOST_TOKENS) this.#tokens.delete(this.#tokens.keys().next().value as string);
    return {
      token,
      extend: (ttl) => this.#extend(id, owner, whole(ttl)),
      release: async () => {
        await this.#extend(id, owner, '0');
      },
    };
  }
}

const whole = (ttl: Milliseconds) => Math.max(1, Math.floor(ttl)).toFixed(0);

function sleep(ms: Milliseconds, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', wake);
      resolve();
    };
    const timer = setTimeout(wake, Math.min(ms, LONGEST_DELAY));
    signal?.addEventListener('abort', wake, { once: true });
  });
}
