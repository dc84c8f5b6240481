import type { Milliseconds } from '../duration.js';
import { decodeFrame, type Frame } from '../engine/frame.js';
import { entryOf, isPromise, type TierFault } from '../frames/entry.js';
import type { PayloadCodec, PayloadFault } from '../frames/payload.js';
import { ignore } from '../memory/flight.js';
import {
  Found,
  type RemoteCall,
  type RemoteEntry,
  type RemoteFound,
  type RemotePlace,
  type RemoteRead,
} from '../tiers/remote.js';
import { type Lease, leaseOf, NO_SOURCES, readArguments, type Sources } from './arguments.js';
import type { Barriers } from './barriers.js';
import { type Commands, textOf } from './commands.js';
import { type Claim, type Elsewhere, shardOf } from './elsewhere.js';
import type { Order } from './order.js';
import { askingPoint, takePoint, toBeTold } from './points.js';
import type { RedisBytes, RedisReply } from './port.js';
import { listOf } from './replies.js';
import { frameAt } from './value.js';

/** What a script answers in place of how long an entry is kept, of one that is not to be served. */
const MISSING = -2;
const DEAD = -3;
const FOREIGN = -4;

/** By which two times of the server are further apart than it took to ask for them. */
const ROUNDING: Milliseconds = 1;

const NOTHING: readonly RedisReply[] = [];

/** What Redis has of an entry, and what that is checked against. */
export class Answer {
  entry: RemoteEntry | undefined = undefined;
  lease: Lease | undefined = undefined;
  /** Whether nobody has judged yet if it may be served. */
  readonly isOpen: boolean;
  /** How long Redis keeps it, -1: for ever; or why there is no value. */
  left: Milliseconds;
  /** Changes of prefixes and patterns since, and keys that they are to be compared with. */
  barriers: readonly RedisReply[];
  /** Names and lists of other shards. */
  readonly elsewhere: readonly RedisReply[];
  value: RedisBytes | undefined;
  /** Where in the value the frame begins, after the scopes; -1 if that is not ours. */
  readonly frameAt: number;

  /** @param first what a script says before the value; see there */
  constructor(first: RedisReply | undefined, value: RedisBytes | undefined, wasOpen: boolean) {
    this.isOpen = wasOpen && value !== undefined;
    this.value = value;
    this.frameAt = value === undefined ? -1 : frameAt(value);
    if (typeof first === 'number') {
      this.left = first;
      this.barriers = NOTHING;
      this.elsewhere = NOTHING;
    } else {
      const [left, barriers, others] = listOf(first);
      this.left = Number(left);
      this.barriers = listOf(barriers);
      this.elsewhere = listOf(others);
    }
  }

  /** It turned out to be invalidated. */
  die(): void {
    this.left = DEAD;
    this.value = undefined;
  }
}

/** What became of entries that were asked for. */
interface Counts {
  hits: number;
  misses: number;
  /** There, but invalidated. */
  dead: number;
}

/** Asks for entries, and reads them. */
export class Reading {
  readonly counts: Counts = { hits: 0, misses: 0, dead: 0 };
  /** What was there and could not be read, by why. */
  readonly faults: Partial<Record<TierFault, number>> = {};
  readonly #commands: Commands;
  readonly #order: Order;
  readonly #codec: PayloadCodec;
  readonly #elsewhere: Elsewhere;
  readonly #barriers: Barriers;

  constructor(commands: Commands, order: Order, codec: PayloadCodec, elsewhere: Elsewhere, barriers: Barriers) {
    this.#commands = commands;
    this.#order = order;
    this.#codec = codec;
    this.#elsewhere = elsewhere;
    this.#barriers = barriers;
  }

