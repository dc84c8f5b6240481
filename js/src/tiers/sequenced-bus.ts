import type { Duration, Milliseconds } from '../duration.js';
import { positiveDuration, type Readers, read } from '../memory/readers.js';
import { LONGEST_DELAY, unref } from '../timers.js';
import type { Bus, BusListener, Carried, CarriedValue } from './bus.js';
import { type Change, isChange, isStrings } from './change.js';
import type { RemotePoint } from './remote.js';
import { MOST_CHANGES, Sender, type SentMessage } from './sender.js';

/** Something that brings texts to all who listen, the sender included, and may lose, double or delay them. */
export interface Channel {
  /** Begins to listen, and to connect if it must. */
  open(listener: ChannelListener): void | Promise<void>;
  /** Resolves when the text is on its way. */
  send(text: string): Promise<void>;
  close(): void | Promise<void>;
}

export interface ChannelListener {
  message(text: string): void;
  /** Somebody changed this who sends no messages. For channels that hear of it. */
  changed?(changes: readonly Change[]): void;
  /** What was changed is not known. */
  missed?(reason: string): void;
  /** There is a connection; again after each `down`. */
  up(): void;
  down(reason: string): void;
}

export interface SequencedBusOptions {
  /** How often each tells the others that it is there, and how far it has come. More than 0, default 2 s. */
  heartbeat?: Duration;
  /**
   * How long one's own sign of life may take to come back: longer, and what others said may be lost as well. More than 0,
   * default 1 s.
   */
  patience?: Duration;
}

export const HEARTBEAT: Milliseconds = 2_000;
export const PATIENCE: Milliseconds = 1_000;
/** Heartbeats that a sender may miss before it is forgotten. */
const FORGET = 10;
/** Most senders that are followed at a time. */
const MOST_SENDERS = 10_000;

/**
 * A bus over a channel that may lose messages. Those with changes are counted by each sender, so that a receiver sees
 * when one is missing; every sender says now and then how far it has come, so that it sees that of the last ones too; and
 * it listens to itself, so that it sees when it hears nothing any more, though the connection looks well. What comes after
 * a sign of life of its own was sent after that, so it has heard of all until then.
 */
export class SequencedBus implements Bus {
  readonly name: string;
  readonly #channel: Channel;
  readonly #heartbeat: Milliseconds;
  readonly #patience: Milliseconds;
  readonly #family: string;
  readonly #sender: Sender;
  #listener: BusListener | undefined;
  #isUp = false;
  #isLive = false;
  /** All changes before this were heard of. */
  #heardUntil = 0;
  #closed = false;
  #beat: ReturnType<typeof setTimeout> | undefined;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  /** How far others have come, and how many beats ago they were heard of; those heard of last at the end. */
  readonly #senders = new Map<string, { sequence: number; silent: number }>();
  readonly #counts = { received: 0, gaps: 0, late: 0, unreadable: 0, silences: 0 };

  /** @param family what the ids of those begin with that change the same memory: what they say is not heard */
  constructor(channel: Channel, options?: SequencedBusOptions, name = 'bus', family = '') {
    const { heartbeat = HEARTBEAT, patience = PATIENCE } = readOptions(options);
    this.#channel = channel;
    this.#heartbeat = Math.min(heartbeat, LONGEST_DELAY);
    this.#patience = Math.min(patience, LONGEST_DELAY);
    this.name = name;
    this.#family = family;
    this.#sender = new Sender((text) => channel.send(text), family);
  }

