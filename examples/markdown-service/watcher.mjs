// Tells of changes in the folder that is served. One fs.watch for each folder, as the recursive one is made of the
// same in Node on Linux and loses track when folders are renamed or replaced.
import { watch } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { codeOf } from './errors.mjs';
import { isFolder } from './paths.mjs';

// Long enough to see a save or a checkout as few changes, short against the second in which it must be seen.
const GATHER_MS = 20;
const MAX_FOLDERS = 8_192;

/**
 * `path` has no slash at its end, as what it names may be gone. `renamed`: it came, went or was replaced.
 *
 * @typedef {{ path: string, renamed: boolean }} Change
 */

/**
 * @typedef {object} WatcherEvents
 * @property {(changes: readonly Change[]) => void} onChange Called some milliseconds after a change on disk.
 * @property {(reason: string) => void} onLost Called at most once: from now on there will be no more changes.
 */

export class Watcher {
  /** Why there are no more events. @type {string | undefined} */
  lostReason;
  /** Changes told so far. */
  changes = 0;
  #folder;
  #events;
  #maxFolders;
  /** By path of folder. The inode tells a folder from another that took its name. @type {Map<string, { handle: import('node:fs').FSWatcher, inode: bigint }>} */
  #watched = new Map();
  /** Paths that events named since the last telling. @type {Map<string, boolean>} */
  #gathered = new Map();
  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  /** The following of renamed folders, one after the other. */
  #following = Promise.resolve();
  #closed = false;

  /**
   * @param {import('./folder.mjs').Folder} folder
   * @param {WatcherEvents} events
   * @param {number} [maxFolders] More than these are not watched: the watcher is lost.
   */
  constructor(folder, events, maxFolders = MAX_FOLDERS) {
    this.#folder = folder;
    this.#events = events;
    this.#maxFolders = maxFolders;
  }

  /** Folders that are watched. */
  get folders() {
    return this.#watched.size;
  }

  /** Begins to watch; changes from its end on are told. */
  async start() {
    await this.#watchTree('/');
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const { handle } of this.#watched.values()) handle.close();
    this.#watched.clear();
  }

  /**
   * Watches a folder and those in it.
   *
   * @param {string} top
   */
  async #watchTree(top) {
    const queue = [top];
    for (let path = queue.pop(); path !== undefined && !this.#closed; path = queue.pop()) {
      try {
        await this.#watchFolder(path);
        // Read after the watch began: what comes later is told by it.
        const entries = await readdir(this.#folder.fileOf(path), { withFileTypes: true });
        for (const entry of entries) {
          const inner = `${path}${entry.name}/`;
          if (entry.isDirectory() && this.#folder.isPublished(inner)) queue.push(inner);
        }
      } catch (error) {
        // It went while it was looked at, which its parent's watch tells.
        const isGone = codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
        if (!isGone || path === '/') this.#lose(error);
      }
    }
  }

  /** @param {string} path */
  async #watchFolder(path) {
    const file = this.#folder.fileOf(path);
    const { ino: inode } = await lstat(file, { bigint: true });
    if (this.#closed || this.#watched.get(path)?.inode === inode) return;
    if (this.#watched.size >= this.#maxFolders) throw new Error(`more than ${this.#maxFolders} folders`);

    const handle = watch(file, (event, name) => this.#gather(path, event === 'rename', name));
    handle.on('error', (error) => this.#lose(error));
    this.#watched.get(path)?.handle.close();
    this.#watched.set(path, { handle, inode });
  }

  /**
   * Takes an event of a watched folder.
   *
   * @param {string} path
   * @param {boolean} renamed
   * @param {string | null} name
   */
  #gather(path, renamed, name) {
    if (this.#closed) return;
    if (path === '/' && renamed && (name === null || name === basename(this.#folder.root))) void this.#checkRoot();
    const changed = name === null ? path : `${path}${name}`;
    if (!this.#folder.isPublished(changed)) return;
    const key = isFolder(changed) ? changed.slice(0, -1) : changed;
    this.#gathered.set(key, renamed || name === null || (this.#gathered.get(key) ?? false));
    // Not put off by later events, so that a file that never rests is seen too.
    this.#timer ??= setTimeout(() => this.#tell(), GATHER_MS);
  }

  #tell() {
    const changes = [...this.#gathered].map(([path, renamed]) => ({ path, renamed }));
    this.#gathered.clear();
    this.#timer = undefined;
    this.changes += changes.length;
    this.#events.onChange(changes);
    const renamed = changes.filter((change) => change.renamed);
    this.#following = this.#following.then(() => this.#follow(renamed));
  }

  /**
   * Ends and begins watches so that all folders are watched again.
   *
   * @param {readonly Change[]} changes
   */
  async #follow(changes) {
    for (const { path } of changes) {
      const stats = await lstat(this.#folder.fileOf(path), { bigint: true }).catch(() => undefined);
      if (this.#closed) return;
      const folder = `${path}/`;
      const before = this.#watched.get(folder)?.inode;
      const after = stats?.isDirectory() ? stats.ino : undefined;
      if (before === after) continue;
      if (before !== undefined) this.#unwatchTree(folder);
      if (after === undefined) continue;
      await this.#watchTree(folder);
      // For what happened in it before it was watched.
      if (!this.#closed) this.#events.onChange([{ path, renamed: true }]);
    }
  }

  /** @param {string} top */
  #unwatchTree(top) {
    for (const [path, { handle }] of this.#watched) {
      if (!path.startsWith(top)) continue;
      handle.close();
      this.#watched.delete(path);
    }
  }

  /** If the root itself was moved or removed, its watch stays with what is elsewhere now. */
  async #checkRoot() {
    const stats = await lstat(this.#folder.root, { bigint: true }).catch(() => undefined);
    if (stats?.ino !== this.#watched.get('/')?.inode) this.#lose(new Error('the folder was moved or removed'));
  }

  /** @param {unknown} error */
  #lose(error) {
    if (this.#closed) return;
    this.lostReason = error instanceof Error ? error.message : String(error);
    this.close();
    this.#events.onLost(this.lostReason);
  }
}
