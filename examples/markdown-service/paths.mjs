// Paths as the service names them: decoded, beginning with a slash, ending with one if they mean a folder. They
// are the keys of the cache, and the tags are made of them.
import { RequestError } from './errors.mjs';

const MAX_LENGTH = 2_048;
// An entry has at most 64 tags: those of its path, and of its real path and its README's where links are involved.
export const MAX_DEPTH = 16;

/** Entries that were reached through a symbolic link, which any renaming in the folder may have changed. */
export const LINKED_TAG = 'linked';

/**
 * The path of a request target: `/docs/a%20b.md?x` is `/docs/a b.md`.
 *
 * @param {string} target
 * @returns {string}
 * @throws {RequestError} for what can name nothing in the folder.
 */
export function parsePath(target) {
  // A client may send the whole URL (RFC 9112, 3.2.2).
  const withQuery = target.replace(/^https?:\/\/[^/?#]*/i, '');
  const end = withQuery.search(/[?#]/);
  const encoded = end < 0 ? withQuery : withQuery.slice(0, end);
  if (!encoded.startsWith('/')) throw new RequestError(400, 'The path of a request begins with a slash.');
  if (encoded.length > MAX_LENGTH) throw new RequestError(414, `A path has at most ${MAX_LENGTH} characters.`);

  const path = encoded.split('/').map(decodeSegment).join('/');
  const segments = segmentsOf(path);
  if (segments.length > MAX_DEPTH) throw new RequestError(404, `Folders deeper than ${MAX_DEPTH} are not served.`);
  if (segments.some((segment) => segment === '.' || segment === '..')) {
    throw new RequestError(400, 'A path with . or .. in it could lead out of the folder.');
  }
  if (!segments.every(isPublicName)) throw new RequestError(404, 'There is no such page.');
  return path;
}

/** @param {string} segment */
function decodeSegment(segment) {
  let decoded;
  try {
    decoded = decodeURIComponent(segment);
  } catch {
    throw new RequestError(400, 'The path has a wrong percent-encoding.');
  }
  if (/[\p{Cc}/\\]/u.test(decoded)) {
    throw new RequestError(400, 'A name in a path has no slash, backslash or control character.');
  }
  return decoded;
}

/**
 * Whether files and folders of that name are served: not `.git`, `.env` and other hidden ones, nor installed packages.
 *
 * @param {string} name
 */
export function isPublicName(name) {
  return name !== '' && !name.startsWith('.') && name !== 'node_modules';
}

/** @param {string} path */
export function isFolder(path) {
  return path.endsWith('/');
}

/** @param {string} path */
export function isMarkdown(path) {
  return /\.(?:md|markdown)$/i.test(path);
}

/**
 * `/docs/a.md` is `['docs', 'a.md']`; `/` is `[]`.
 *
 * @param {string} path
 */
export function segmentsOf(path) {
  return path
    .slice(1, isFolder(path) ? -1 : undefined)
    .split('/')
    .slice(path === '/' ? 1 : 0);
}

/**
 * `/docs/guide/` and `/docs/guide/a.md` are in `['/', '/docs/', '/docs/guide/']`.
 *
 * @param {string} path
 */
export function foldersOf(path) {
  const folders = ['/'];
  const segments = segmentsOf(path);
  if (!isFolder(path)) segments.pop();
  for (const segment of segments) folders.push(`${folders.at(-1)}${segment}/`);
  return folders;
}

/**
 * The path as a link has it.
 *
 * @param {string} path
 */
export function encodePath(path) {
  return path.split('/').map(encodeURIComponent).join('/');
}

/**
 * The tags of what is shown at a path: its file or listing, and each folder that it is in.
 *
 * @param {string} path
 */
export function tagsOf(path) {
  const own = isFolder(path) ? `listing:${path}` : `file:${path}`;
  return [own, ...foldersOf(path).map((folder) => `folder:${folder}`)];
}

/**
 * The tags of all that a change on disk may have made outdated.
 *
 * @param {string} path Without a slash at its end, whether it was a file or a folder.
 * @param {boolean} renamed It came, went or was replaced; otherwise its content changed.
 */
export function tagsOfChange(path, renamed) {
  const parent = path.slice(0, path.lastIndexOf('/') + 1);
  const tags = [`file:${path}`, `listing:${parent}`];
  if (renamed) tags.push(`folder:${path}/`, LINKED_TAG);
  return tags;
}
