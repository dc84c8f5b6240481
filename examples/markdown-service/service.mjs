// The service, put together: folder, pages, cache, watcher and HTTP server.
import { engineInfo, MemoryCache, version } from 'tiercel';
import { CachedPages } from './cached-pages.mjs';
import { CommandError, codeOf } from './errors.mjs';
import { Folder } from './folder.mjs';
import { HttpServer } from './http-server.mjs';
import { Pages } from './pages.mjs';
import { createRoutes } from './routes.mjs';
import { Watcher } from './watcher.mjs';

const CACHE_BYTES = '64mb';
// What a page takes beside its body: the object, its strings and tags.
const PAGE_BYTES = 1_024;

/** @typedef {Omit<import('./options.mjs').ServeOptions, 'command'>} ServiceOptions */

/**
 * A running service.
 *
 * @typedef {object} Service
 * @property {string} url
 * @property {string} root
 * @property {string} engine What the cache runs on, or that there is none.
 * @property {() => Promise<void>} close Finishes what is in flight, within `shutdownSeconds`, and lets go of all.
 */

/**
 * @param {ServiceOptions} options
 * @returns {Promise<Service>}
 * @throws {CommandError}
 */
export async function startService(options) {
  const folder = new Folder(options.root, options.only);
  const pages = new Pages(folder);
  const cache = options.cached ? createCache() : undefined;
  const cachedPages = cache && new CachedPages(pages, folder, cache);
  const watcher = cachedPages && options.watch ? watchFor(cachedPages, folder) : undefined;
  const started = performance.now();

  const routes = createRoutes({
    getPage: (path) => cachedPages?.get(path) ?? pages.make(path).then((page) => ({ page, status: 'fwd=bypass' })),
    invalidate: (tags) => cache?.invalidateTags(...tags) ?? 0,
    isClosing: () => server.isClosing,
    stats: () => ({
      uptimeSeconds: Math.round((performance.now() - started) / 1_000),
      root: folder.root,
      renders: pages.renders,
      engine: { ...engineInfo(), engine: cache?.engine ?? null },
      cache: cache?.stats() ?? null,
      watcher: watcherState(watcher, cachedPages),
    }),
  });
  const server = new HttpServer(routes);

  await watcher?.start();
  if (watcher && watcher.lostReason === undefined) cachedPages?.watched();
  const url = await server.listen(options).catch((error) => {
    watcher?.close();
    cache?.close();
    throw error;
  });

  return {
    url,
    root: folder.root,
    engine: cache ? `${cache.engine} ${version}` : 'none, every request renders',
    close: async () => {
      await server.close(options.shutdownSeconds * 1_000);
      watcher?.close();
      cache?.close();
    },
  };
}

/** @returns {MemoryCache<import('./pages.mjs').Page>} */
function createCache() {
  try {
    return MemoryCache.createSync({
      maxBytes: CACHE_BYTES,
      sizeOf: (page) => page.body.length + PAGE_BYTES,
      // Keys are paths and tags are made of them.
      maxKeyBytes: 8_192,
    });
  } catch (error) {
    if (codeOf(error) === 'ERR_TIERCEL_ENGINE_UNAVAILABLE' && error instanceof Error)
      throw new CommandError(error.message);
    throw error;
  }
}

/**
 * @param {CachedPages} cachedPages
 * @param {Folder} folder
 */
function watchFor(cachedPages, folder) {
  return new Watcher(folder, {
    onChange: (changes) => cachedPages.changed(changes),
    onLost: (reason) => {
      cachedPages.unwatched();
      console.error(`The watcher ended: ${reason}. Pages are compared with the disk on every request.`);
    },
  });
}

/**
 * How changes on disk are found, for the statistics.
 *
 * @param {Watcher | undefined} watcher
 * @param {CachedPages | undefined} cachedPages
 */
function watcherState(watcher, cachedPages) {
  if (!cachedPages) return null;
  if (!watcher) return { mode: 'mtime', reason: 'started with --no-watch' };
  const { folders, changes, lostReason } = watcher;
  if (lostReason !== undefined) return { mode: 'mtime', reason: lostReason, changes };
  return { mode: 'events', folders, changes, missedChanges: cachedPages.missedChanges };
}
