import { unref } from '../timers.js';
import type { RedisPort, Subscription, SubscriptionListener } from './port.js';
import { delayOf } from './restart.js';

export interface AttemptListener extends SubscriptionListener {
  /** It is not subscribed, and will not be: its connection is of no use any more. */
  failed(reason: string): void;
}

/** Subscribes on a connection of its own, again each time that this is there again. */
export type Attempt = (channel: string, listener: AttemptListener, tracked?: readonly string[]) => Subscription;

/**
 * Subscribes on a new connection if that failed on one: because it ended meanwhile, the server refused it, or the client has
 * given it up. After a while, which is longer each time.
 */
export function lasting(attempt: Attempt): NonNullable<RedisPort['subscribe']> {
  return (channel, listener, tracked) => {
    let failures = 0;
    let own: Subscription;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const begin = () => {
      own = attempt(
        channel,
        {
          message: (text) => listener.message(text),
          invalidated: (keys) => listener.invalidated?.(keys),
          up() {
            failures = 0;
            listener.up();
          },
          down: (reason) => listener.down(reason),
          failed(reason) {
            own.close();
            timer = unref(setTimeout(begin, delayOf(failures++)));
            listener.down(reason);
          },
        },
        tracked,
      );
    };
    begin();
    return {
      close() {
        clearTimeout(timer);
        own.close();
      },
    };
  };
}
