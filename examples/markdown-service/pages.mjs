// Makes what the service answers with, from the disk and without a cache.
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { extname } from 'node:path';
import { isFolder, isMarkdown, LINKED_TAG, tagsOf } from './paths.mjs';
import { renderMarkdown } from './render.mjs';
import { escapeHtml, listing, nameOf, PAGE_POLICY, page } from './template.mjs';

/**
 * A whole answer.
 *
 * @typedef {object} Page
 * @property {string} type Content-Type.
 * @property {string} policy Content-Security-Policy.
 * @property {Buffer} body
 * @property {string} etag
 * @property {string[]} tags Of all files and folders that it was made of.
 * @property {import('./folder.mjs').Source[]} sources
 */

// HTML and scripts are not among them: they are shown as text, so that only the service's own HTML runs as such.
const TYPES = /** @type {Readonly<Record<string, string>>} */ ({
  '.avif': 'image/avif',
  '.css': 'text/css; charset=utf-8',
  '.csv': 'text/csv; charset=utf-8',
  '.gif': 'image/gif',
  '.ico': 'image/x-icon',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.json': 'application/json',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.webp': 'image/webp',
});

// An SVG image that is opened by itself is a document, and could run scripts.
const FILE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'";

const README_NAMES = ['README.md', 'readme.md', 'index.md'];

export class Pages {
  /** Markdown documents rendered so far. */
  renders = 0;
  #folder;

  /** @param {import('./folder.mjs').Folder} folder */
  constructor(folder) {
    this.#folder = folder;
  }

  /**
   * @param {string} path
   * @returns {Promise<Page>}
   * @throws {import('./errors.mjs').RequestError}
   */
  make(path) {
    if (isFolder(path)) return this.#listing(path);
    return isMarkdown(path) ? this.#document(path) : this.#file(path);
  }

  /** @param {string} path @returns {Promise<Page>} */
  async #document(path) {
    const document = await this.#render(path);
    const title = document.title ?? nameOf(path);
    return htmlPage(page({ title, path, html: document.html }), document);
  }

  /**
   * A folder shows its README under its entries.
   *
   * @param {string} path
   * @returns {Promise<Page>}
   */
  async #listing(path) {
    const folder = await this.#folder.list(path);
    const names = new Set(folder.entries.map((entry) => entry.name));
    const name = README_NAMES.find((candidate) => names.has(candidate));
    const readme = name === undefined ? undefined : await this.#render(`${path}${name}`);

    const table = listing(folder.entries, folder.more);
    const title = readme?.title ?? nameOf(path);
    const heading = readme ? '' : `<h1>${escapeHtml(nameOf(path))}</h1>\n`;
    const html = `${heading}${table}${readme?.html ?? ''}`;
    return htmlPage(page({ title, path, html }), {
      tags: [...tagsBetween(path, folder.path), ...(readme?.tags ?? [])],
      sources: [...folder.sources, ...(readme?.sources ?? [])],
    });
  }

  /** @param {string} path */
  async #render(path) {
    const { bytes, path: realPath, sources } = await this.#folder.read(path);
    this.renders++;
    return { ...renderMarkdown(new TextDecoder().decode(bytes)), tags: tagsBetween(path, realPath), sources };
  }

  /** @param {string} path @returns {Promise<Page>} */
  async #file(path) {
    const { bytes: body, path: realPath, sources } = await this.#folder.read(path);
    const type =
      TYPES[extname(path).toLowerCase()] ?? (isUtf8(body) ? 'text/plain; charset=utf-8' : 'application/octet-stream');
    return { type, policy: FILE_POLICY, body, etag: etagOf(body), tags: tagsBetween(path, realPath), sources };
  }
}

/**
 * @param {string} html
 * @param {Pick<Page, 'tags' | 'sources'>} origin
 * @returns {Page}
 */
function htmlPage(html, { tags, sources }) {
  const body = Buffer.from(html);
  return { type: 'text/html; charset=utf-8', policy: PAGE_POLICY, body, etag: etagOf(body), tags, sources };
}

/** @param {Buffer} body */
function etagOf(body) {
  return `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`;
}

/**
 * The tags of a path, and of the real path that it led to.
 *
 * @param {string} path
 * @param {string} realPath
 */
function tagsBetween(path, realPath) {
  return path === realPath ? tagsOf(path) : [...tagsOf(path), ...tagsOf(realPath), LINKED_TAG];
}
