import { atEndOfTurn } from '../tiers/end-of-turn.js';
import type { RemoteCall } from '../tiers/remote.js';
import { BATCH } from './shards.js';

/** One call of the tier, and what has become of that which it asked for: parts of it go out with those of others. */
export class Asked<A> {
  readonly call: RemoteCall;
  readonly answers: A[] = [];
  /** Parts that are not answered. */
  left = 0;
  readonly reject: (error: unknown) => void;
  readonly #resolve: (answers: readonly A[]) => void;

  constructor(call: RemoteCall, resolve: (answers: readonly A[]) => void, reject: (error: unknown) => void) {
    this.call = call;
    this.#resolve = resolve;
    this.reject = reject;
  }

  answered(at: number, answer: A): void {
    this.answers[at] = answer;
    if (--this.left === 0) this.#resolve(this.answers);
  }
}

/** The call that they are all of, if it is one. */
export function callOf<A>(parts: readonly { readonly of: Asked<A> }[]): RemoteCall | undefined {
  const first = parts[0]?.of;
  return parts.every(({ of }) => of === first) ? first?.call : undefined;
}

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
