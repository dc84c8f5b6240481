import type { Milliseconds } from '../duration.js';
import { type Listed, OpenList } from './open-list.js';

/** Writes of loaded values that may be under way to the second tier at a time. */
const MOST_WRITES = 1_024;

interface LateWrite extends Listed {
  /** Never rejects. */
  readonly over: Promise<void>;
  /** When it is to be over. */
  readonly until: Milliseconds;
}

/** Writes that nobody waits for but whoever closes the cache. */
export class LateWrites {
  readonly #writes = new OpenList<LateWrite>();

  /** Whether there are as many as may be. Those of a request of a Worker that has ended are never over: they do not count for long. */
  get isFull(): boolean {
    if (this.#writes.size < MOST_WRITES) return false;
    const now = performance.now();
    for (const write of this.#writes.all()) if (write.until < now) this.#writes.delete(write);
    return this.#writes.size >= MOST_WRITES;
  }

  /** @param work never rejects @param patience after how long it is to be over @returns when it is */
  add(work: Promise<unknown>, patience: Milliseconds): Promise<void> {
    const write: LateWrite = {
      over: work.then(() => this.#writes.delete(write)),
      until: performance.now() + patience,
      place: -1,
    };
    this.#writes.add(write);
    return write.over;
  }

  /** Resolves when all that are under way now are over. */
  async over(): Promise<void> {
    await Promise.all(this.#writes.all().map(({ over }) => over));
  }
}
