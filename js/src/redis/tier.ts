import type { Duration, Milliseconds } from '../duration.js';
import { decodeFrame, encodeFrame } from '../engine/frame.js';
import { invalidOption, TiercelError } from '../errors.js';
import { entryOf, frameOf, isPromise, MOST_STALE, type TierFault } from '../frames/entry.js';
import {
  PAYLOAD_READERS,
  type Payload,
  type PayloadCodec,
  type PayloadFault,
  type PayloadOptions,
  payloadCodec,
} from '../frames/payload.js';
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
import { Commands, textOf } from './commands.js';
import { RedisLocks } from './locks.js';
import {
  barrierText,
  idOf,
  keyOfScope,
  keyScope,
  namespaceScope,
  namespaceScopes,
  parseBarrier,
  tagScope,
} from './names.js';
import { COMMAND_READERS } from './options.js';
import { portOf, type RedisArgument, type RedisClient, type RedisReply } from './port.js';

/** Of one call of a script, so that others are not kept waiting for long. */
const BATCH = 64;

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

/** What a lease is: the tokens of its scopes as of the read, in the order of their names, and where the namespace was. */
interface Lease {
  readonly tokens: ReadonlyMap<string, string>;
  /** Scopes that the entry belongs to because of what it is made from. */
  readonly inherited: readonly string[];
  readonly run: string;
  readonly barriersAtRead: string;
  readonly barriers: string;
  readonly tagChanges: string;
}

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
  readonly #timeout: Milliseconds;
  readonly #counts: Counts = { hits: 0, misses: 0, dead: 0 };
  /** What was there and could not be read, by why. */
  readonly #faults: Partial<Record<TierFault, number>> = {};
  /** The server's clock is ahead of this one by so much; a little less, as its answers are under way for a while. */
  #clock: Milliseconds | undefined;
  /** Ends when all calls that were made have been sent; undefined if they have. */
  #sending: Promise<void> | undefined;
  #globs: MemoryCache | undefined;

  constructor(client: RedisClient, options?: RedisTierOptions) {
    const { prefix, timeout, maxInFlight, durable, ...payload } = readOptions(options);
    const port = portOf(client);
    // A key that moves to another node may come back to what it was before.
    if (port.topology === 'cluster' && durable) throw invalidOption('durable', true, 'false in a Cluster');
    this.#timeout = timeout;
    this.#commands = new Commands(port, { prefix, timeout, maxInFlight, durable });
    this.#locks = new RedisLocks(this.#commands);
    this.#codec = payloadCodec(payload);
  }

  async read(reads: readonly RemoteRead[], call: RemoteCall): Promise<readonly RemoteFound[]> {
    const found = await Promise.all(
      batches(reads).map(async (batch) => {
        const reply = await this.#inOrder(undefined, () =>
          this.#commands.run('data', ['read', count(batch), ...batch.flatMap(readArguments)], { call }),
        );
        return this.#found(batch, listOf(reply));
      }),
    );
    return found.flat();
  }

  async write(writes: readonly RemoteWrite[], call: RemoteCall): Promise<readonly boolean[]> {
    const isLeased = writes.every(({ lease }) => lease !== undefined);
    const prepared = this.#prepare(writes, isLeased);
    const answers = await Promise.all(
      batches(writes).map(async (batch, i) => {
        const reply = await this.#inOrder(prepared, (frames) => {
          const args = batch.flatMap((write, j) => writeArguments(write, frames[i * BATCH + j] as Uint8Array));
          // What a lease covers is compared anyway, however late it comes.
          return this.#commands.run('data', ['write', count(batch), ...args], {
            call,
            deadline: this.#deadline(isLeased),
          });
        });
        return this.#answers(listOf(reply));
      }),
    );
    return answers.flat().map((stored) => stored === 1);
  }

  async change(changes: readonly Change[], call: RemoteCall): Promise<readonly number[]> {
    const counts = await Promise.all(
      batches(changes).map((batch) =>
        this.#inOrder(undefined, () =>
          this.#commands.run('data', ['change', count(batch), ...batch.flatMap(changeArguments)], { call }),
        ),
      ),
    );
    return counts.flatMap((reply) => listOf(reply).map(Number));
  }

  async touch(touches: readonly RemoteTouch[], call: RemoteCall): Promise<readonly boolean[]> {
    const prepared = this.#learnClock();
    const answers = await Promise.all(
      batches(touches).map(async (batch) => {
        const reply = await this.#inOrder(prepared, () => {
          const args = batch.flatMap((touch) => [...placeArguments(touch), milliseconds(touch.ttl)]);
          return this.#commands.run('data', ['touch', count(batch), ...args], {
            call,
            deadline: this.#deadline(false),
          });
        });
        const barriers = listOf(reply);
        if (barriers[0] === -1) throw tooLate();
        return batch.map(({ key }, i) => barriers[i] !== 0 && !this.#isBarred(key, listOf(barriers[i])));
      }),
    );
    return answers.flat();
  }

  async lock({ namespace, key, ttl, wait }: RemoteLockRequest, call: RemoteCall): Promise<RemoteLock | undefined> {
    return this.#locks.acquire(idOf(namespace, key), ttl, wait, call.signal);
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

  // ---- Order

  /** Sends a call when it is prepared and those before it are sent. */
  #inOrder<P>(prepared: P | PromiseLike<P>, send: (prepared: P) => Promise<RedisReply>): Promise<RedisReply> {
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

  // ---- The clock of the server

  /** Until when a call may take effect. One that a client keeps, and sends when it is connected again, would undo newer ones. */
  #deadline(isSafe: boolean): Milliseconds {
    return isSafe || this.#clock === undefined ? 0 : performance.now() + this.#clock + this.#timeout;
  }

  #learnClock(): undefined | Promise<undefined> {
    if (this.#clock !== undefined) return undefined;
    return this.#commands.run('data', ['write', '0']).then((reply) => {
      this.#answers(listOf(reply));
      return undefined;
    });
  }

  #heard(time: Milliseconds): void {
    this.#clock = time - performance.now();
  }

  /** What a script answers after the time. */
  #answers(reply: readonly RedisReply[]): readonly RedisReply[] {
    this.#heard(Number(reply[0]));
    if (reply[1] === -1) throw tooLate();
    return reply.slice(1);
  }

  // ---- Reading

  async #found(reads: readonly RemoteRead[], reply: readonly RedisReply[]): Promise<RemoteFound[]> {
    let at = 0;
    const next = () => reply[at++];
    const found: (RemoteFound | Promise<RemoteFound>)[] = [];
    for (const one of reads) {
      const status = next();
      const entry = status === 1 ? this.#entry(one, Number(next()), next() as Uint8Array, listOf(next())) : undefined;
      if (status === 2) this.#counts.dead++;
      if (status === 3) this.#fault('foreign');
      const lease = one.lease ? leaseOf(one, listOf(next())) : undefined;
      found.push(isPromise(entry) ? entry.then((awaited) => ({ entry: awaited, lease })) : { entry, lease });
    }
    const all = await Promise.all(found);
    for (const { entry } of all) this.#counts[entry === undefined ? 'misses' : 'hits']++;
    return all;
  }

  /** What is in a frame; undefined if that cannot be read, or is invalidated. @param left how long Redis keeps it, -1: for ever */
  #entry(
    { namespace, key }: RemotePlace,
    left: Milliseconds,
    bytes: Uint8Array,
    barriers: readonly RedisReply[],
  ): RemoteEntry | undefined | Promise<RemoteEntry | undefined> {
    const place = { namespace, key };
    const frame = decodeFrame(bytes, place);
    if (typeof frame === 'string') {
      this.#fault(frame);
      return undefined;
    }
    if (this.#isBarred(key, barriers)) {
      this.#counts.dead++;
      return undefined;
    }
    const finish = (decoded: { readonly value: unknown } | PayloadFault): RemoteEntry | undefined => {
      if (typeof decoded !== 'string') {
        const ttl = left < 0 ? Number.POSITIVE_INFINITY : left - frame.stale;
        return entryOf(frame, ttl, decoded.value);
      }
      this.#fault(decoded);
      return undefined;
    };
    const decoded = this.#codec.decode(frame, place);
    return isPromise(decoded) ? Promise.resolve(decoded).then(finish) : finish(decoded);
  }

  #fault(fault: TierFault): void {
    this.#faults[fault] = (this.#faults[fault] ?? 0) + 1;
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

  // ---- Writing

  /** The frames of values, and the clock where it is needed. */
  #prepare(writes: readonly RemoteWrite[], isLeased: boolean): readonly Uint8Array[] | Promise<readonly Uint8Array[]> {
    const now = Date.now();
    const frames = writes.map(({ namespace, key, entry }) => {
      const place = { namespace, key };
      const frame = (payload: Payload) => encodeFrame(frameOf(place, entry, payload, now));
      const payload = this.#codec.encode(entry.value, place);
      return isPromise(payload) ? Promise.resolve(payload).then(frame) : frame(payload);
    });
    const clock = isLeased ? undefined : this.#learnClock();
    if (clock === undefined && frames.every((frame) => !isPromise(frame))) return frames as Uint8Array[];
    return Promise.all([Promise.all(frames), clock]).then(([all]) => all);
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

