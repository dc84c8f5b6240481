import type { Milliseconds } from '../duration.js';
import { TiercelError } from '../errors.js';
import { ignore } from '../memory/flight.js';
import type { RemoteLock } from '../tiers/remote.js';
import { type Commands, textOf } from './commands.js';
import { RELEASED } from './lock-scripts.js';
import { Releases } from './releases.js';

/** How long to wait before a lock that another holds is asked for again; more each time, and scattered. */
const FIRST_WAIT: Milliseconds = 10;
const MOST_WAIT: Milliseconds = 100;
/** The same while releases are heard of, for those that are not: a message may be lost. */
const HEARING_WAIT: Milliseconds = 1_000;

/** Locks in Redis: each has an owner that nobody can guess, and ends by itself. */
export class RedisLocks {
  readonly #commands: Commands;
  /** The largest token seen: the next is larger though the server forgets. */
  #token = 0;

  constructor(commands: Commands) {
    this.#commands = commands;
  }

  /**
   * Undefined if another holds it for longer than `wait`, or the signal says to give up.
   * @throws ERR_TIERCEL_CLOCK if the server cannot tell that a token would be larger than those before
   */
  async acquire(
    id: string,
    ttl: Milliseconds,
    wait: Milliseconds,
    signal?: AbortSignal,
  ): Promise<RemoteLock | undefined> {
    const owner = crypto.randomUUID();
    const end = performance.now() + wait;
    const { port, shards } = this.#commands;
    const releases = Releases.of(port, `${shards.prefixes[shards.ofName(id)]}${RELEASED}`);
    const waiter = releases.join(id);
    try {
      for (let pause = FIRST_WAIT; !signal?.aborted; pause = Math.min(pause * 2, MOST_WAIT)) {
        waiter.asks();
        const answer = await this.#ask(id, owner, ttl, signal);
        if (answer > 0) return this.#held(id, owner, answer);
        const left = end - performance.now();
        if (left <= 0) return undefined;
        releases.listen();
        const most = releases.isUp ? HEARING_WAIT : pause;
        // At the latest when it ends by itself, of which nobody is told.
        await waiter.sleep(Math.min(left, -answer, most * (0.5 + Math.random())), signal);
      }
      return undefined;
    } finally {
      waiter.leave();
    }
  }

  /** A token, or the negative of how long another holds it at most. */
  async #ask(id: string, owner: string, ttl: Milliseconds, signal: AbortSignal | undefined): Promise<number> {
    const args = [id, owner, whole(ttl), String(this.#token), String(Date.now())];
    let answer: string;
    try {
      answer = textOf(await this.#commands.run('lock', args, signal ? { call: { signal } } : {}));
    } catch (error) {
      // It may have been granted, or be yet, and nobody would hold it: what is sent after it takes effect after it.
      this.#extend(id, owner, '0').catch(ignore);
      throw error;
    }
    if (!answer.startsWith('CLOCK')) return Number(answer);
    const ahead = Number(answer.slice('CLOCK'.length));
    throw new TiercelError(
      'ERR_TIERCEL_CLOCK',
      `lock: Redis has not kept which tokens it gave, and its clock is ${Math.abs(ahead)} ms ${ahead > 0 ? 'ahead of' : 'behind'} ` +
        'the one here, so that the next might be no larger: set the clocks',
    );
  }

  async #extend(id: string, owner: string, ttl: string): Promise<boolean> {
    return textOf(await this.#commands.run('extend', [id, owner, ttl])) === '1';
  }

  /** Whether anybody holds it, and how long at most from now. */
  async heldFor(id: string): Promise<Milliseconds> {
    return Number(textOf(await this.#commands.run('held', [id])));
  }

  #held(id: string, owner: string, token: number): RemoteLock {
    this.#token = Math.max(this.#token, token);
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
