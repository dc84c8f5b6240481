import type { Milliseconds } from '../duration.js';
import { invalidArgument, invalidOption } from '../errors.js';
import type { Channel } from '../tiers/sequenced-bus.js';
import { Commands } from './commands.js';
import { portOf, type RedisClient, type Subscription } from './port.js';
import { TrackedChannel } from './tracked-channel.js';

/** What a bus is told, with what it takes if it is told nothing. */
export interface BusSettings {
  readonly prefix: string;
  readonly mode: 'pubsub' | 'tracking';
  readonly timeout: Milliseconds;
  readonly maxInFlight: number;
  readonly heartbeat: Milliseconds;
  readonly patience: Milliseconds;
}

/** The channel of all caches with a prefix. It sends over the client, and listens on a connection of its own. */
export function channelOf(client: RedisClient, settings: BusSettings): Channel {
  const { prefix, mode, timeout, maxInFlight, heartbeat } = settings;
  const port = portOf(client);
  if (port.subscribe === undefined)
    throw invalidArgument(
      'client',
      port,
      'one that can listen: not one over REST, nor a Sentinel client of node-redis 5, which has no duplicates',
    );
  if (mode === 'tracking' && port.untracked !== undefined)
    throw invalidOption('mode', mode, `'pubsub': ${port.untracked}`);
  const commands = new Commands(port, { prefix, timeout, maxInFlight, durable: true });
  const name = `${prefix}:bus`;
  return mode === 'tracking' ? new TrackedChannel(commands, name, heartbeat) : channel(commands, name);
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
