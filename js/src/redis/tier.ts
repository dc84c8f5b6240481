import type { Duration, Milliseconds } from '../duration.js';
import { invalidOption } from '../errors.js';
import { PAYLOAD_READERS, type PayloadOptions, payloadCodec } from '../frames/payload.js';
import { flag, type Readers, read } from '../memory/readers.js';
import type { Change } from '../tiers/change.js';
import type {
  RemoteCall,
  RemoteFollower,
  RemoteFound,
  RemoteLock,
  RemoteLockRequest,
  RemotePlace,
  RemoteRead,
  RemoteTier,
  RemoteTouch,
  RemoteWrite,
} from '../tiers/remote.js';
import { touchArguments } from './arguments.js';
import { Barriers } from './barriers.js';
import { Changing } from './changing.js';
import { Commands } from './commands.js';
import { Elsewhere } from './elsewhere.js';
import { Follower } from './follower.js';
import { RedisLocks } from './locks.js';
import { idOf } from './names.js';
import { COMMAND_READERS } from './options.js';
import { Order, tooLate } from './order.js';
import { portOf, type RedisClient } from './port.js';
import { foundOf, Reading } from './reading.js';
import { listOf } from './replies.js';
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
  /**
   * Whether each read asks Redis if what is there may be served. By default a cache with a live bus decides that from what
   * it knows of tags and namespaces: that costs Redis a fraction, and what is read may be as old as what its memory has,
   * no older than the bus's `heartbeat + patience`, or than 10 s where others invalidate without that bus. Default false.
   */
  consistentReads?: boolean;
}

/** A second tier in Redis. */
export class RedisTier implements RemoteTier {
  readonly name = 'redis';
  get isPipelined(): boolean {
    return this.#commands.isPipelined;
  }
  readonly #commands: Commands;
  readonly #locks: RedisLocks;
  readonly #barriers = new Barriers();
  readonly #order: Order;
  readonly #reading: Reading;
  readonly #writing: Writing;
  readonly #changing: Changing;
  readonly #isDurable: boolean;
  readonly #isConsistent: boolean;

  constructor(client: RedisClient, options?: RedisTierOptions) {
    const { prefix, timeout, maxInFlight, durable, consistentReads, ...payload } = readOptions(options);
    const port = portOf(client);
    // A key that moves to another node may come back to what it was before.
    if (port.topology === 'cluster' && durable) throw invalidOption('durable', true, 'false in a Cluster');
    this.#commands = new Commands(port, { prefix, timeout, maxInFlight, durable });
    this.#locks = new RedisLocks(this.#commands);
    this.#isDurable = durable;
    this.#isConsistent = consistentReads;
    this.#order = new Order(this.#commands, timeout);
    const codec = payloadCodec(payload);
    const elsewhere = new Elsewhere(this.#commands);
    this.#reading = new Reading(this.#commands, this.#order, codec, elsewhere, this.#barriers);
    this.#writing = new Writing(this.#commands, this.#order, codec, elsewhere);
    this.#changing = new Changing(this.#commands, this.#order);
  }

  async read(reads: readonly RemoteRead[], call: RemoteCall): Promise<readonly RemoteFound[]> {
    this.#flush();
    return foundOf(await this.#reading.read(reads, call));
  }

  /** Undefined in a Cluster, where each shard has tokens of its own, and with `consistentReads`. */
  follow(hears: () => boolean): RemoteFollower | undefined {
    if (this.#isConsistent || this.#commands.shards.isDivided) return undefined;
    return new Follower(this.#reading, () => this.#flush(), hears, this.#isDurable);
  }

  write(writes: readonly RemoteWrite[], call: RemoteCall): Promise<readonly boolean[]> {
    this.#changing.flush();
    return this.#writing.write(writes, call);
  }

  change(changes: readonly Change[], call: RemoteCall): Promise<readonly number[]> {
    this.#writing.flush();
    return this.#changing.change(changes, call);
  }

  async touch(touches: readonly RemoteTouch[], call: RemoteCall): Promise<readonly boolean[]> {
    this.#flush();
    return this.#commands.shards.ask(touches, this.#shardOf, async (shard, some) => {
      const reply = await this.#order.send(this.#order.learnClock(shard), () =>
        this.#commands.run('data', touchArguments(some), { shard, call, deadline: this.#order.deadline(shard) }),
      );
      const barriers = listOf(reply);
      if (barriers[0] === -1) throw tooLate();
      return some.map(({ key }, i) => barriers[i] !== 0 && !this.#barriers.bar(key, listOf(barriers[i])));
    });
  }

  async lock({ namespace, key, ttl, wait }: RemoteLockRequest, call: RemoteCall): Promise<RemoteLock | undefined> {
    return this.#locks.acquire(idOf(namespace, key), ttl, wait, call.signal);
  }

  /** What the entry of a key is called in Redis. A namespace is a path, the name of the cache first. */
  nameOf(namespace: readonly string[], key: string): string {
    return this.#commands.shards.nameOf(namespace, key);
  }

  health(): object {
    const { port, inFlight, counts } = this.#commands;
    return {
      client: port.client,
      topology: port.topology,
      connected: port.isReady(),
      inFlight,
      ...counts,
      ...this.#reading.counts,
      unreadable: { ...this.#reading.faults },
    };
  }

  /** Sends what was gathered: of one kind, as what is gathered of the other goes out before. */
  #flush(): void {
    this.#writing.flush();
    this.#changing.flush();
  }

  readonly #shardOf = ({ namespace, key }: RemotePlace): number => this.#commands.shards.of(namespace, key);
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

const READERS: Readers<RedisTierOptions> = {
  ...PAYLOAD_READERS,
  ...COMMAND_READERS,
  durable: flag,
  consistentReads: flag,
};

function readOptions(options: unknown) {
  const defaults = { prefix: 'tiercel', timeout: 100, maxInFlight: 1024, durable: false, consistentReads: false };
  return {
    ...defaults,
    ...(read(options, READERS, 'options') as Omit<RedisTierOptions, 'timeout'> & { timeout?: Milliseconds }),
  };
}
