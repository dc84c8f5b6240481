/**
 * The slow search, behind a cache.
 *
 * @typedef {{ name: string, scientific: string, group: string }} Bird
 *
 * @typedef {object} Answer
 * @property {Bird[]} birds
 * @property {'hit' | 'stale' | 'miss'} outcome
 * @property {number} milliseconds
 */
export class Search {
  /** Requests sent. */
  requests = 0;
  #cache;
  /** @type {Answer['outcome']} Of the last look-up. */
  #outcome = 'miss';

  /** @param {import('tiercel').MemoryCache<Bird[]>} cache */
  constructor(cache) {
    this.#cache = cache;
    cache.on('hit', ({ stale }) => {
      this.#outcome = stale ? 'stale' : 'hit';
    });
    cache.on('miss', () => {
      this.#outcome = 'miss';
    });
  }

  /**
   * @param {string} query
   * @returns {Promise<Answer>}
   */
  async find(query) {
    const began = performance.now();
    const found = this.#cache.getOrSet(query, (context) => this.#load(query, context));
    // Listeners are called within the call, so this is about this look-up.
    const outcome = this.#outcome;
    const birds = await found;
    return { birds, outcome, milliseconds: performance.now() - began };
  }

  /**
   * @param {string} query
   * @param {import('tiercel').LoadContext<Bird[]>} context
   * @returns {Promise<Bird[]>}
   */
  async #load(query, context) {
    this.requests++;
    const response = await fetch(`search?q=${encodeURIComponent(query)}`, { signal: context.signal });
    if (!response.ok) throw new Error(`The search answered ${response.status}.`);
    /** @type {Bird[]} */
    const birds = await response.json();
    context.setTags(...new Set(birds.map(({ group }) => group)));
    return birds;
  }
}
