import type { Milliseconds } from '../duration.js';
import type { Change } from '../tiers/change.js';
import type { RemoteCall, RemoteFollower, RemoteFound, RemoteRead } from '../tiers/remote.js';
import { namespaceScope, tagScope } from './names.js';
import { type Answer, foundOf, type Reading } from './reading.js';
import { Tokens } from './tokens.js';
import { SCOPES_AT } from './value.js';

/** After so many calls in a row in which all entries of a namespace could have been judged here, the next are. */
const ENOUGH = 16;
/** Namespaces of which that is counted. */
const MOST_NAMESPACES = 10_000;
/** How long what is remembered counts: changes of those who do not tell of them on the bus are seen after that. */
const TRUST: Milliseconds = 10_000;

/**
 * Reads for a cache that hears what is changed. It remembers tokens, and judges entries with those, so that Redis has only
 * to find them; what cannot be judged here, Redis is asked for once more. As that is a second round trip, it is tried
 * only where it would have gone well {@link ENOUGH} times in a row. See docs/decisions/0029.
 */
export class Follower implements RemoteFollower {
  readonly #reading: Reading;
  readonly #flush: () => void;
  readonly #hears: () => boolean;
  readonly #tokens: Tokens;
  /** By namespace, in how many calls in a row. */
  readonly #runs = new Map<string, number>();
  readonly #counts = { judged: 0, askedAgain: 0 };
  #since = performance.now();

  /** @param flush sends what was written before */
  constructor(reading: Reading, flush: () => void, hears: () => boolean, isDurable: boolean) {
    this.#reading = reading;
    this.#flush = flush;
    this.#hears = hears;
    this.#tokens = new Tokens(isDurable);
  }

  async read(reads: readonly RemoteRead[], call: RemoteCall): Promise<readonly RemoteFound[]> {
    if (call.ordered !== undefined) {
      // Where the call stands is found out with what judging takes.
      this.#flush();
      return foundOf(await this.#reading.read(reads, call));
    }
    if (performance.now() - this.#since > TRUST) this.forget();
    const answers = [...(await this.#ask(reads, call, reads.map(this.#isLikely)))];
    const answered = performance.now();
    let open: number[] = [];
    for (let i = 0; i < answers.length; i++) if (answers[i]?.isOpen) open.push(i);
    // What is heard while Redis is asked once more counts for all that is handed out then.
    for (let isAgain = false; open.length > 0; isAgain = true) {
      const isHeard = this.#hears();
      const doubtful = open.filter((i) => !isHeard || !this.#accepts(reads[i] as RemoteRead, answers[i] as Answer));
      if (doubtful.length === 0) {
        if (isAgain) for (const i of open) age(answers[i] as Answer, performance.now() - answered);
        break;
      }
      open = open.filter((i) => !doubtful.includes(i));
      for (const i of doubtful) this.#runs.delete(namespaceScope((reads[i] as RemoteRead).namespace));
      const again = await this.#ask(
        doubtful.map((i) => reads[i] as RemoteRead),
        call,
      );
      for (const [j, i] of doubtful.entries()) answers[i] = again[j] as Answer;
      this.#counts.askedAgain += doubtful.length;
    }
    this.#counts.judged += open.length;
    this.#reading.counts.hits += open.length;
    return foundOf(answers);
  }

  changed(changes: readonly Change[]): void {
    this.#tokens.changed(changes);
  }

  forget(): void {
    this.#tokens.forget();
    this.#runs.clear();
    this.#since = performance.now();
  }

  health(): object {
    return { tokens: { known: this.#tokens.size, ...this.#counts } };
  }

  /** Asks, and learns from what Redis judged. */
  async #ask(
    reads: readonly RemoteRead[],
    call: RemoteCall,
    isOpen: readonly boolean[] = [],
  ): Promise<readonly Answer[]> {
    const tokens = this.#tokens;
    const { time } = tokens;
    this.#flush();
    const answers = await this.#reading.read(reads, call, isOpen);
    if (!this.#hears()) return answers;
    const couldVouch = new Map<string, boolean>();
    for (let i = 0; i < answers.length; i++) {
      const answer = answers[i] as Answer;
      if (answer.isOpen || answer.entry === undefined) continue;
      const ns = namespaceScope((reads[i] as RemoteRead).namespace);
      const list = this.#listOf(answer);
      couldVouch.set(ns, couldVouch.get(ns) !== false && tokens.vouch(list, ns));
      tokens.learn(list, ns, answer.barriers.length === 0, time);
    }
    for (const [ns, could] of couldVouch) {
      if (this.#runs.size >= MOST_NAMESPACES) this.#runs.clear();
      this.#runs.set(ns, could ? Math.min(ENOUGH, (this.#runs.get(ns) ?? 0) + 1) : 0);
    }
    return answers;
  }

  /** Whether what is there can probably be judged here. */
  readonly #isLikely = ({ namespace, lease, tags, dependsOn }: RemoteRead): boolean =>
    lease !== true &&
    dependsOn.length === 0 &&
    this.#runs.get(namespaceScope(namespace)) === ENOUGH &&
    tags.every((tag) => this.#tokens.has(tagScope(namespace, tag)));

  /** Whether an answer that nobody has judged may be handed out as it is. */
  #accepts({ namespace, lease: wanted }: RemoteRead, answer: Answer): boolean {
    const { entry, lease } = answer;
    if (entry === undefined) return false;
    if (wanted !== false && lease === undefined && !(entry.ttl > 0)) return false;
    return this.#tokens.vouch(this.#listOf(answer), namespaceScope(namespace));
  }

  /** The scopes of what is there, and their tokens. */
  #listOf({ value, frameAt }: Answer): readonly string[] | undefined {
    return value && this.#tokens.listOf(value, SCOPES_AT, frameAt);
  }
}

/** Times of an entry are lengths, as of the answer. */
function age(answer: Answer, by: Milliseconds): void {
  const { entry } = answer;
  if (entry !== undefined) answer.entry = { ...entry, ttl: entry.ttl - by };
}
