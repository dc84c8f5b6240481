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

/** A lock that was granted. */
export interface Granted extends RemoteLock {
  /** Until when nobody else can have it, by the clock of `performance`. */
  readonly until: Milliseconds;
}

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
   * @throws ERR_TIERCEL_CLOCK if the server cannot tell that a token would be larger than those before,
   * ERR_TIERCEL_TIMEOUT also if it was over when the answer came
   */
  async acquire(id: string, ttl: Milliseconds, wait: Milliseconds, signal?: AbortSignal): Promise<Granted | undefined> {
    const owner = crypto.randomUUID();
    const end = performance.now() + wait;
    const { port, shards } = this.#commands;
    const releases = Releases.of(port, `${shards.prefixes[shards.ofName(id)]}${RELEASED}`);
    const waiter = releases.join(id);
    try {
      for (let pause = FIRST_WAIT; !signal?.aborted; pause = Math.min(pause * 2, MOST_WAIT)) {
        waiter.asks();
        // The server counts from when it is asked, which is later.
        const until = performance.now() + whole(ttl);
        const answer = await this.#ask(id, owner, ttl, signal);
        if (answer > 0) return this.#granted(id, owner, answer, until);
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
    const args = [id, owner, String(whole(ttl)), String(this.#token), String(Date.now())];
    let answer: string;
    try {
      answer = textOf(await this.#commands.run('lock', args, signal ? { call: { signal } } : {}));
    } catch (error) {
      // It may have been granted, or be yet, and nobody would hold it: what is sent after it takes effect after it.
      this.#letGo(id, owner).catch(ignore);
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

  async #extend(id: string, owner: string, ttl: Milliseconds): Promise<boolean> {
    return textOf(await this.#commands.run('extend', [id, owner, String(ttl)])) === '1';
  }

  async #letGo(id: string, owner: string): Promise<void> {
    await this.#extend(id, owner, 0);
  }

  /** Whether anybody holds it, and how long at most from now. */
  async heldFor(id: string): Promise<Milliseconds> {
    return Number(textOf(await this.#commands.run('held', [id])));
  }

  #granted(id: string, owner: string, token: number, until: Milliseconds): Granted {
    this.#token = Math.max(this.#token, token);
    if (performance.now() >= until) {
      this.#letGo(id, owner).catch(ignore);
      throw new TiercelError('ERR_TIERCEL_TIMEOUT', 'lock: its ttl was over when the answer of Redis came');
    }
    return {
      token,
      until,
      extend: (ttl) => this.#extend(id, owner, whole(ttl)),
      release: () => this.#letGo(id, owner),
    };
  }
}

const whole = (ttl: Milliseconds) => Math.max(1, Math.floor(ttl));
