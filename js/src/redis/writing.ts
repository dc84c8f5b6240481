import { encodeFrame } from '../engine/frame.js';
import { frameOf, isPromise } from '../frames/entry.js';
import type { Payload, PayloadCodec } from '../frames/payload.js';
import type { RemoteCall, RemoteWrite } from '../tiers/remote.js';
import { addWriteArguments, type Lease, lifeOf, type Sources } from './arguments.js';
import type { Commands } from './commands.js';
import type { Elsewhere } from './elsewhere.js';
import type { Order } from './order.js';
import { Asked, callOf, Parts } from './parts.js';
import { askingPoint, takePoint, toBeTold } from './points.js';
import type { RedisArgument } from './port.js';
import { listOf } from './replies.js';

/** One write of a call. */
interface Part {
  readonly write: RemoteWrite;
  readonly sources: Sources;
  /** Whether each of its writes is stored. */
  readonly of: Asked<boolean>;
  readonly at: number;
  frame: Uint8Array | undefined;
  /** How much of it is not prepared yet, or could not be. */
  waits: number;
  /** Names and lists of other shards. */
  elsewhere: readonly RedisArgument[];
}

/** Writes, of which those of one turn go out together. What is sent otherwise must come after them: {@link flush}. */
export class Writing {
  readonly #commands: Commands;
  readonly #order: Order;
  readonly #codec: PayloadCodec;
  readonly #elsewhere: Elsewhere;
  readonly #parts = new Parts<Part>(() => this.flush());
  /** What they have to wait for. */
  #preparing: Promise<unknown>[] = [];

  constructor(commands: Commands, order: Order, codec: PayloadCodec, elsewhere: Elsewhere) {
    this.#commands = commands;
    this.#order = order;
    this.#codec = codec;
    this.#elsewhere = elsewhere;
  }

  /** Takes the values as they are now. */
  write(writes: readonly RemoteWrite[], call: RemoteCall): Promise<readonly boolean[]> {
    if (writes.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      const of = new Asked<boolean>(call, resolve, reject);
      of.left = writes.length;
      const now = Date.now();
      const parts = writes.map((write, at): Part => {
        const { namespace, key, entry } = write;
        const sources = this.#elsewhere.sourcesOf(write, entry.dependsOn);
        const part: Part = { write, sources, of, at, frame: undefined, waits: 0, elsewhere: [] };
        const payload = this.#codec.encode(entry.value, { namespace, key });
        const seal = (encoded: Payload) => {
          part.frame = encodeFrame(frameOf({ namespace, key }, entry, encoded, now));
        };
        if (isPromise(payload)) this.#prepare(part, Promise.resolve(payload).then(seal));
        else seal(payload);
        if (sources.elsewhere.length > 0 && write.lease === undefined) this.#prepare(part, this.#lend(part));
        return part;
      });
      const { shards } = this.#commands;
      for (const part of parts) this.#parts.add(shards.of(part.write.namespace, part.write.key), part);
    });
  }

  #prepare(part: Part, preparing: Promise<void>): void {
    part.waits++;
    const done = () => {
      part.waits--;
    };
    this.#preparing.push(preparing.then(done, part.of.reject));
  }

  async #lend(part: Part): Promise<void> {
    const [lent] = await this.#elsewhere.lend([{ ...part.write, sources: part.sources }], part.of.call);
    part.elsewhere = lent as RedisArgument[];
  }

  /** Sends what was gathered. */
  flush(): void {
    const preparing = this.#preparing;
    this.#preparing = [];
    for (const { shard, parts } of this.#parts.take()) {
      const clock = parts.some(({ write }) => write.lease === undefined) ? this.#order.learnClock(shard) : undefined;
      const prepared = preparing.length > 0 || clock !== undefined ? Promise.all([clock, ...preparing]) : undefined;
      this.#send(shard, parts, prepared);
    }
  }

  #send(shard: number, parts: readonly Part[], prepared: undefined | Promise<unknown>): void {
    const call = callOf(parts);
    let due: readonly Part[] = [];
    const told = toBeTold(
      this.#commands.shards,
      parts.map(({ of }) => of.call),
    );
    const sent = this.#order.send(prepared, () => {
      due = parts.filter(({ waits }) => waits === 0);
      const args: RedisArgument[] = ['write', String(due.length)];
      for (const { write, frame, sources, elsewhere } of due)
        addWriteArguments(args, write, frame as Uint8Array, sources, elsewhere);
      this.#keep(due);
      // What a lease covers is compared anyway, however late it comes.
      const isLeased = due.every(({ write }) => write.lease !== undefined);
      return this.#commands.run('data', askingPoint(args, told), {
        shard,
        call,
        deadline: isLeased ? 0 : this.#order.deadline(shard),
      });
    });
    sent
      .then((reply) => {
        const answers = takePoint(this.#order.answers(shard, listOf(reply)), told);
        for (const [i, { of, at }] of due.entries()) of.answered(at, answers[i] === 1);
      })
      .catch((error: unknown) => {
        for (const { of } of parts) of.reject(error);
      });
  }

  /** What entries are checked against in other shards has to stay there as long. */
  #keep(parts: readonly Part[]): void {
    for (const { write, elsewhere } of parts) {
      const lists = (write.lease as Lease | undefined)?.elsewhere ?? elsewhere;
      if (lists.length > 0) this.#elsewhere.keep(lists, lifeOf(write.entry));
    }
  }
}
