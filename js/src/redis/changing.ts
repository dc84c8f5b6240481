import type { Change } from '../tiers/change.js';
import type { RemoteCall } from '../tiers/remote.js';
import { changeArguments } from './arguments.js';
import type { Commands } from './commands.js';
import type { Order } from './order.js';
import { Asked, callOf, Parts } from './parts.js';
import { askingPoint, takePoint, toBeTold } from './points.js';
import type { RedisArgument } from './port.js';
import { listOf } from './replies.js';

/** One change of a call, for one shard. */
interface Part {
  readonly args: readonly RedisArgument[];
  /** How many entries each of its changes concerned. */
  readonly of: Asked<number>;
  readonly at: number;
}

/** Changes, of which those of one turn go out together. What is sent otherwise must come after them: {@link flush}. */
export class Changing {
  readonly #commands: Commands;
  readonly #order: Order;
  readonly #parts = new Parts<Part>(() => this.flush());

  constructor(commands: Commands, order: Order) {
    this.#commands = commands;
    this.#order = order;
  }

  /** What concerns a key is told to the shard that it is in, all else to all of them: acknowledged once each of them has it. */
  change(changes: readonly Change[], call: RemoteCall): Promise<readonly number[]> {
    if (changes.length === 0) return Promise.resolve([]);
    const { shards } = this.#commands;
    return new Promise((resolve, reject) => {
      const of = new Asked<number>(call, resolve, reject);
      for (const [at, change] of changes.entries()) {
        const part: Part = { args: changeArguments(change), of, at };
        if ('key' in change) this.#add(shards.of(change.namespace, change.key), part);
        else for (let shard = 0; shard < shards.count; shard++) this.#add(shard, part);
      }
    });
  }

  #add(shard: number, part: Part): void {
    part.of.left++;
    this.#parts.add(shard, part);
  }

  /** Sends what was gathered. */
  flush(): void {
    for (const { shard, parts } of this.#parts.take()) this.#send(shard, parts);
  }

  #send(shard: number, parts: readonly Part[]): void {
    const call = callOf(parts);
    const told = toBeTold(
      this.#commands.shards,
      parts.map(({ of }) => of.call),
    );
    const args: RedisArgument[] = ['change', String(parts.length)];
    for (const part of parts) args.push(...part.args);
    this.#order
      .send(undefined, () => this.#commands.run('data', askingPoint(args, told), { shard, call }))
      .then((reply) => {
        const answers = takePoint(listOf(reply), told);
        for (const [i, { of, at }] of parts.entries()) of.answered(at, (of.answers[at] ?? 0) + Number(answers[i]));
      })
      .catch((error: unknown) => {
        for (const { of } of parts) of.reject(error);
      });
  }
}
