// The folder that is served. All access to the disk goes through here, and nothing outside the folder is reached.
import { constants, lstatSync, realpathSync } from 'node:fs';
import { lstat, open, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { CommandError, codeOf, RequestError } from './errors.mjs';
import { encodePath, isPublicName, MAX_DEPTH, segmentsOf } from './paths.mjs';

const MAX_FILE_BYTES = 4 * 1024 * 1024;
const MAX_ENTRIES = 2_000;
const MAX_ATTEMPTS = 5;

// A pipe must not hold up the open, and a link put in place of a checked file must not be followed. Windows has neither.
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0);

// A file that changes again within the resolution of its time stamps, 2 s on some file systems, may look the same.
const RACY_MS = 2_000;

const byName = new Intl.Collator('en', { numeric: true });

/**
 * A file on disk and what it looked like when it was read. `sure`: a later change will show in the stamp.
 *
 * @typedef {{ file: string, stamp: string, sure: boolean }} Source
 */
/** @typedef {{ bytes: Buffer, path: string, sources: Source[] }} FileContent */
/** @typedef {{ name: string, isFolder: boolean, size: number, modified: Date }} ListingEntry */

export class Folder {
  /** Absolute, and real: no part of it is a symbolic link. */
  root;
  #only;

  /**
   * @param {string} root
   * @param {readonly string[]} [only] Names in the root that are served. Default: all that are public.
   * @throws {CommandError}
   */
  constructor(root, only) {
    try {
      this.root = realpathSync(root);
      if (!lstatSync(this.root).isDirectory()) throw new CommandError(`${root} is not a folder`);
    } catch (error) {
      if (error instanceof CommandError) throw error;
      const reason = codeOf(error) === 'ENOENT' ? 'there is no such folder' : String(error);
      throw new CommandError(`cannot serve ${root}: ${reason}`);
    }
    this.#only = only && new Set(only);
  }

  /**
   * Whether the service may show what is at the path.
   *
   * @param {string} path
   */
  isPublished(path) {
    const segments = segmentsOf(path);
    const [first] = segments;
    if (first === undefined) return true;
    return segments.length <= MAX_DEPTH && segments.every(isPublicName) && (this.#only?.has(first) ?? true);
  }

  /**
   * Where the path is on disk, if nothing there is a link.
   *
   * @param {string} path
   */
  fileOf(path) {
    return join(this.root, ...segmentsOf(path));
  }

  /**
   * The content of a file.
   *
   * @param {string} path
   * @returns {Promise<FileContent>} Its `path` is the real one.
   * @throws {RequestError}
   */
  async read(path) {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const real = await this.#locate(path);
      const content = await this.#readLocated(path, real);
      if (content) return content;
    }
    throw new RequestError(503, 'This page is being replaced.', { 'Retry-After': '1' });
  }

  /**
   * @param {string} path
   * @param {{ file: string, path: string }} real
   * @returns {Promise<FileContent | undefined>} Undefined if the file was replaced after it was located.
   */
  async #readLocated(path, real) {
    const handle = await open(real.file, OPEN_FLAGS).catch(throwRequestError);
    try {
      const stats = await handle.stat({ bigint: true });
      if (stats.isDirectory()) throw new RequestError(308, 'This is a folder.', { location: encodePath(`${path}/`) });
      if (!stats.isFile()) throw new RequestError(404, 'There is no such page.');
      if (stats.size > MAX_FILE_BYTES) {
        throw new RequestError(413, `Files larger than ${MAX_FILE_BYTES / 1024 / 1024} MiB are not served.`);
      }
      const opened = await placeOf(handle, real.file, stats);
      if (opened === undefined || !this.#isServed(opened)) return undefined;
      const bytes = await readUpTo(handle, Number(stats.size));
      return { bytes, path: real.path, sources: [sourceOf(real.file, stats)] };
    } finally {
      await handle.close();
    }
  }

