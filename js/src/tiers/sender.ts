import type { Milliseconds } from '../duration.js';
import type { Carried } from './bus.js';
import type { Change } from './change.js';

/** Most changes of one message, so that one who reads it is not kept for long. */
export const MOST_CHANGES = 256;

export interface SentMessage {
  /** Who sent it: an id of its own for each sender. */
  readonly from: string;
  /** Of the last message with changes that it sent: this one, or for a sign of life one before. */
  readonly sequence: number;
  readonly changes: readonly Change[];
  /** When a sign of life was given, by the sender's own clock: for the sender alone. */
  readonly at?: Milliseconds;
  readonly carried?: Carried | undefined;
}

/** Says what changed, and counts it, so that those who listen see when something of it is missing. */
export class Sender {
  readonly id: string;
  /** Messages with changes. */
  sent = 0;
  readonly #send: (text: string) => Promise<void>;

  /** @param family what its id begins with, and those of senders that it belongs to */
  constructor(send: (text: string) => Promise<void>, family: string) {
    this.#send = send;
    this.id = `${family}${crypto.randomUUID()}`;
  }

  async publish(changes: readonly Change[], carried?: Carried): Promise<void> {
    const sending: Promise<void>[] = [];
    for (let i = 0; i < changes.length; i += MOST_CHANGES) {
      const part = changes.slice(i, i + MOST_CHANGES);
      const with_ = carried && { ...carried, values: carried.values.slice(i, i + MOST_CHANGES) };
      sending.push(this.#say({ from: this.id, sequence: ++this.sent, changes: part, carried: with_ }));
    }
    await Promise.all(sending);
  }

  /** Tells how far it has come. */
  signOfLife(): Promise<void> {
    return this.#say({ from: this.id, sequence: this.sent, changes: [], at: performance.now() });
  }

  #say(message: SentMessage): Promise<void> {
    return this.#send(JSON.stringify(message));
  }
}
