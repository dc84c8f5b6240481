import type { Duration, Milliseconds } from '../duration.js';
import { invalidOption } from '../errors.js';
import { oneOf, positiveDuration, type Reader, type Readers, read } from '../memory/readers.js';
import type { Bus, BusListener, Carried, CommonMemory, Cover } from '../tiers/bus.js';
import type { Change } from '../tiers/change.js';
import { HEARTBEAT, PATIENCE, SequencedBus } from '../tiers/sequenced-bus.js';
import { type BusSettings, channelOf } from './channel.js';
import { COMMAND_READERS } from './options.js';
import type { RedisClient } from './port.js';
import { hasThreads, type OpenBus, ThreadedBus } from './threaded-bus.js';

export interface RedisBusOptions {
  /** What the channel is called, before `:bus`. Default `'tiercel'`. Caches of other names may share it. */
  prefix?: string;
  /**
   * `'pubsub'` (default): caches tell each other of what they change. `'tracking'`: Redis also tells of each entry that
   * changed, whoever did it; see docs/guides/redis.md for what that costs.
   */
  mode?: 'pubsub' | 'tracking';
  /** How long Redis may take to take a message. Default 100 ms. */
  timeout?: Duration;
  /** Messages that may be on their way at a time, from 1 to 2^20. Default 1024. */
  maxInFlight?: number;
  /** How often each cache tells the others that it is there, and how far it has come. More than 0, default 2 s. */
  heartbeat?: Duration;
  /**
   * How long one's own sign of life may take to come back: longer, and what others said may be lost as well. More than 0,
   * default 1 s.
   */
  patience?: Duration;
  /**
   * For a memory with `shared`: the `file:` address of a module whose default export is a function that returns a
   * connected client, or a promise of one. One thread for all that have the memory then listens, with that client, and no
   * busy event loop delays what it hears. A client cannot go to another thread, so without this each thread listens for
   * itself. To be given by all threads that have the memory, or none. Of no effect without `shared`, or with `now`.
   */
  thread?: URL | string;
}

const DEFAULT_TIMEOUT: Milliseconds = 100;

const address: Reader<string> = (value, name) => {
  const text = value instanceof URL ? value.href : value;
  if (typeof text !== 'string' || !text.startsWith('file:'))
    throw invalidOption(name, value, "the file: URL of a module, as new URL('./client.js', import.meta.url)");
  if (!hasThreads()) throw invalidOption(name, value, 'nothing here, as there are no worker threads');
  return text;
};

const READERS: Readers<RedisBusOptions> = {
  ...COMMAND_READERS,
  mode: oneOf('pubsub', 'tracking'),
  heartbeat: positiveDuration,
  patience: positiveDuration,
  thread: address,
};

/**
 * A bus over a channel of Redis. It publishes through the client, and listens on a connection of its own, a duplicate of
 * that; which of the two fails makes no difference, as each bus has to hear itself. For a memory that threads share the
 * listening side may be in a thread of its own.
 */
export class RedisBus implements Bus {
  readonly name = 'redis';
  readonly #settings: BusSettings;
  readonly #thread: string | undefined;
  readonly #send: (text: string) => Promise<void>;
  readonly #here: SequencedBus;
  #used: OpenBus;

  constructor(client: RedisClient, options?: RedisBusOptions) {
    const { thread, ...given } = read(options, READERS, 'options') as Partial<BusSettings> & { thread?: string };
    this.#settings = {
      prefix: 'tiercel',
      mode: 'pubsub',
      timeout: DEFAULT_TIMEOUT,
      maxInFlight: 1024,
      heartbeat: HEARTBEAT,
      patience: PATIENCE,
      ...given,
    };
    const channel = channelOf(client, this.#settings);
    const { heartbeat, patience } = this.#settings;
    this.#thread = thread;
    this.#send = (text) => channel.send(text);
    this.#here = new SequencedBus(channel, { heartbeat, patience }, this.name);
    this.#used = this.#here;
  }

  open(listener: BusListener, memory?: CommonMemory): void | Promise<void> {
    if (this.#thread === undefined || memory === undefined) return this.#here.open(listener);
    const options = { client: this.#thread, settings: this.#settings, send: this.#send };
    this.#used = new ThreadedBus(options, listener, memory);
  }

  publish(changes: readonly Change[], carried?: Carried): Promise<void> {
    return this.#used.publish(changes, carried);
  }

  check(): void {
    this.#used.check?.();
  }

  get keepsMemory(): boolean {
    return this.#used.keepsMemory === true;
  }

  cover(change: Change): Cover | undefined {
    return this.#used.cover?.(change);
  }

  covers(namespace: readonly string[], key: string): boolean {
    return this.#used.covers?.(namespace, key) === true;
  }

  get isUnsettled(): boolean {
    return this.#used.isUnsettled === true;
  }

  get heard(): number {
    return this.#used.heard ?? 0;
  }

  health(): object {
    return this.#used.health?.() ?? {};
  }

  close(): void | Promise<void> {
    return this.#used.close();
  }
}

/**
 * @throws ERR_TIERCEL_INVALID_ARGUMENT for what is no client of node-redis or ioredis, as `restRedis`;
 * ERR_TIERCEL_INVALID_OPTION also for `mode: 'tracking'` with a client that cannot do it, and for `thread` where there are no
 * worker threads
 */
export function redisBus(client: RedisClient, options?: RedisBusOptions): RedisBus {
  return new RedisBus(client, options);
}