  /** @param isOpen of each read whether what is there is left for the caller to judge, and to count: see {@link readArguments} */
  read(reads: readonly RemoteRead[], call: RemoteCall, isOpen: readonly boolean[] = []): Promise<readonly Answer[]> {
    const { shards } = this.#commands;
    return shards.ask(
      reads,
      ({ namespace, key }) => shards.of(namespace, key),
      (shard, some, at) =>
        this.#read(
          shard,
          some,
          call,
          at === undefined || isOpen.length === 0 ? isOpen : at.map((i) => isOpen[i] === true),
        ),
    );
  }

  async #read(
    shard: number,
    reads: readonly RemoteRead[],
    call: RemoteCall,
    isOpen: readonly boolean[],
  ): Promise<Answer[]> {
    const single = reads.length === 1 && isOpen[0] === true && this.#commands.isPipelined ? reads[0] : undefined;
    // With a lease it is one step, whatever is there.
    const found = single?.lease === false ? await this.#find(single) : undefined;
    const answers = found ?? (await this.#ask(shard, reads, call, isOpen));
    if (answers.some(({ elsewhere }) => elsewhere.length > 0)) await this.#askElsewhere(reads, answers, call);
    const decoding: Promise<void>[] = [];
    for (let i = 0; i < reads.length; i++) {
      const awaited = this.#look(reads[i] as RemoteRead, answers[i] as Answer);
      if (awaited !== undefined) decoding.push(awaited);
    }
    if (decoding.length > 0) await Promise.all(decoding);
    // Taken for fresh by the server, which cannot tell that it is of no use.
    const unleased: number[] = [];
    for (let i = 0; i < reads.length; i++) {
      const { isOpen, entry, lease } = answers[i] as Answer;
      if (isOpen) continue;
      this.counts[entry === undefined ? 'misses' : 'hits']++;
      if (reads[i]?.lease && lease === undefined && !((entry?.ttl ?? 0) > 0)) unleased.push(i);
    }
    if (unleased.length > 0) {
      const again = unleased.map((i): RemoteRead => ({ ...(reads[i] as RemoteRead), lease: true }));
      const late = await this.#ask(shard, again, call, []);
      for (const [i, at] of unleased.entries()) (answers[at] as Answer).lease = late[i]?.lease;
    }
    return answers;
  }

  /**
   * What is there for a single read, for the caller to judge: by commands, and not by the script. Undefined if that will not do:
   * another value came in between, so that the time is not that of the value, or what is there is not ours.
   */
  async #find({ namespace, key }: RemotePlace): Promise<Answer[] | undefined> {
    const commands = this.#commands;
    const name = commands.shards.nameOf(namespace, key);
    const began = performance.now();
    let reply: RedisReply;
    try {
      reply = await this.#order.send(undefined, () => commands.look(name));
    } catch (error) {
      if (isOfAnotherType(error)) return undefined;
      throw error;
    }
    const [before, value, after] = listOf(reply) as readonly [number, RedisBytes | null, number];
    if (value === null) return [new Answer(MISSING, undefined, true)];
    const passed = before - after;
    const isSame =
      after === -1 ? before === -1 : after >= 0 && passed >= 0 && passed <= performance.now() - began + ROUNDING;
    return isSame ? [new Answer(after, value, true)] : undefined;
  }

  /** What the script says of each read, with the leases that it gives. */
  async #ask(
    shard: number,
    reads: readonly RemoteRead[],
    call: RemoteCall,
    isOpen: readonly boolean[],
  ): Promise<Answer[]> {
    const elsewhere = this.#elsewhere;
    const sources = reads.map((one) => (one.lease ? elsewhere.sourcesOf(one, one.dependsOn) : NO_SOURCES));
    const isDivided = sources.some((own) => own.elsewhere.length > 0);
    const lending = isDivided
      ? elsewhere.lend(
          reads.map((one, i) => ({ ...one, sources: sources[i] as Sources })),
          call,
        )
      : undefined;
    lending?.catch(ignore);
    const told = toBeTold(this.#commands.shards, [call]);
    const args = askingPoint(readArguments(reads, sources, isOpen), told);
    const reply = takePoint(
      listOf(await this.#order.send(undefined, () => this.#commands.run('data', args, { shard, call }))),
      told,
    );
    const lent = await lending;
    const answers: Answer[] = [];
    for (let i = 0; i < reads.length; i++) {
      const value = (reply[2 * i + 1] ?? undefined) as RedisBytes | undefined;
      answers.push(new Answer(reply[2 * i], value, isOpen[i] === true));
    }
    for (let at = 2 * reads.length; at < reply.length; at++) {
      const [which, ...parts] = listOf(reply[at]);
      const i = Number(which) - 1;
      (answers[i] as Answer).lease = leaseOf(reads[i] as RemoteRead, sources[i] as Sources, lent?.[i] ?? [], parts);
    }
    return answers;
  }

  /** Whether what entries are made from in other shards is still what it was: else they are dead. */
  async #askElsewhere(reads: readonly RemoteRead[], answers: readonly Answer[], call: RemoteCall): Promise<void> {
    const of: Answer[] = [];
    const claims: Claim[] = [];
    for (const [i, answer] of answers.entries()) {
      const { elsewhere } = answer;
      for (let j = 0; j < elsewhere.length; j += 2) {
        of.push(answer);
        const { namespace } = reads[i] as RemoteRead;
        claims.push({ namespace, shard: shardOf(textOf(elsewhere[j])), scopes: elsewhere[j + 1] as Uint8Array });
      }
    }
    const judged = await this.#elsewhere.judge(claims, call);
    for (const [j, answer] of of.entries()) {
      const barriers = judged[j];
      if (barriers === undefined) answer.die();
      else answer.barriers = [...answer.barriers, ...barriers];
    }
  }

  /** Reads the entry that an answer has, if that can be. */
  #look(place: RemotePlace, answer: Answer): Promise<void> | undefined {
    const { left, value, frameAt, isOpen } = answer;
    if (value !== undefined && frameAt >= 0) return this.#decode(place, answer, value.subarray(frameAt));
    if (left === DEAD) this.counts.dead++;
    if (left === FOREIGN) this.#fault('foreign', isOpen);
    return undefined;
  }

  /** Takes what is in a frame, unless that cannot be read, or is invalidated. */
  #decode(place: RemotePlace, answer: Answer, bytes: Uint8Array): Promise<void> | undefined {
    const frame = decodeFrame(bytes, place);
    if (typeof frame === 'string') {
      this.#fault(frame, answer.isOpen);
      return undefined;
    }
    if (this.#barriers.bar(place.key, answer.barriers)) {
      this.counts.dead++;
      return undefined;
    }
    const decoded = this.#codec.decode(frame, frame);
    if (isPromise(decoded)) return Promise.resolve(decoded).then((awaited) => this.#take(frame, answer, awaited));
    this.#take(frame, answer, decoded);
    return undefined;
  }

  #take(frame: Frame, answer: Answer, decoded: { readonly value: unknown } | PayloadFault): void {
    if (typeof decoded === 'string') this.#fault(decoded, answer.isOpen);
    else {
      const { left } = answer;
      answer.entry = entryOf(frame, left < 0 ? Number.POSITIVE_INFINITY : left - frame.stale, decoded.value);
    }
  }

  /** Of what nobody has judged, Redis is asked once more. */
  #fault(fault: TierFault, isOpen: boolean): void {
    if (!isOpen) this.faults[fault] = (this.faults[fault] ?? 0) + 1;
  }
}

/** Answers as a tier gives them. */
export function foundOf(answers: readonly Answer[]): readonly RemoteFound[] {
  return answers.map(({ entry, lease }) => new Found(entry, lease));
}

function isOfAnotherType(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('WRONGTYPE');
}
