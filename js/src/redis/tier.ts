import type { Duration, Milliseconds } from '../duration.js';
import { decodeFrame, type Frame } from '../engine/frame.js';
import { invalidOption } from '../errors.js';
import { entryOf, isPromise, type TierFault } from '../frames/entry.js';
import {
  PAYLOAD_READERS,
  type PayloadCodec,
  type PayloadFault,
  type PayloadOptions,
  payloadCodec,
} from '../frames/payload.js';
import { ignore } from '../memory/flight.js';
import { MemoryCache } from '../memory/memory-cache.js';
import { flag, type Readers, read } from '../memory/readers.js';
import type { Change } from '../tiers/change.js';
import type {
  RemoteCall,
  RemoteEntry,
  RemoteFound,
  RemoteLock,
  RemoteLockRequest,
  RemotePlace,
  RemoteRead,
  RemoteTier,
  RemoteTouch,
  RemoteWrite,
} from '../tiers/remote.js';
import {
  changeArguments,
  type Lease,
  leaseOf,
  NO_SOURCES,
  readArguments,
  type Sources,
  touchArguments,
} from './arguments.js';
import { Commands, textOf } from './commands.js';
import { type Claim, Elsewhere, shardOf } from './elsewhere.js';
import { RedisLocks } from './locks.js';
import { idOf, keyOfScope, parseBarrier } from './names.js';
import { COMMAND_READERS } from './options.js';
import { Order, tooLate } from './order.js';
import { askingPoint, takePoint, toBeTold } from './points.js';
import { portOf, type RedisArgument, type RedisClient, type RedisReply } from './port.js';
import { listOf } from './replies.js';
import { BATCH } from './shards.js';
import { Writing } from './writing.js';

export interface RedisTierOptions extends PayloadOptions {
  /** What all names in Redis begin with, before a colon. Default `'tiercel'`. */
  prefix?: string;
  /** How long Redis may take to answer. Default 100 ms. A cache has a limit of its own as well, `remoteTimeout`. */
  timeout?: Duration;
  /** Calls that may wait for an answer at a time, from 1 to 2^20: beyond that they fail at once. Default 1024. */
  maxInFlight?: number;
  /**
   * Whether Redis never loses what it has acknowledged, not even when it restarts or a replica takes its place. Default
   * false: then nothing is served that was written before that happened, as the invalidation of it may be lost.
   */
  durable?: boolean;
}

/** What a script answers in place of how long an entry is kept, of one that is not to be served. */
const DEAD = -3;
const FOREIGN = -4;

/** What a script says of an entry; see there. */
interface Said {
  readonly left: Milliseconds;
  readonly barriers: readonly RedisReply[];
  /** Names and lists of other shards. */
  readonly elsewhere: readonly RedisReply[];
  readonly frame: Uint8Array | undefined;
}

const NOTHING: readonly RedisReply[] = [];

/** What became of entries that were asked for. */
interface Counts {
  hits: number;
  misses: number;
  /** There, but invalidated. */
  dead: number;
}

/** A second tier in Redis. */
export class RedisTier implements RemoteTier {
  readonly name = 'redis';
  readonly #commands: Commands;
  readonly #locks: RedisLocks;
  readonly #codec: PayloadCodec;
  readonly #elsewhere: Elsewhere;
  readonly #order: Order;
  readonly #writing: Writing;
  readonly #counts: Counts = { hits: 0, misses: 0, dead: 0 };
  /** What was there and could not be read, by why. */
  readonly #faults: Partial<Record<TierFault, number>> = {};
  #globs: MemoryCache | undefined;

  constructor(client: RedisClient, options?: RedisTierOptions) {
    const { prefix, timeout, maxInFlight, durable, ...payload } = readOptions(options);
    const port = portOf(client);
    // A key that moves to another node may come back to what it was before.
    if (port.topology === 'cluster' && durable) throw invalidOption('durable', true, 'false in a Cluster');
    this.#commands = new Commands(port, { prefix, timeout, maxInFlight, durable });
    this.#locks = new RedisLocks(this.#commands);
    this.#codec = payloadCodec(payload);
    this.#elsewhere = new Elsewhere(this.#commands);
    this.#order = new Order(this.#commands, timeout);
    this.#writing = new Writing(this.#commands, this.#order, this.#codec, this.#elsewhere);
  }

  async read(reads: readonly RemoteRead[], call: RemoteCall): Promise<readonly RemoteFound[]> {
    this.#writing.flush();
    return this.#inShares(reads, this.#shardOf, (shard, some) => this.#read(shard, some, call));
  }

  write(writes: readonly RemoteWrite[], call: RemoteCall): Promise<readonly boolean[]> {
    return this.#writing.write(writes, call);
  }

