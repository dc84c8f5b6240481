/*
 * All of `tiercel`, but what it calls memoryRemote is a second tier in Redis: so the tests of the facade are tests of this.
 * Time passes there as a test says, and faults are as in memory.
 */
import { Redis } from 'ioredis';
import type {
  Change,
  Milliseconds,
  RemoteCall,
  RemoteEntry,
  RemoteFault,
  RemoteFound,
  RemoteLockRequest,
  RemoteOperation,
  RemotePlace,
  RemoteRead,
  RemoteTouch,
  RemoteWrite,
} from 'tiercel';

export * from 'tiercel-itself';

import { type RedisTier, redisTier, restRedis } from 'tiercel/redis';
import { type Cache, type CacheOptions, createCache as createCacheItself } from 'tiercel-itself';

const port = Number(process.env.TIERCEL_REDIS_PORT);
const db = Number(process.env.JEST_WORKER_ID);

/** A client of a database of this process's own, and what empties that. */
async function connect() {
  const { TIERCEL_REST_URL: url, TIERCEL_REST_TOKEN: token = '' } = process.env;
  if (url !== undefined) {
    const rest = restRedis({ url: `${url}/${db}`, token, timeout: '1m' });
    return { client: rest, flush: () => rest.send(['FLUSHDB']), close: () => undefined };
  }
  const redis = new Redis({ port, username: 'admin', password: 'change-me-admin', db });
  await new Promise((resolve) => redis.once('ready', resolve));
  return { client: redis, flush: () => redis.flushdb(), close: () => redis.disconnect() };
}
let connection: Awaited<ReturnType<typeof connect>>;
beforeAll(async () => {
  connection = await connect();
});
afterAll(() => connection.close());

/** Servers take longer to answer than memory does, on a machine that is busy. */
export function createCache<V>(options?: CacheOptions<V>): Promise<Cache<V>> {
  return createCacheItself<V>({ remoteTimeout: '5s', ...options });
}

const tiers: RedisTier[] = [];
const isBusy = () => tiers.some((tier) => (tier.health() as { inFlight: number }).inFlight > 0);

/** Resolves once Redis has answered all, and what that leads to has happened. */
export async function idle(): Promise<void> {
  for (let turns = 0; turns < 3; turns = isBusy() ? 0 : turns + 1) await new Promise(setImmediate);
}

const idOf = ({ namespace, key }: RemotePlace) => JSON.stringify([...namespace, key]);

class OnRedis {
  readonly name = 'redis';
  fault: ((operation: RemoteOperation, call: RemoteCall) => RemoteFault | undefined) | undefined;
  readonly calls = { read: 0, write: 0, change: 0, touch: 0, lock: 0, keys: 0 };
  readonly #tier: RedisTier = redisTier(connection.client, { prefix: `test:${crypto.randomUUID()}`, timeout: '1m' });
  readonly #now: () => Milliseconds;
  /** When entries were written, and how long they were to be fresh then, by the clock of the test. */
  readonly #written = new Map<string, { at: Milliseconds; ttl: Milliseconds }>();

  constructor(now: () => Milliseconds = () => performance.now()) {
    this.#now = now;
    tiers.push(this.#tier);
  }

  async #do<T>(operation: RemoteOperation, call: RemoteCall, make: () => Promise<T>): Promise<T> {
    this.calls[operation]++;
    const { before, after, error, lost } = this.fault?.(operation, call) ?? {};
    if (before !== undefined) await pause(before);
    if (error !== undefined) throw error;
    const result = await make();
    if (after !== undefined) await pause(after);
    if (lost !== undefined) throw lost;
    return result;
  }

  read(reads: readonly RemoteRead[], call: RemoteCall): Promise<readonly RemoteFound[]> {
    this.calls.keys += reads.length;
    return this.#do('read', call, async () => {
      const found = await this.#tier.read(reads, call);
      return found.map(({ entry, lease }, i) => ({ entry: entry && this.#aged(reads[i] as RemoteRead, entry), lease }));
    });
  }

  #aged(place: RemotePlace, entry: RemoteEntry): RemoteEntry | undefined {
    const { at, ttl } = this.#written.get(idOf(place)) ?? { at: this.#now(), ttl: entry.ttl };
    const aged = { ...entry, ttl: ttl - (this.#now() - at) };
    return aged.ttl + aged.stale > 0 ? aged : undefined;
  }

  write(writes: readonly RemoteWrite[], call: RemoteCall): Promise<readonly boolean[]> {
    return this.#do('write', call, async () => {
      const stored = await this.#tier.write(writes, call);
      for (const [i, write] of writes.entries())
        if (stored[i]) this.#written.set(idOf(write), { at: this.#now(), ttl: write.entry.ttl });
      return stored;
    });
  }

  change(changes: readonly Change[], call: RemoteCall): Promise<readonly number[]> {
    return this.#do('change', call, async () => {
      const counts = await this.#tier.change(changes, call);
      for (const change of changes) {
        const written = change.kind === 'expire' ? this.#written.get(idOf(change)) : undefined;
        if (written !== undefined) written.ttl = Math.min(written.ttl, this.#now() - written.at);
      }
      return counts;
    });
  }

  touch(touches: readonly RemoteTouch[], call: RemoteCall): Promise<readonly boolean[]> {
    return this.#do('touch', call, async () => {
      const touched = await this.#tier.touch(touches, call);
      for (const [i, { ttl, ...place }] of touches.entries())
        if (touched[i])
          this.#written.set(idOf(place), { at: this.#now(), ttl: ttl === 0 ? Number.POSITIVE_INFINITY : ttl });
      return touched;
    });
  }

  async lock(request: RemoteLockRequest, call: RemoteCall) {
    await this.#do('lock', call, async () => undefined);
    return this.#tier.lock(request, call);
  }

  /** Before what is asked for next. */
  wipe(): void {
    void connection.flush();
  }
}

function pause(what: Milliseconds | Promise<void>): Promise<void> {
  return typeof what === 'number' ? new Promise((resolve) => void setTimeout(resolve, what)) : what;
}

export function memoryRemote(now?: () => Milliseconds): OnRedis {
  return new OnRedis(now);
}