// ---- Arguments of scripts

function placeArguments({ namespace, key }: RemotePlace): RedisArgument[] {
  return [idOf(namespace, key), namespaceScope(namespace)];
}

const leaseScope = (place: RemotePlace) => `l:{${idOf(place.namespace, place.key)}}`;

/** The scopes that a lease covers. */
function leasedScopes(place: RemoteRead): string[] {
  return [...new Set([leaseScope(place), ...entryScopes(place, place)])];
}

function entryScopes(
  { namespace }: RemotePlace,
  { tags, dependsOn }: Pick<RemoteEntry, 'tags' | 'dependsOn'>,
): string[] {
  return [
    ...namespaceScopes(namespace),
    ...tags.map((tag) => tagScope(namespace, tag)),
    ...dependsOn.map((key) => keyScope(namespace, key)),
  ];
}

function readArguments(one: RemoteRead): RedisArgument[] {
  if (!one.lease) return [...placeArguments(one), '0'];
  const others = one.dependsOn.map((key) => idOf(one.namespace, key));
  return [...placeArguments(one), '1', ...counted(leasedScopes(one)), ...counted(others)];
}

function leaseOf(one: RemoteRead, parts: readonly RedisReply[]): Lease {
  const [run, barriersAtRead, barriers, tagChanges, ...rest] = parts.map(textOf) as [
    string,
    string,
    string,
    string,
    ...string[],
  ];
  const scopes = leasedScopes(one);
  const tokens = new Map(scopes.map((scope, i) => [scope, rest[i] as string]));
  const inherited: string[] = [];
  for (let i = scopes.length; i < rest.length; i += 2) {
    inherited.push(rest[i] as string);
    tokens.set(rest[i] as string, rest[i + 1] as string);
  }
  return { tokens, inherited, run, barriersAtRead, barriers, tagChanges };
}