  /** What concerns a key is told to the shard that it is in, all else to all of them: acknowledged once each of them has it. */
  async change(changes: readonly Change[], call: RemoteCall): Promise<readonly number[]> {
    this.#writing.flush();
    const { shards } = this.#commands;
    const told = toBeTold(shards, [call]);
    const counts = changes.map(() => 0);
    const copies = changes.flatMap((change, at) =>
      'key' in change || !shards.isDivided
        ? [{ change, at, shard: 'key' in change ? this.#shardOf(change) : 0 }]
        : Array.from({ length: shards.count }, (_, shard) => ({ change, at, shard })),
    );
    await Promise.all(
      shards
        .divide(copies, ({ shard }) => shard)
        .map(async ({ shard, items }) => {
          const args: RedisArgument[] = ['change', String(items.length)];
          for (const { change } of items) args.push(...changeArguments(change));
          const reply = await this.#order.send(undefined, () =>
            this.#commands.run('data', askingPoint(args, told), { shard, call }),
          );
          const answers = takePoint(listOf(reply), told);
          for (const [i, { at }] of items.entries()) counts[at] = (counts[at] ?? 0) + Number(answers[i]);
        }),
    );
    return counts;
  }

  async touch(touches: readonly RemoteTouch[], call: RemoteCall): Promise<readonly boolean[]> {
    this.#writing.flush();
    return this.#inShares(touches, this.#shardOf, async (shard, some) => {
      const reply = await this.#order.send(this.#order.learnClock(shard), () =>
        this.#commands.run('data', touchArguments(some), { shard, call, deadline: this.#order.deadline(shard) }),
      );
      const barriers = listOf(reply);
      if (barriers[0] === -1) throw tooLate();
      return some.map(({ key }, i) => barriers[i] !== 0 && !this.#isBarred(key, listOf(barriers[i])));
    });
  }

  async lock({ namespace, key, ttl, wait }: RemoteLockRequest, call: RemoteCall): Promise<RemoteLock | undefined> {
    return this.#locks.acquire(idOf(namespace, key), ttl, wait, call.signal);
  }

  /** What the entry of a key is called in Redis. A namespace is a path, the name of the cache first. */
  nameOf(namespace: readonly string[], key: string): string {
    const { shards } = this.#commands;
    return `${shards.prefixes[shards.of(namespace, key)]}e:{${idOf(namespace, key)}}`;
  }

  health(): object {
    const { port, inFlight, counts } = this.#commands;
    return {
      client: port.client,
      topology: port.topology,
      connected: port.isReady(),
      inFlight,
      ...counts,
      ...this.#counts,
      unreadable: { ...this.#faults },
    };
  }

  // ---- Shards

  readonly #shardOf = ({ namespace, key }: RemotePlace): number => this.#commands.shards.of(namespace, key);

  /** Asks each shard for its part of a list; answers in the order of that. */
  async #inShares<T, R>(
    list: readonly T[],
    shardOf: (one: T) => number,
    ask: (shard: number, some: readonly T[]) => Promise<readonly R[]>,
  ): Promise<readonly R[]> {
    const { shards } = this.#commands;
    if (!shards.isDivided && list.length <= BATCH) return ask(0, list);
    const answers: R[] = [];
    await Promise.all(
      shards.divide(list, shardOf).map(async ({ shard, items, at }) => {
        for (const [i, answer] of (await ask(shard, items)).entries()) answers[at[i] as number] = answer;
      }),
    );
    return answers;
  }

  // ---- Reading

  async #read(shard: number, reads: readonly RemoteRead[], call: RemoteCall): Promise<RemoteFound[]> {
    const { said, leases } = await this.#ask(shard, reads, call);
    const isDivided = said.some(({ elsewhere }) => elsewhere.length > 0);
    if (isDivided) await this.#askElsewhere(reads, said, call);
    const looked = reads.map((one, i) => this.#look(one, said[i] as Said));
    const entries = looked.some(isPromise)
      ? await Promise.all(looked)
      : (looked as readonly (RemoteEntry | undefined)[]);
    // Taken for fresh by the server, which cannot tell that it is of no use.
    const unleased: number[] = [];
    for (const [i, entry] of entries.entries()) {
      this.#counts[entry === undefined ? 'misses' : 'hits']++;
      if (reads[i]?.lease && leases.get(i) === undefined && !((entry?.ttl ?? 0) > 0)) unleased.push(i);
    }
    if (unleased.length > 0) {
      const again = unleased.map((i): RemoteRead => ({ ...(reads[i] as RemoteRead), lease: true }));
      const { leases: late } = await this.#ask(shard, again, call);
      for (const [i, at] of unleased.entries()) leases.set(at, late.get(i));
    }
    return entries.map((entry, i) => ({ entry, lease: leases.get(i) }));
  }

  /** What the script says of each read, and the leases that it gives. */
  async #ask(shard: number, reads: readonly RemoteRead[], call: RemoteCall) {
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
    const args = askingPoint(readArguments(reads, sources), told);
    const reply = takePoint(
      listOf(await this.#order.send(undefined, () => this.#commands.run('data', args, { shard, call }))),
      told,
    );
    const lent = await lending;
    let at = 0;
    const said = reads.map((): Said => {
      const first = reply[at++];
      if (typeof first === 'number') {
        const frame = first < -1 ? undefined : (reply[at++] as Uint8Array);
        return { left: first, barriers: NOTHING, elsewhere: NOTHING, frame };
      }
      const [left, barriers, others] = listOf(first);
      return {
        left: Number(left),
        barriers: listOf(barriers),
        elsewhere: listOf(others),
        frame: reply[at++] as Uint8Array,
      };
    });
    const leases = new Map<number, Lease | undefined>();
    for (; at < reply.length; at++) {
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
          ? { ...one, left: DEAD, frame: undefined }
          : { ...one, barriers: [...one.barriers, ...barriers] };
    }
  }

  #look(one: RemoteRead, { left, frame, barriers }: Said): RemoteEntry | undefined | Promise<RemoteEntry | undefined> {
    if (frame !== undefined) return this.#entry(one, left, frame, barriers);
    if (left === DEAD) this.#counts.dead++;
    if (left === FOREIGN) this.#fault('foreign');
    return undefined;
  }

  /** What is in a frame; undefined if that cannot be read, or is invalidated. @param left how long Redis keeps it, -1: for ever */
  #entry(
    place: RemotePlace,
    left: Milliseconds,
    bytes: Uint8Array,
    barriers: readonly RedisReply[],
  ): RemoteEntry | undefined | Promise<RemoteEntry | undefined> {
    const frame = decodeFrame(bytes, place);
    if (typeof frame === 'string') return this.#fault(frame);
    if (barriers.length > 0 && this.#isBarred(place.key, barriers)) {
      this.#counts.dead++;
      return undefined;
    }
    const decoded = this.#codec.decode(frame, frame);
    return isPromise(decoded)
      ? Promise.resolve(decoded).then((awaited) => this.#finish(frame, left, awaited))
      : this.#finish(frame, left, decoded);
  }

  #finish(
    frame: Frame,
    left: Milliseconds,
    decoded: { readonly value: unknown } | PayloadFault,
  ): RemoteEntry | undefined {
    if (typeof decoded === 'string') return this.#fault(decoded);
    return entryOf(frame, left < 0 ? Number.POSITIVE_INFINITY : left - frame.stale, decoded.value);
  }

  #fault(fault: TierFault): undefined {
    this.#faults[fault] = (this.#faults[fault] ?? 0) + 1;
    return undefined;
  }

  /**
   * Whether a change of a prefix or a pattern concerns a key, or one that its value is made from.
   * @param barriers texts of barriers, and scopes of such keys
   */
  #isBarred(key: string, barriers: readonly RedisReply[]): boolean {
    if (barriers.length === 0) return false;
    const texts = barriers.map(textOf);
    const keys = [key, ...texts.map(keyOfScope).filter((made) => made !== undefined)];
    return texts.some((text) => {
      if (keyOfScope(text) !== undefined) return false;
      const barrier = parseBarrier(text);
      if (barrier === undefined) return true;
      return keys.some((each) =>
        barrier.isPrefix ? each.startsWith(barrier.text) : this.#matches(barrier.text, each),
      );
    });
  }

  #matches(pattern: string, key: string): boolean {
    this.#globs ??= MemoryCache.createSync({ maxEntries: 1, maxKeyBytes: 2 ** 20 });
    this.#globs.set(key, true);
    return [...this.#globs.keys(pattern)].includes(key);
  }
}

/**
 * A second tier in Redis, over a client of the application's own, which must be connected: one of node-redis
 * (`createClient`, `createSentinel`, `createCluster`) or ioredis. One round trip for any number of keys, with their tags and dependencies.
 * Whatever Redis loses costs a miss. The client stays the application's: closing it is up to that.
 * @throws ERR_TIERCEL_INVALID_ARGUMENT for what is no such client
 */
export function redisTier(client: RedisClient, options?: RedisTierOptions): RedisTier {
  return new RedisTier(client, options);
}

// ---- Options

const READERS: Readers<RedisTierOptions> = { ...PAYLOAD_READERS, ...COMMAND_READERS, durable: flag };

function readOptions(options: unknown) {
  const defaults = { prefix: 'tiercel', timeout: 100, maxInFlight: 1024, durable: false };
  return {
    ...defaults,
    ...(read(options, READERS, 'options') as Omit<RedisTierOptions, 'timeout'> & { timeout?: Milliseconds }),
  };
}
