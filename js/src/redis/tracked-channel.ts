import type { Milliseconds } from '../duration.js';
import { type Change, isStrings } from '../tiers/change.js';
import type { Channel, ChannelListener } from '../tiers/sequenced-bus.js';
import { LONGEST_DELAY, unref } from '../timers.js';
import type { Commands } from './commands.js';
import type { Subscription } from './port.js';

/** The key that is changed to see that Redis tells of changes, and how long it outlives who does. */
const BEAT = "return redis.call('SET', ARGV[1], '1', 'PX', ARGV[2])";
const BEAT_MS = '60000';

/**
 * A channel whose connection Redis also tells of each key of an entry that changes, whoever changed it: by hand, by
 * eviction, or when its time was over. That says nothing of changes that concern no key in Redis, so messages are
 * sent as ever. That Redis tells of keys is seen by one of its own, which is changed with each heartbeat.
 */
export class TrackedChannel implements Channel {
  readonly #commands: Commands;
  readonly #name: string;
  readonly #heartbeat: Milliseconds;
  readonly #own: string;
  readonly #entries: string;
  #listener: ChannelListener | undefined;
  #subscription: Subscription | undefined;
  #beat: ReturnType<typeof setTimeout> | undefined;
  /** Whether the last change of the own key was told of, perhaps before its command was answered; if not it is awaited. */
  #isTold = false;
  #isAwaited = false;
  #isProven = false;

  constructor(commands: Commands, name: string, heartbeat: Milliseconds) {
    this.#commands = commands;
    this.#name = name;
    this.#heartbeat = heartbeat;
    const [prefix] = commands.shards.prefixes;
    this.#own = `${prefix}b:${crypto.randomUUID()}`;
    this.#entries = `${prefix}e:`;
  }

  open(listener: ChannelListener): void {
    this.#listener = listener;
    this.#subscription = this.#commands.port.subscribe?.(
      this.#name,
      {
        message: (text) => listener.message(text),
        up: () => this.#prove(),
        down: (reason) => this.#down(reason),
        invalidated: (keys) => this.#invalidated(keys),
      },
      [this.#entries, this.#own],
    );
  }

  async send(text: string): Promise<void> {
    await this.#commands.command('PUBLISH', this.#name, text);
  }

  close(): void {
    this.#listener = undefined;
    clearTimeout(this.#beat);
    this.#subscription?.close();
  }

  /** Changes its own key, now and with each heartbeat from now on. */
  #prove(): void {
    clearTimeout(this.#beat);
    if (this.#listener === undefined) return;
    if (this.#isAwaited && this.#isProven) {
      this.#isProven = false;
      this.#listener.down('Redis tells of no keys any more');
    }
    this.#isTold = false;
    this.#commands.command('EVAL', BEAT, '0', this.#own, BEAT_MS).then(
      () => {
        this.#isAwaited = !this.#isTold;
      },
      () => {
        // Other commands fail as well, which is told of there.
      },
    );
    this.#beat = setTimeout(() => this.#prove(), Math.min(this.#heartbeat, LONGEST_DELAY));
    unref(this.#beat);
  }

  #down(reason: string): void {
    clearTimeout(this.#beat);
    this.#isProven = false;
    this.#isAwaited = false;
    this.#listener?.down(reason);
  }

  #invalidated(keys: readonly string[] | null): void {
    const listener = this.#listener;
    if (listener === undefined) return;
    if (keys === null) {
      listener.missed?.('Redis was emptied');
      return;
    }
    const changes: Change[] = [];
    for (const key of keys) {
      if (key === this.#own) this.#told(listener);
      else if (key.startsWith(this.#entries)) changes.push(...changeOf(key.slice(this.#entries.length)));
    }
    if (changes.length > 0) listener.changed?.(changes);
  }

  #told(listener: ChannelListener): void {
    this.#isTold = true;
    this.#isAwaited = false;
    if (this.#isProven) return;
    this.#isProven = true;
    listener.up();
  }
}

/** What it means that an entry changed, by what stands after `e:`. None if that is nothing of ours. */
function changeOf(id: string): Change[] {
  try {
    const path: unknown = JSON.parse(id.slice(1, -1));
    if (!isStrings(path) || path.length < 2) return [];
    return [{ kind: 'delete', namespace: path.slice(0, -1), key: path.at(-1) as string }];
  } catch {
    return [];
  }
}
