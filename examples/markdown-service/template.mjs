// The frame around every HTML answer. It says nothing that differs between two renders of the same content, so that
// the ETag stays the same too.
import { createHash } from 'node:crypto';
import { encodePath, foldersOf, segmentsOf } from './paths.mjs';

const STYLE = `
:root {
  color-scheme: light dark;
  --text: #1f2430; --quiet: #5b6474; --link: #0b57c2; --line: #dfe3ea; --back: #ffffff; --panel: #f5f7fa;
}
@media (prefers-color-scheme: dark) {
  :root { --text: #e4e7ee; --quiet: #9aa4b5; --link: #7fb2ff; --line: #2c3442; --back: #12161d; --panel: #1a202a; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 16px/1.65 system-ui, sans-serif; }
header, main, footer { max-width: 54rem; margin: 0 auto; padding: 0 1.5rem; }
header { padding-top: 1.25rem; padding-bottom: .9rem; border-bottom: 1px solid var(--line); color: var(--quiet); }
header span { padding: 0 .4rem; }
main { padding-top: 1rem; padding-bottom: 2.5rem; overflow-wrap: break-word; }
footer { padding-top: 1rem; padding-bottom: 2rem; border-top: 1px solid var(--line); color: var(--quiet); font-size: .85rem; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
h1, h2, h3, h4 { line-height: 1.25; margin: 2em 0 .6em; }
h1 { font-size: 2rem; margin-top: .8em; }
h2 { font-size: 1.4rem; padding-bottom: .3em; border-bottom: 1px solid var(--line); }
h3 { font-size: 1.15rem; }
code, pre { font-family: ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; font-size: .875em; }
code { background: var(--panel); padding: .15em .35em; border-radius: 4px; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: .9rem 1.1rem; overflow-x: auto; line-height: 1.5; }
pre code { background: none; padding: 0; font-size: 1em; }
blockquote { margin: 1.2em 0; padding: .1em 1.1em; border-left: 4px solid var(--line); color: var(--quiet); }
img { max-width: 100%; }
hr { border: 0; border-top: 1px solid var(--line); margin: 2.5em 0; }
.wide { overflow-x: auto; margin: 1.2em 0; }
table { border-collapse: collapse; font-size: .94rem; }
th, td { padding: .45rem .8rem; border: 1px solid var(--line); text-align: left; vertical-align: top; }
th { background: var(--panel); }
.right { text-align: right; }
.center { text-align: center; }
.listing { width: 100%; border: 1px solid var(--line); border-radius: 8px; border-spacing: 0; border-collapse: separate; }
.listing td:first-child { width: 100%; }
.listing td { border: 0; border-bottom: 1px solid var(--line); }
.listing tr:last-child td { border-bottom: 0; }
.listing .right { color: var(--quiet); white-space: nowrap; }
.folder { font-weight: 600; }
.status { color: var(--quiet); font-size: 1.1rem; margin: 0; }
`;

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** For HTML of {@link page}: no script at all, no style but its own, images from anywhere as READMEs show badges. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; img-src 'self' https: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

const ESCAPES = /** @type {Record<string, string>} */ ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' });

/** @param {string} text */
export function escapeHtml(text) {
  return text.replace(/[&<>"]/g, (character) => /** @type {string} */ (ESCAPES[character]));
}

/**
 * @param {object} content
 * @param {string} content.title Text.
 * @param {string} [content.path] What the breadcrumb leads to. Default: it only leads home.
 * @param {string} content.html The body, as it is.
 */
export function page({ title, path, html }) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header><nav aria-label="Breadcrumb">${breadcrumb(path)}</nav></header>
<main>
${html}</main>
<footer>Rendered from Markdown, cached by Tiercel.</footer>
</body>
</html>
`;
}

/** @param {string | undefined} path */
function breadcrumb(path) {
  const folders = foldersOf(path ?? '/').filter((folder) => folder !== path);
  const parts = folders.map((folder) => `<a href="${encodePath(folder)}">${escapeHtml(nameOf(folder))}</a>`);
  if (path !== undefined) parts.push(`<b>${escapeHtml(nameOf(path))}</b>`);
  return parts.join('<span>/</span>');
}

/** @param {string} path */
export function nameOf(path) {
  return segmentsOf(path).at(-1) ?? 'Home';
}

/**
 * The entries of a folder as a table.
 *
 * @param {import('./folder.mjs').ListingEntry[]} entries
 * @param {number} more How many are left out.
 */
export function listing(entries, more) {
  if (entries.length === 0) return '<p class="status">This folder is empty.</p>\n';
  const rows = entries.map(({ name, isFolder, size, modified }) => {
    const href = encodeURIComponent(name) + (isFolder ? '/' : '');
    const cells = isFolder ? ['', ''] : [formatSize(size), modified.toISOString().slice(0, 10)];
    const kind = isFolder ? ' class="folder"' : '';
    return `<tr><td${kind}><a href="./${href}">${escapeHtml(name)}${isFolder ? '/' : ''}</a></td>${cells.map((cell) => `<td class="right">${cell}</td>`).join('')}</tr>\n`;
  });
  const rest = more > 0 ? `<p class="status">${more} more are not listed.</p>\n` : '';
  return `<div class="wide"><table class="listing">\n${rows.join('')}</table></div>\n${rest}`;
}

/** @param {number} bytes */
function formatSize(bytes) {
  if (bytes < 1_024) return `${bytes} B`;
  return bytes < 1_024 ** 2 ? `${(bytes / 1_024).toFixed(1)} KiB` : `${(bytes / 1_024 ** 2).toFixed(1)} MiB`;
}
