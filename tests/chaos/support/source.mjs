// What the caches are in front of: values whose versions only grow, a store that is written behind, and who is told what.
import { CHANGING } from './places.mjs';

/** Every so many calls of the store fail, though they may have had an effect. */
const STORE_FAILS = 10;

export class Source {
  /** @type {Map<string, number>} */
  #versions = new Map(CHANGING.map((place) => [place, 1]));
  /**
   * Of each actor what it was told is accepted, and when; and what the store got of it, in that order.
   * @type {Map<string, { accepted: { number: number, at: number }[], stored: { key: string, number: number }[] }>}
   */
  writers = new Map();
  givenUp = 0;
  #calls = 0;
  /** Longest that an answer takes, in milliseconds. */
  #slowest;

  constructor({ slowest }) {
    this.#slowest = slowest;
  }

  valueOf(place) {
    return { place, version: this.#versions.get(place) ?? 1 };
  }

  /** The next value of a place. */
  grow(place) {
    const version = this.valueOf(place).version + 1;
    this.#versions.set(place, version);
    return { place, version };
  }

  /** After as long as a source takes. */
  later(answer) {
    setTimeout(answer, Math.random() * this.#slowest);
  }

  #writer(actor) {
    const writer = this.writers.get(actor) ?? { accepted: [], stored: [] };
    this.writers.set(actor, writer);
    return writer;
  }

  accept(actor, { accepted: number, at }) {
    this.#writer(actor).accepted.push({ number, at });
  }

  /** Whether the store says that it went well. */
  store(actor, operations) {
    const isRefused = ++this.#calls % STORE_FAILS === 0;
    // One that fails at all may have written what it got, or not.
    if (!isRefused || this.#calls % (2 * STORE_FAILS) === 0) this.#writer(actor).stored.push(...operations);
    return !isRefused;
  }

  /** Forgets what arrived, but for the last, which what follows has to follow; and those that ended. */
  forgetWrites(ended) {
    for (const [actor, writer] of this.writers) {
      if (ended.has(actor)) this.writers.delete(actor);
      const numbers = new Set(writer.stored.map(({ number }) => number));
      writer.accepted = writer.accepted.filter(({ number }) => !numbers.has(number));
      writer.stored = writer.stored.slice(-20);
    }
  }
}
