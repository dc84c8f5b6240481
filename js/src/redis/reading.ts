import type { Milliseconds } from '../duration.js';
import { decodeFrame, type Frame } from '../engine/frame.js';
import { entryOf, isPromise, type TierFault } from '../frames/entry.js';
import type { PayloadCodec, PayloadFault } from '../frames/payload.js';
import { ignore } from '../memory/flight.js';
import type { RemoteCall, RemoteEntry, RemoteFound, RemotePlace, RemoteRead } from '../tiers/remote.js';
import { type Lease, leaseOf, NO_SOURCES, readArguments, type Sources } from './arguments.js';
import type { Barriers } from './barriers.js';
import { type Commands, textOf } from './commands.js';
import { type Claim, type Elsewhere, shardOf } from './elsewhere.js';
import type { Order } from './order.js';
import { askingPoint, takePoint, toBeTold } from './points.js';
import type { RedisBytes, RedisReply } from './port.js';
import { listOf } from './replies.js';
import { splitValue } from './value.js';

/** What a script answers in place of how long an entry is kept, of one that is not to be served. */
const DEAD = -3;
const FOREIGN = -4;

/** What a script says of an entry; see there. */
interface Said {
  readonly left: Milliseconds;
  readonly barriers: readonly RedisReply[];
  /** Names and lists of other shards. */
  readonly elsewhere: readonly RedisReply[];
  readonly value: RedisBytes | undefined;
}

const NOTHING: readonly RedisReply[] = [];

