import type { Duration, Milliseconds } from '../duration.js';
import { invalidArgument, invalidOption } from '../errors.js';
import { duration, oneOf, type Readers, read } from '../memory/readers.js';
import { type Channel, HEARTBEAT, SequencedBus } from '../tiers/sequenced-bus.js';
import { Commands } from './commands.js';
import { COMMAND_READERS } from './options.js';
import { portOf, type RedisClient, type Subscription } from './port.js';
import { TrackedChannel } from './tracked-channel.js';

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
  /** How often each cache tells the others that it is there, and how far it has come. Default 2 s. */
  heartbeat?: Duration;
  /** How long one's own sign of life may take to come back: longer, and what others said may be lost as well. Default 1 s. */
  patience?: Duration;
}

const READERS: Readers<RedisBusOptions> = {
  ...COMMAND_READERS,
  mode: oneOf('pubsub', 'tracking'),
  heartbeat: duration,
  patience: duration,
};

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
      mode = 'pubsub',
      ...beats
    } = read(options, READERS, 'options') as Omit<RedisBusOptions, 'timeout' | 'heartbeat'> & {
      timeout?: Milliseconds;
      heartbeat?: Milliseconds;
    };
    const port = portOf(client);
    if (port.subscribe === undefined)
      throw invalidArgument('client', port, 'one that can listen: over REST there is no bus');
    if (mode === 'tracking' && port.untracked !== undefined)
      throw invalidOption('mode', mode, `'pubsub': ${port.untracked}`);
    const commands = new Commands(port, { prefix, timeout, maxInFlight, durable: true });
    const name = `${prefix}:bus`;
    const { heartbeat = HEARTBEAT } = beats;
    super(
      mode === 'tracking' ? new TrackedChannel(commands, name, heartbeat) : channel(commands, name),
      beats,
      'redis',
    );
  }
}

/**
 * @throws ERR_TIERCEL_INVALID_ARGUMENT for what is no client of node-redis or ioredis, ERR_TIERCEL_INVALID_OPTION for
 * `mode: 'tracking'` with a client that cannot do it
 */
export function redisBus(client: RedisClient, options?: RedisBusOptions): RedisBus {
  return new RedisBus(client, options);
}

function channel(commands: Commands, name: string): Channel {
  let subscription: Subscription | undefined;
  return {
    open(listener) {
      subscription = commands.port.subscribe?.(name, listener);
    },
    async send(text) {
      await commands.command('PUBLISH', name, text);
    },
    close() {
      subscription?.close();
    },
  };
}