  open(listener: BusListener): void | Promise<void> {
    this.#listener = listener;
    return this.#channel.open({
      message: (text) => this.#received(text),
      up: () => this.#up(),
      down: (reason) => this.#down(reason),
      changed: (changes) => this.#told((listener) => listener.changed(changes)),
      missed: (reason) => this.#told((listener) => listener.missed(reason)),
    });
  }

  publish(changes: readonly Change[], carried?: Carried): Promise<void> {
    return this.#sender.publish(changes, carried);
  }

  /** All changes that were sent before that have been heard of, by the clock of `performance`. */
  get heardUntil(): Milliseconds {
    return this.#heardUntil;
  }

  /** Timers tell that in time, unless the process was stopped, or busy: then the first to read is told here. */
  check(): void {
    if (this.#isLive && performance.now() - this.#heardUntil > this.#heartbeat + this.#patience) this.#silent();
  }

  /** Of what it heard. */
  get counts() {
    return { senders: this.#senders.size, ...this.#counts };
  }

  health(): object {
    return { live: this.#isLive, sent: this.#sender.sent, ...this.counts };
  }

  close(): void | Promise<void> {
    this.#closed = true;
    this.#stop();
    return this.#channel.close();
  }

  // ---- One's own connection

  #up(): void {
    if (this.#closed) return;
    this.#isUp = true;
    this.#signOfLife();
  }

  #down(reason: string): void {
    this.#isUp = false;
    this.#stop();
    this.#isLive = false;
    this.#listener?.down(reason);
  }

  #silent(): void {
    this.#counts.silences++;
    if (!this.#isLive) return;
    this.#isLive = false;
    this.#listener?.down('no heartbeat came back');
  }

  /** Tells the others how far this one has come, and itself that it still hears. */
  #signOfLife(): void {
    clearTimeout(this.#beat);
    if (!this.#isUp || this.#closed) return;
    for (const [id, sender] of this.#senders) if (++sender.silent > FORGET) this.#senders.delete(id);
    this.#beat = unref(setTimeout(() => this.#signOfLife(), this.#heartbeat));
    // Of the oldest that has not come back: those after it are no reason to wait longer.
    this.#deadline ??= unref(
      setTimeout(() => {
        this.#deadline = undefined;
        this.#silent();
      }, this.#patience),
    );
    this.#sender.signOfLife().catch(() => {
      // That it does not come back is noticed.
    });
  }

  #stop(): void {
    clearTimeout(this.#beat);
    this.#cameBack();
  }

  #cameBack(): void {
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }

  // ---- The others

  #told(tell: (listener: BusListener) => void): void {
    if (this.#closed || this.#listener === undefined) return;
    this.#counts.received++;
    tell(this.#listener);
  }

  #received(text: string): void {
    if (this.#closed) return;
    this.#counts.received++;
    const message = parse(text);
    if (message === undefined) {
      this.#counts.unreadable++;
      this.#listener?.missed('a message could not be read');
    } else if (message.from === this.#sender.id) this.#heardMyself(message);
    else if (this.#family === '' || !message.from.startsWith(this.#family)) this.#heard(message);
  }

  #heardMyself({ changes, at = 0 }: SentMessage): void {
    if (changes.length > 0) return;
    this.#cameBack();
    this.#heardUntil = Math.max(this.#heardUntil, at);
    const isLate = performance.now() - at > this.#patience;
    if (this.#isLive || !this.#isUp || isLate) return;
    this.#isLive = true;
    this.#listener?.live();
  }

  #heard({ from, sequence, changes, carried }: SentMessage): void {
    const count = changes.length > 0 ? 1 : 0;
    // Of one that was not heard of before nobody knows what it has said already.
    const known = this.#senders.get(from)?.sequence ?? 0;
    const isNew = sequence > known;
    this.#senders.delete(from);
    this.#senders.set(from, { sequence: Math.max(sequence, known), silent: 0 });
    if (this.#senders.size > MOST_SENDERS) this.#senders.delete(this.#senders.keys().next().value as string);
    if (sequence > known + count) {
      this.#counts.gaps++;
      this.#listener?.missed('a message did not come');
    }
    // It was sent after what came back last.
    const age = performance.now() - this.#heardUntil;
    if (isNew && count === 1) this.#listener?.changed(changes, carried, age);
    else if (count === 1) this.#counts.late++;
  }
}

/** A bus over a channel. */
export function sequencedBus(channel: Channel, options?: SequencedBusOptions): SequencedBus {
  return new SequencedBus(channel, options);
}

const READERS: Readers<SequencedBusOptions> = { heartbeat: positiveDuration, patience: positiveDuration };

function readOptions(options: unknown): { heartbeat?: Milliseconds; patience?: Milliseconds } {
  return read(options, READERS, 'options') as { heartbeat?: Milliseconds; patience?: Milliseconds };
}

function parse(text: string): SentMessage | undefined {
  try {
    const { from, sequence, changes, at = 0, carried } = JSON.parse(text) as Record<string, unknown>;
    const isRight =
      typeof from === 'string' &&
      Number.isSafeInteger(sequence) &&
      Array.isArray(changes) &&
      changes.length <= MOST_CHANGES &&
      changes.every(isChange) &&
      typeof at === 'number';
    if (!isRight) return undefined;
    return { from, sequence: sequence as number, changes, at, carried: readCarried(carried, changes) };
  } catch {
    return undefined;
  }
}

/** What makes no sense is as good as nothing. */
function readCarried(carried: unknown, changes: readonly Change[]): Carried | undefined {
  const { point, values } = (carried ?? {}) as { point?: Partial<RemotePoint> | null; values?: unknown };
  const { epoch, at } = point ?? {};
  if (typeof epoch !== 'string' || !Number.isSafeInteger(at)) return undefined;
  if (!Array.isArray(values) || values.length !== changes.length) return undefined;
  const read = values.map((value) => (isValue(value) ? value : undefined));
  return { point: { epoch, at: at as number }, values: read };
}

function isValue(value: unknown): value is CarriedValue {
  const { json, ttl, stale, tags, etag = '', lastModified = '', took = 0 } = (value ?? {}) as Partial<CarriedValue>;
  return (
    [json, etag, lastModified].every((text) => typeof text === 'string') &&
    [ttl, stale, took].every((ms) => typeof ms === 'number' && ms >= 0) &&
    isStrings(tags)
  );
}
