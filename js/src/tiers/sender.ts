import type { Milliseconds } from '../duration.js';
import { ignore } from '../memory/flight.js';
import type { Carried } from './bus.js';
import type { Change } from './change.js';
import { atEndOfTurn } from './end-of-turn.js';

/** Most changes of one message, so that one who reads it is not kept for long. */
const MOST_CHANGES = 256;

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

/** What the message of this turn will say. */
interface Due {
  readonly changes: Change[];
  /** Settled when it is on its way. */
  readonly said: Promise<void>;
  readonly say: () => void;
}

/**
 * Says what changed, and counts it, so that those who listen see when something of it is missing. Changes of one turn
 * are one message: a call of the second tier that made many ends for all of them at once.
 */
export class Sender {
  readonly id: string;
  /** Messages with changes. */
  sent = 0;
  readonly #send: (text: string) => Promise<void>;
  #due: Due | undefined;

  /** @param family what its id begins with, and those of senders that it belongs to */
  constructor(send: (text: string) => Promise<void>, family: string) {
    this.#send = send;
    this.id = `${family}${crypto.randomUUID()}`;
  }

  /** Resolves when all of it is on its way. */
  publish(changes: readonly Change[], carried?: Carried): Promise<void> {
    // What it carries is of one point in the order of the second tier.
    if (carried !== undefined) {
      this.flush();
      return this.#sayAll(changes, carried);
    }
    this.#due ??= this.#gather();
    for (const change of changes) this.#due.changes.push(change);
    return this.#due.said;
  }

  /** Says now what was to be said at the end of the turn. */
  flush(): void {
    const due = this.#due;
    this.#due = undefined;
    due?.say();
  }

  #gather(): Due {
    const changes: Change[] = [];
    let say: () => void = ignore;
    const said = new Promise<void>((resolve) => {
      say = () => resolve(this.#sayAll(changes));
    });
    atEndOfTurn(() => this.flush());
    return { changes, said, say };
  }

  async #sayAll(changes: readonly Change[], carried?: Carried): Promise<void> {
    const saying: Promise<void>[] = [];
    for (let i = 0; i < changes.length; i += MOST_CHANGES) {
      const part = changes.slice(i, i + MOST_CHANGES);
      const with_ = carried && { ...carried, values: carried.values.slice(i, i + MOST_CHANGES) };
      saying.push(this.#say({ from: this.id, sequence: ++this.sent, changes: part, carried: with_ }));
    }
    await Promise.all(saying);
  }

  /** Tells how far it has come. */
  signOfLife(): Promise<void> {
    return this.#say({ from: this.id, sequence: this.sent, changes: [], at: performance.now() });
  }

  #say(message: SentMessage): Promise<void> {
    return this.#send(JSON.stringify(message));
  }
}
