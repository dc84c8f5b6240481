import { isRequestScoped } from '../engine/platform.js';
import { atEndOfTurn } from './end-of-turn.js';
import type { RemoteFound, RemoteRead } from './remote.js';

/** Reads that are asked for together at most. */
const MOST_READS = 256;
/** As many are asked for in two calls, where those cost one round trip. */
const WORTH_TWO = 12;

type Found = readonly RemoteFound[] | undefined;

interface Asked {
  readonly reads: readonly RemoteRead[];
  readonly resolve: (found: Found | PromiseLike<Found>) => void;
}

/**
 * Makes one question of all that callers ask the second tier within one turn of the event loop: the more callers there
 * are, the less each of them costs. Nobody waits for it: a question goes out before anything else is done.
 */
export class Gathering {
  readonly #ask: (reads: readonly RemoteRead[]) => Promise<Found>;
  #asked: Asked[] = [];
  #count = 0;
  readonly #isPipelined: boolean;
  /** Where a request may not wait for what another began, each asks for itself. */
  readonly #isOff = isRequestScoped();

  /**
   * @param ask answers in the order of the reads; must not reject
   * @param isPipelined whether calls that are made together cost one round trip
   */
  constructor(ask: (reads: readonly RemoteRead[]) => Promise<Found>, isPipelined: boolean) {
    this.#ask = ask;
    this.#isPipelined = isPipelined;
  }

  read(reads: readonly RemoteRead[]): Promise<Found> {
    if (this.#isOff || reads.length >= MOST_READS) return this.#ask(reads);
    if (this.#count + reads.length > MOST_READS) this.#send();
    if (this.#count === 0) atEndOfTurn(() => this.#send());
    this.#count += reads.length;
    return new Promise((resolve) => {
      this.#asked.push({ reads, resolve });
    });
  }

  #send(): void {
    const asked = this.#asked;
    const count = this.#count;
    if (count === 0) return;
    this.#asked = [];
    this.#count = 0;
    if (!this.#isPipelined || count < WORTH_TWO) {
      this.#askFor(asked);
      return;
    }
    // Those of the one half go on, and ask again, while the other side works for those of the other.
    let half = 0;
    for (let reads = 0; reads * 2 < count; half++) reads += (asked[half] as Asked).reads.length;
    this.#askFor(asked.slice(0, half));
    if (half < asked.length) this.#askFor(asked.slice(half));
  }

  #askFor(asked: readonly Asked[]): void {
    if (asked.length === 1) {
      const [{ reads, resolve }] = asked as [Asked];
      // A promise that is resolved with another takes its time.
      void this.#ask(reads).then(resolve);
      return;
    }
    void this.#ask(asked.flatMap(({ reads }) => reads)).then((found) => {
      let at = 0;
      for (const { reads, resolve } of asked) {
        resolve(found?.slice(at, at + reads.length));
        at += reads.length;
      }
    });
  }
}
