// What the service shows, through a cache, and what its writes make out of date.
import { MemoryCache } from 'tiercel';
import { ChatCache, writeBehind } from 'tiercel/patterns';
import { Warmer } from 'tiercel/warming';

const LATEST = 50;

export class Chat {
  #store;
  #cache = MemoryCache.createSync({ maxBytes: '32mb' });
  #shown = new ChatCache(this.#cache.namespace('shown'), { maxLimit: 200 });
  #reads;

  /** @param {import('./store.mjs').Store} store */
  constructor(store) {
    this.#store = store;
    // Only the newest count of a session matters, so one that waits is replaced.
    this.#reads = writeBehind(this.#cache.namespace('reads'), {
      write: (operations) =>
        store.setReads(
          operations.map(({ key, ...rest }) => ({ id: Number(key), reads: 'value' in rest ? rest.value : 0 })),
        ),
      deadLetter: (operations, error) => console.error(`${operations.length} counts were not written:`, error),
      load: ({ key }) => store.readsOf(Number(key)),
      coalesce: true,
      interval: '1s',
      // The service ends by itself, when its requests are answered.
      drainOnSignal: false,
    });
  }

  /**
   * @template T
   * @typedef {Promise<{ value: T, cached: boolean }>} Shown
   */

  /** @returns {Shown<import('./store.mjs').Session & { reads: number } | undefined>} */
  async session(/** @type {string} */ userId, /** @type {number} */ id) {
    const shown = await noted((load) =>
      this.#shown.session(
        ref(userId, id),
        load(() => this.#store.session(userId, id)),
      ),
    );
    if (shown.value === undefined) return shown;
    const reads = ((await this.#reads.get(String(id))) ?? 0) + 1;
    await this.#reads.set(String(id), reads);
    return { ...shown, value: { ...shown.value, reads } };
  }

  /** @returns {Shown<import('./store.mjs').Session[]>} */
  sessions(/** @type {string} */ userId, /** @type {number} */ limit) {
    return noted((load) =>
      this.#shown.userSessions(
        userId,
        limit,
        load(() => this.#store.sessions(userId, limit)),
      ),
    );
  }

  /** @returns {Shown<import('./store.mjs').Message[]>} */
  messages(/** @type {string} */ userId, /** @type {number} */ id, limit = LATEST) {
    return noted((load) =>
      this.#shown.messages(
        ref(userId, id),
        limit,
        load(() => this.#store.messages(userId, id, limit)),
      ),
    );
  }

  /** @returns {Shown<import('./store.mjs').Message[]>} */
  search(
    /** @type {string} */ userId,
    /** @type {string} */ text,
    /** @type {string | undefined} */ role,
    /** @type {number} */ limit,
  ) {
    const search = { userId, query: text, filters: { role }, limit };
    return noted((load) =>
      this.#shown.search(
        search,
        load(({ query }) => this.#store.search(userId, query, role, limit)),
      ),
    );
  }

  createSession(/** @type {string} */ userId, /** @type {string} */ title) {
    return this.#shown.inUser(userId, () => this.#store.createSession(userId, title));
  }

  addMessage(
    /** @type {string} */ userId,
    /** @type {number} */ id,
    /** @type {string} */ role,
    /** @type {string} */ text,
  ) {
    return this.#shown.inSession(ref(userId, id), () => this.#store.addMessage(userId, id, role, text));
  }

  deleteSession(/** @type {string} */ userId, /** @type {number} */ id) {
    return this.#shown.inSession(ref(userId, id), () => this.#store.deleteSession(userId, id));
  }

  /** Reads what was in use last, so that the first requests find it. Resolves to what came of it. */
  async warm() {
    const warmer = new Warmer();
    warmer.add({
      name: 'latest-sessions',
      timeout: '10s',
      run: async ({ signal, progress }) => {
        const latest = this.#store.latestSessions(100);
        for (const [i, { user, id }] of latest.entries()) {
          if (signal.aborted) return i;
          await this.messages(user, id);
          progress(i + 1, latest.length);
        }
        return latest.length;
      },
    });
    const [result] = await warmer.run();
    warmer.close();
    return result;
  }

  stats() {
    return { cache: this.#cache.stats(), reads: this.#reads.stats() };
  }

  /** Writes what is still to be written. @returns How many counts were written in all. */
  async close() {
    await this.#reads.close();
    this.#cache.close();
    return this.#reads.stats().written;
  }
}

function ref(/** @type {string} */ userId, /** @type {number} */ id) {
  return { userId, sessionId: String(id) };
}

/** Tells whether a value was cached: then nothing was loaded. */
async function noted(/** @type {(load: (run: any) => any) => Promise<any>} */ read) {
  let cached = true;
  const value = await read((run) => (/** @type {any} */ of) => {
    cached = false;
    return run(of);
  });
  return { value, cached };
}
