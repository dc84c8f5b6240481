// Pages through the cache.
import { isFolder, isMarkdown, tagsOfChange } from './paths.mjs';

/** @typedef {import('./pages.mjs').Page} Page */

// Shown times and sizes of a listing change more often than documents do, and it is cheap to make.
const LISTING_SECONDS = 60;
const DOCUMENT_SECONDS = 1_800;
const FILE_SECONDS = 3_600;
const STALE_SECONDS = 60;

// The watcher tells of changes at once. This finds those it did not hear of: a queue of events can overflow in the
// kernel, and some file systems have no events for what another machine did.
const CHECK_INTERVAL_MS = 5_000;

export class CachedPages {
  /** Pages that were outdated though no event had told. */
  missedChanges = 0;
  #pages;
  #folder;
  #cache;
  #now;
  #checkInterval = 0;
  /** When a page was made, and when it was last known to be as on disk. @type {WeakMap<Page, { made: number, checked: number }>} */
  #times = new WeakMap();

  /**
   * @param {import('./pages.mjs').Pages} pages
   * @param {import('./folder.mjs').Folder} folder
   * @param {import('tiercel').MemoryCache<Page>} cache
   * @param {() => number} [now] The clock of the cache, in milliseconds.
   */
  constructor(pages, folder, cache, now = () => performance.now()) {
    this.#pages = pages;
    this.#folder = folder;
    this.#cache = cache;
    this.#now = now;
  }

  /**
   * The page at a path, and what a Cache-Status header says of how it was got (RFC 9211).
   *
   * @param {string} path
   * @returns {Promise<{ page: Page, status: string }>}
   */
  async get(path) {
    await this.#check(path);
    const asked = this.#now();
    const ttl = secondsOf(path) * 1_000;
    let isLoader = false;
    const page = await this.#cache.getOrSet(
      path,
      async (context) => {
        isLoader = true;
        const page = await this.#pages.make(path);
        // Only now it is known what the page was made of. An invalidation of it since the load began counts all the same.
        context.setTags(...page.tags);
        const made = this.#now();
        this.#times.set(page, { made, checked: made });
        return page;
      },
      { ttl, stale: this.#checkInterval > 0 ? STALE_SECONDS * 1_000 : 0 },
    );

    const made = this.#times.get(page)?.made ?? asked;
    if (made < asked) return { page, status: `hit; ttl=${Math.floor((made + ttl - asked) / 1_000)}` };
    if (!isLoader) return { page, status: 'fwd=uri-miss; collapsed' };
    return { page, status: this.#cache.peek(path) === page ? 'fwd=uri-miss; stored' : 'fwd=uri-miss' };
  }

  /**
   * Says that changes on disk will be told to {@link changed}. Until then, and after {@link unwatched}, each page
   * is compared with the disk whenever it is asked for.
   */
  watched() {
    this.#checkInterval = CHECK_INTERVAL_MS;
  }

  unwatched() {
    this.#checkInterval = 0;
    // What changed before this was known is not known.
    this.#cache.clear();
  }

  /** @param {readonly import('./watcher.mjs').Change[]} changes */
  changed(changes) {
    for (const { path, renamed } of changes) this.#cache.invalidateTags(...tagsOfChange(path, renamed));
  }

  /**
   * Removes the page from the cache if it is not as on disk any more.
   *
   * @param {string} path
   */
  async #check(path) {
    const page = this.#cache.peek(path);
    const times = page && this.#times.get(page);
    if (!times || this.#now() - times.checked < this.#checkInterval) return;
    const isWatched = this.#checkInterval > 0;
    // Set first, so that of many requests at once only one goes to the disk.
    if (isWatched) times.checked = this.#now();
    // Without events, a stamp that may not show the next change is not relied on.
    const isReliable = isWatched || page.sources.every((source) => source.sure);
    if (isReliable && (await this.#folder.isCurrent(page.sources))) return;
    if (this.#cache.peek(path) !== page) return;
    this.#cache.delete(path);
    if (isWatched) this.missedChanges++;
  }
}

/** @param {string} path */
function secondsOf(path) {
  if (isFolder(path)) return LISTING_SECONDS;
  return isMarkdown(path) ? DOCUMENT_SECONDS : FILE_SECONDS;
}
