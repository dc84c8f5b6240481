import MarkdownIt from 'markdown-it';

/** @typedef {import('markdown-it').Token} Token */

// HTML in a file is shown as text: who may write a page may not thereby run scripts in its readers' browsers.
const markdown = new MarkdownIt({ html: false, linkify: true });
// Without this `README.md` would become a link to a host in Moldova.
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false });

markdown.core.ruler.push('heading_ids', ({ tokens }) => addHeadingIds(tokens));
markdown.core.ruler.push('cell_classes', ({ tokens }) => alignByClass(tokens));
markdown.renderer.rules.table_open = () => '<div class="wide"><table>\n';
markdown.renderer.rules.table_close = () => '</table></div>\n';

/**
 * @param {string} source Markdown: CommonMark with tables, strikethrough and bare links.
 * @returns {{ title: string | undefined, html: string }} `title`: the text of the first heading.
 */
export function renderMarkdown(source) {
  const env = {};
  const tokens = markdown.parse(source, env);
  const heading = tokens.findIndex((token) => token.type === 'heading_open');
  const title = textOf(tokens[heading + 1]);
  const html = markdown.renderer.render(tokens, markdown.options, env);
  return { title: heading < 0 || title === '' ? undefined : title, html };
}

/**
 * Gives headings the ids that links of Markdown files to each other count on, as GitHub makes them.
 *
 * @param {Token[]} tokens
 */
function addHeadingIds(tokens) {
  /** @type {Map<string, number>} */
  const seen = new Map();
  for (const [index, token] of tokens.entries()) {
    if (token.type !== 'heading_open') continue;
    const slug = textOf(tokens[index + 1])
      .toLowerCase()
      .replace(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
      .replaceAll(' ', '-');
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    token.attrSet('id', count === 0 ? slug : `${slug}-${count}`);
  }
}

/**
 * Says the alignment of table cells by class, as the content security policy refuses style attributes.
 *
 * @param {Token[]} tokens
 */
function alignByClass(tokens) {
  for (const token of tokens) {
    if (token.type !== 'th_open' && token.type !== 'td_open') continue;
    const align = /text-align:(left|right|center)/.exec(String(token.attrGet('style') ?? ''))?.[1];
    token.attrs = align === undefined ? null : [['class', align]];
  }
}

/** @param {Token | undefined} inline */
function textOf(inline) {
  return (inline?.children ?? [])
    .filter((token) => token.type === 'text' || token.type === 'code_inline')
    .map((token) => token.content)
    .join('');
}