/** What Redis has, and what it is checked against. */
export interface Answer extends RemoteFound {
  /** Names and tokens, packed, of what is there. */
  readonly scopes: RedisBytes | undefined;
  /** Whether nobody has judged yet if it may be served. */
  readonly isOpen: boolean;
  /** Whether its namespace had no changes of prefixes and patterns since. */
  readonly isLast: boolean;
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
        this.#read(shard, some, call, isOpen.length === 0 ? isOpen : at.map((i) => isOpen[i] === true)),
    );
  }

  async #read(
    shard: number,
    reads: readonly RemoteRead[],
    call: RemoteCall,
    isOpen: readonly boolean[],
  ): Promise<Answer[]> {
    const { said, leases } = await this.#ask(shard, reads, call, isOpen);
    const isDivided = said.some(({ elsewhere }) => elsewhere.length > 0);
    if (isDivided) await this.#askElsewhere(reads, said, call);
    const open = said.map(({ value }, i) => isOpen[i] === true && value !== undefined);
    const split = said.map(({ value }) => value && splitValue(value));
    const looked = reads.map((one, i) => this.#look(one, said[i] as Said, split[i]?.frame, open[i] === true));
    const entries = looked.some(isPromise)
      ? await Promise.all(looked)
      : (looked as readonly (RemoteEntry | undefined)[]);
    // Taken for fresh by the server, which cannot tell that it is of no use.
    const unleased: number[] = [];
    for (const [i, entry] of entries.entries()) {
      if (open[i]) continue;
      this.counts[entry === undefined ? 'misses' : 'hits']++;
      if (reads[i]?.lease && leases.get(i) === undefined && !((entry?.ttl ?? 0) > 0)) unleased.push(i);
    }
    if (unleased.length > 0) {
      const again = unleased.map((i): RemoteRead => ({ ...(reads[i] as RemoteRead), lease: true }));
      const { leases: late } = await this.#ask(shard, again, call, []);
      for (const [i, at] of unleased.entries()) leases.set(at, late.get(i));
    }
    return entries.map((entry, i) => ({
      entry,
      lease: leases.get(i),
      scopes: split[i]?.scopes,
      isOpen: open[i] === true,
      isLast: (said[i] as Said).barriers.length === 0,
    }));
  }

  /** What the script says of each read, and the leases that it gives. */
  async #ask(shard: number, reads: readonly RemoteRead[], call: RemoteCall, isOpen: readonly boolean[]) {
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
    const said = reads.map((_, i): Said => {
      const first = reply[2 * i];
      const value = (reply[2 * i + 1] ?? undefined) as RedisBytes | undefined;
      if (typeof first === 'number') return { left: first, barriers: NOTHING, elsewhere: NOTHING, value };
      const [left, barriers, others] = listOf(first);
      return { left: Number(left), barriers: listOf(barriers), elsewhere: listOf(others), value };
    });
    const leases = new Map<number, Lease | undefined>();
    for (let at = 2 * reads.length; at < reply.length; at++) {
      const [which, ...parts] = listOf(reply[at]);
      const i = Number(which) - 1;
      leases.set(i, leaseOf(reads[i] as RemoteRead, sources[i] as Sources, lent?.[i] ?? [], parts));
    }
    return { said, leases };
  }

  /** Whether what entries are made from in other shards is still what it was: else they are dead. */
  async #askElsewhere(reads: readonly RemoteRead[], said: Said[], call: RemoteCall): Promise<void> {
    const of: number[] = [];
    const claims: Claim[] = [];
    for (const [i, { elsewhere }] of said.entries()) {
      for (let j = 0; j < elsewhere.length; j += 2) {
        of.push(i);
        const { namespace } = reads[i] as RemoteRead;
        claims.push({ namespace, shard: shardOf(textOf(elsewhere[j])), scopes: elsewhere[j + 1] as Uint8Array });
      }
    }
    const judged = await this.#elsewhere.judge(claims, call);
    for (const [j, barriers] of judged.entries()) {
      const i = of[j] as number;
      const one = said[i] as Said;
      said[i] =
        barriers === undefined
          ? { ...one, left: DEAD, value: undefined }
          : { ...one, barriers: [...one.barriers, ...barriers] };
    }
  }

  #look(
    one: RemoteRead,
    { left, value, barriers }: Said,
    frame: Uint8Array | undefined,
    isOpen: boolean,
  ): RemoteEntry | undefined | Promise<RemoteEntry | undefined> {
    if (value !== undefined && frame !== undefined) return this.#entry(one, left, frame, barriers, isOpen);
    if (left === DEAD) this.counts.dead++;
    if (left === FOREIGN) this.#fault('foreign', isOpen);
    return undefined;
  }

  /** What is in a frame; undefined if that cannot be read, or is invalidated. @param left how long Redis keeps it, -1: for ever */
  #entry(
    place: RemotePlace,
    left: Milliseconds,
    bytes: Uint8Array,
    barriers: readonly RedisReply[],
    isOpen: boolean,
  ): RemoteEntry | undefined | Promise<RemoteEntry | undefined> {
    const frame = decodeFrame(bytes, place);
    if (typeof frame === 'string') return this.#fault(frame, isOpen);
    if (this.#barriers.bar(place.key, barriers)) {
      this.counts.dead++;
      return undefined;
    }
    const decoded = this.#codec.decode(frame, frame);
    return isPromise(decoded)
      ? Promise.resolve(decoded).then((awaited) => this.#finish(frame, left, awaited, isOpen))
      : this.#finish(frame, left, decoded, isOpen);
  }

  #finish(
    frame: Frame,
    left: Milliseconds,
    decoded: { readonly value: unknown } | PayloadFault,
    isOpen: boolean,
  ): RemoteEntry | undefined {
    if (typeof decoded === 'string') return this.#fault(decoded, isOpen);
    return entryOf(frame, left < 0 ? Number.POSITIVE_INFINITY : left - frame.stale, decoded.value);
  }

  /** Of what nobody has judged, Redis is asked once more. */
  #fault(fault: TierFault, isOpen: boolean): undefined {
    if (!isOpen) this.faults[fault] = (this.faults[fault] ?? 0) + 1;
    return undefined;
  }
}

/** Answers as a tier gives them. */
export function foundOf(answers: readonly Answer[]): readonly RemoteFound[] {
  return answers.map(({ entry, lease }) => ({ entry, lease }));
}