  /**
   * What is in a folder: folders first, each in the order of their names.
   *
   * @param {string} path
   * @returns {Promise<{ entries: ListingEntry[], more: number, path: string, sources: Source[] }>}
   *   `more`: how many are left out because there are too many; `path` is the real one.
   * @throws {RequestError}
   */
  async list(path) {
    const real = await this.#locate(path);
    const stats = await stat(real.file, { bigint: true }).catch(throwRequestError);
    const names = await readdir(real.file).catch(throwRequestError);
    const shown = names.filter((name) => this.isPublished(`${path}${name}`)).sort(byName.compare);

    /** @type {Source[]} */
    const sources = [sourceOf(real.file, stats)];
    /** @type {ListingEntry[]} */
    const entries = [];
    const found = shown.slice(0, MAX_ENTRIES).map((name) => this.#entry(path, name));
    for (const entry of await Promise.all(found)) {
      if (!entry) continue;
      entries.push(entry.entry);
      if (entry.source) sources.push(entry.source);
    }
    entries.sort((a, b) => Number(b.isFolder) - Number(a.isFolder));
    const realPath = real.path === '/' ? '/' : `${real.path}/`;
    return { entries, more: Math.max(0, shown.length - MAX_ENTRIES), path: realPath, sources };
  }

  /**
   * Whether all is on disk as it was when it was read, by what the stamps say.
   *
   * @param {readonly Source[]} sources
   */
  async isCurrent(sources) {
    const found = await Promise.all(
      sources.map(({ file }) => stat(file, { bigint: true }).then(stampOf, () => undefined)),
    );
    return sources.every(({ stamp }, index) => stamp === found[index]);
  }

  /**
   * The real file and path of a path, which are inside the folder and published.
   *
   * @param {string} path
   */
  async #locate(path) {
    const file = await realpath(this.fileOf(path)).catch(throwRequestError);
    const realPath = this.#pathOf(file);
    if (realPath === undefined) throw new RequestError(403, 'This leads out of the folder that is served.');
    if (!this.isPublished(realPath)) throw new RequestError(404, 'There is no such page.');
    return { file, path: realPath };
  }

  /**
   * The path of a real file, undefined if it is outside.
   *
   * @param {string} file
   */
  #pathOf(file) {
    const inside = relative(this.root, file);
    if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) return undefined;
    return `/${inside.split(sep).join('/')}`;
  }

  /** @param {string} file */
  #isServed(file) {
    const path = this.#pathOf(file);
    return path !== undefined && this.isPublished(path);
  }

  /**
   * @param {string} folder
   * @param {string} name
   * @returns {Promise<{ entry: ListingEntry, source?: Source } | undefined>} Undefined for what could not be opened.
   */
  async #entry(folder, name) {
    try {
      const { file } = await this.#locate(`${folder}${name}`);
      const stats = await stat(file, { bigint: true });
      const entry = { name, isFolder: stats.isDirectory(), size: Number(stats.size), modified: stats.mtime };
      // What happens inside of a folder changes its time stamps, but not what its parent's listing shows of it.
      if (entry.isFolder) return { entry };
      return stats.isFile() ? { entry, source: sourceOf(file, stats) } : undefined;
    } catch {
      return undefined;
    }
  }
}

/**
 * @param {string} file
 * @param {import('node:fs').BigIntStats} stats From before the file is read.
 * @returns {Source}
 */
function sourceOf(file, stats) {
  return { file, stamp: stampOf(stats), sure: Date.now() - Number(stats.ctimeMs) > RACY_MS };
}

/** @param {import('node:fs').BigIntStats} stats */
function stampOf(stats) {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`;
}

/**
 * Where an opened file really is: since it was located, a folder on the way may have become a link that leads out.
 *
 * @param {import('node:fs/promises').FileHandle} handle
 * @param {string} file Where it was located.
 * @param {import('node:fs').BigIntStats} stats
 * @returns {Promise<string | undefined>} Undefined if that cannot be told.
 */
async function placeOf(handle, file, stats) {
  try {
    const place = await readlink(`/proc/self/fd/${handle.fd}`);
    // So marked if the file was just replaced. It is whole, and the watcher will tell of the new one.
    return place.replace(/ \(deleted\)$/, '');
  } catch {
    // Not Linux: next best is to find the same file in the same place again.
    const found = await lstat(file, { bigint: true }).catch(() => undefined);
    const isSame = found?.ino === stats.ino && found.dev === stats.dev;
    return isSame ? realpath(file).catch(() => undefined) : undefined;
  }
}

/**
 * Reads no more than `size` bytes, even if the file grows meanwhile.
 *
 * @param {import('node:fs/promises').FileHandle} handle
 * @param {number} size
 */
async function readUpTo(handle, size) {
  const buffer = Buffer.alloc(size);
  let length = 0;
  while (length < size) {
    const { bytesRead } = await handle.read(buffer, length, size - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}

/**
 * @param {unknown} error
 * @returns {never}
 */
function throwRequestError(error) {
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') throw new RequestError(404, 'There is no such page.');
  if (code === 'ELOOP' || code === 'ENAMETOOLONG') throw new RequestError(404, 'This path cannot be followed.');
  if (code === 'EACCES' || code === 'EPERM') throw new RequestError(403, 'The service may not read this.');
  throw error;
}