function writeArguments(write: RemoteWrite, frame: Uint8Array): RedisArgument[] {
  const { namespace, entry } = write;
  const lease = write.lease as Lease | undefined;
  const life = entry.ttl + Math.min(entry.stale, MOST_STALE);
  const kept = life <= 0 ? '-1' : milliseconds(life === Number.POSITIVE_INFINITY ? 0 : Math.max(1, life));
  const scopes = new Set([...entryScopes(write, entry), ...(lease?.inherited ?? [])]);
  const head = [...placeArguments(write), kept, frame, ...counted([...scopes])];
  if (lease === undefined) return [...head, '0', ...counted(entry.dependsOn.map((key) => idOf(namespace, key)))];
  const { run, barriersAtRead, barriers, tagChanges, tokens } = lease;
  return [...head, '1', run, barriersAtRead, barriers, tagChanges, ...counted([...tokens].flat())];
}

function changeArguments(change: Change): RedisArgument[] {
  const { namespace } = change;
  switch (change.kind) {
    case 'delete':
    case 'set':
      return ['d', ...placeArguments(change)];
    case 'expire':
      return ['x', ...placeArguments(change)];
    case 'tags':
      return ['t', namespaceScope(namespace), ...counted(change.tags.map((tag) => tagScope(namespace, tag)))];
    case 'prefix':
    case 'pattern':
      return ['b', namespaceScope(namespace), barrierText(change)];
    case 'clear':
      return ['c', namespaceScope(namespace)];
  }
}

const counted = (args: readonly string[]): string[] => [String(args.length), ...args];
const count = (batch: readonly unknown[]) => String(batch.length);
const milliseconds = (ms: Milliseconds) => Math.floor(ms).toFixed(0);

// ---- Replies

function listOf(reply: RedisReply | undefined): readonly RedisReply[] {
  if (Array.isArray(reply)) return reply;
  throw new TiercelError('ERR_TIERCEL_CORRUPT_VALUE', 'Redis: an answer is not what the script says');
}

function batches<T>(all: readonly T[]): (readonly T[])[] {
  if (all.length <= BATCH) return [all];
  return Array.from({ length: Math.ceil(all.length / BATCH) }, (_, i) => all.slice(i * BATCH, (i + 1) * BATCH));
}

function tooLate(): TiercelError {
  return new TiercelError('ERR_TIERCEL_TIMEOUT', 'Redis: the call came too late to take effect');
}
