import type { Milliseconds } from '../duration.js';
import { TiercelError } from '../errors.js';
import { isPromise } from '../frames/entry.js';
import type { Commands } from './commands.js';
import type { RedisReply } from './port.js';
import { listOf } from './replies.js';

/** Sends calls in the order in which they were made, though some have to be prepared; and knows the clocks of the servers. */
export class Order {
  readonly #commands: Commands;
  readonly #timeout: Milliseconds;
  /** By shard: the server's clock is ahead of this one by so much; a little less, as its answers are under way for a while. */
  readonly #clocks: (Milliseconds | undefined)[] = [];
  /** Ends when all calls that were made have been sent; undefined if they have. */
  #sending: Promise<void> | undefined;

  constructor(commands: Commands, timeout: Milliseconds) {
    this.#commands = commands;
    this.#timeout = timeout;
  }

  /** Sends a call when it is prepared and those before it are sent. */
  send<P, R>(prepared: P | PromiseLike<P>, send: (prepared: P) => Promise<R>): Promise<R> {
    if (this.#sending === undefined && !isPromise(prepared)) return send(prepared);
    const before = this.#sending;
    return new Promise((resolve, reject) => {
      const prepare = async () => {
        await before;
        return prepared;
      };
      const sending = prepare()
        .then((ready) => void send(ready).then(resolve, reject), reject)
        .then(() => {
          if (this.#sending === sending) this.#sending = undefined;
        });
      this.#sending = sending;
    });
  }

  /** Until when a call may take effect. One that a client keeps, and sends when it is connected again, would undo newer ones. */
  deadline(shard: number): Milliseconds {
    const clock = this.#clocks[shard];
    return clock === undefined ? 0 : performance.now() + clock + this.#timeout;
  }

  learnClock(shard: number): undefined | Promise<undefined> {
    if (this.#clocks[shard] !== undefined) return undefined;
    return this.#commands.run('data', ['write', '0'], { shard }).then((reply) => {
      this.answers(shard, listOf(reply));
      return undefined;
    });
  }

  /** What a script answers after the time. @throws if it came too late */
  answers(shard: number, reply: readonly RedisReply[]): readonly RedisReply[] {
    this.#clocks[shard] = Number(reply[0]) - performance.now();
    if (reply[1] === -1) throw tooLate();
    return reply.slice(1);
  }
}

export function tooLate(): TiercelError {
  return new TiercelError('ERR_TIERCEL_TIMEOUT', 'Redis: the call came too late to take effect');
}
