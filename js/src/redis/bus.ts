import type { Duration } from '../duration.js';
import { invalidArgument } from '../errors.js';
import { duration, type Readers, read } from '../memory/readers.js';
import { type Channel, SequencedBus } from '../tiers/sequenced-bus.js';
import { Commands } from './commands.js';
import { COMMAND_READERS } from './options.js';
import { portOf, type RedisClient, type Subscription } from './port.js';

export interface RedisBusOptions {
  /** What the channel is called, before `:bus`. Default `'tiercel'`. Caches of other names may share it. */
  prefix?: string;
  /** How long Redis may take to take a message. Default 100 ms. */
  timeout?: Duration;
  /** Messages that may be on their way at a time, from 1 to 2^20. Default 1024. */
  maxInFlight?: number;
  /** How often each cache tells the others that it is there, and how far it has come. Default 2 s. */
  heartbeat?: Duration;
  /** How long one's own sign of life may take to come back: longer, and what others said may be lost as well. Default 1 s. */
  patience?: Duration;
}

const READERS: Readers<RedisBusOptions> = { ...COMMAND_READERS, heartbeat: duration, patience: duration };

/**
 * A bus over a channel of Redis. It publishes through the client, and listens on a connection of its own, a duplicate of
 * that; which of the two fails makes no difference, as each bus has to hear itself.
 */
export class RedisBus extends SequencedBus {
  constructor(client: RedisClient, options?: RedisBusOptions) {
    const {
      prefix = 'tiercel',
      timeout = 100,
      maxInFlight = 1024,
      ...beats
    } = read(options, READERS, 'options') as Omit<RedisBusOptions, 'timeout'> & { timeout?: number };
    const commands = new Commands(portOf(client), { prefix, timeout, maxInFlight, durable: true });
    super(channel(commands, `${prefix}:bus`), beats, 'redis');
  }
}

/** @throws ERR_TIERCEL_INVALID_ARGUMENT for what is no client of node-redis or ioredis */
export function redisBus(client: RedisClient, options?: RedisBusOptions): RedisBus {
  return new RedisBus(client, options);
}

function channel(commands: Commands, name: string): Channel {
  let subscription: Subscription | undefined;
  const { port } = commands;
  if (port.subscribe === undefined)
    throw invalidArgument('client', port, 'one that can listen: over REST there is no bus');
  const subscribe = port.subscribe.bind(port);
  return {
    open(listener) {
      subscription = subscribe(name, listener);
    },
    async send(text) {
      await commands.command('PUBLISH', name, text);
    },
    close() {
      subscription?.close();
    },
  };
}
