import type { Milliseconds } from '../duration.js';
import { type Channel, type ChannelListener, SequencedBus, type SequencedBusOptions } from './sequenced-bus.js';

/** What becomes of one message on its way to one listener: how late each copy of it is; none: it is lost. */
export type BusFault = (text: string, listener: number) => readonly (Milliseconds | Promise<void>)[];

/**
 * What connects the buses of several caches in this process, for tests. Messages come in order and at once, unless
 * they are made to be late, doubled or lost.
 */
export class MemoryBus {
  /** Asked for each message and listener what becomes of it; without one it comes at once. */
  fault: BusFault | undefined;
  readonly #options: SequencedBusOptions | undefined;
  readonly #listeners = new Map<number, ChannelListener>();
  #count = 0;
  readonly #cut = new Set<number>();

  constructor(options?: SequencedBusOptions) {
    this.#options = options;
  }

  /** A bus for one cache. */
  connect(): SequencedBus {
    const id = this.#count++;
    const channel: Channel = {
      open: (listener) => {
        this.#listeners.set(id, listener);
        if (!this.#cut.has(id)) listener.up();
      },
      send: async (text) => {
        if (this.#cut.has(id)) throw new Error('there is no connection');
        this.broadcast(text);
      },
      close: () => void this.#listeners.delete(id),
    };
    return new SequencedBus(channel, this.#options);
  }

  /** Ends the connection of the n-th bus, which notices. */
  cut(n: number): void {
    this.#cut.add(n);
    this.#listeners.get(n)?.down('the connection was cut');
  }

  /** Connects it again. What was sent meanwhile does not come any more. */
  heal(n: number): void {
    this.#cut.delete(n);
    this.#listeners.get(n)?.up();
  }

  /** Sends a text to all, as one of them would. */
  broadcast(text: string): void {
    for (const to of [...this.#listeners.keys()]) this.#send(text, to);
  }

  #send(text: string, to: number): void {
    for (const late of this.fault?.(text, to) ?? [0]) {
      const arrive = () => {
        if (!this.#cut.has(to)) this.#listeners.get(to)?.message(text);
      };
      if (late === 0) arrive();
      else if (typeof late === 'number') setTimeout(arrive, late);
      else void late.then(arrive);
    }
  }
}

/** What connects caches in this process, for tests: each gets a bus of its own by `connect`. */
export function memoryBus(options?: SequencedBusOptions): MemoryBus {
  return new MemoryBus(options);
}
