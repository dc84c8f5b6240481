import { isRequestScoped } from '../engine/platform.js';
import { atEndOfTurn } from './end-of-turn.js';
import type { RemoteFound, RemoteRead } from './remote.js';

/** Reads that are asked for together at most. */
const MOST_READS = 256;

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
  /** Where a request may not wait for what another began, each asks for itself. */
  readonly #isOff = isRequestScoped();

  /** @param ask answers in the order of the reads; must not reject */
  constructor(ask: (reads: readonly RemoteRead[]) => Promise<Found>) {
    this.#ask = ask;
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
    if (asked.length === 0) return;
    this.#asked = [];
    this.#count = 0;
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
