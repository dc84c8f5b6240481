import { atEndOfTurn } from '../tiers/end-of-turn.js';
import { BATCH } from './shards.js';

/** Parts of calls, of which those of one turn and one shard go out together. */
export class Parts<P> {
  readonly #flush: () => void;
  #byShard: (P[] | undefined)[] = [];
  #isDue = false;

  /** @param flush {@link take}s and sends them: called at the end of a turn in which there were some */
  constructor(flush: () => void) {
    this.#flush = flush;
  }

  add(shard: number, part: P): void {
    const together = this.#byShard[shard];
    if (together === undefined) this.#byShard[shard] = [part];
    else together.push(part);
    if (this.#isDue) return;
    this.#isDue = true;
    atEndOfTurn(this.#flush);
  }

  /** Those that are there, as many at a time as one call has. */
  take(): { readonly shard: number; readonly parts: readonly P[] }[] {
    this.#isDue = false;
    const all = this.#byShard;
    this.#byShard = [];
    const calls: { shard: number; parts: P[] }[] = [];
    for (const [shard, parts] of all.entries())
      for (let i = 0; parts !== undefined && i < parts.length; i += BATCH)
        calls.push({ shard, parts: parts.slice(i, i + BATCH) });
    return calls;
  }
}
