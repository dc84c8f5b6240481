// A folder of generated Markdown files, of the sizes and with the elements that documentation has.
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRandom } from './random.mjs';

export const FILES = 300;
const FOLDERS = 12;
const MIN_BYTES = 2 * 1_024;
const MAX_BYTES = 60 * 1_024;

const WORDS =
  'a all an and any as at be before by cache call can client each entry error every expires fetch field file first for from function given has header if in is it key last limit list load map memory more name new no not of on only option or order other page path read request response result returns runs same second server set size so some start string tag than that the then these time to two type until up used user value when which with write'.split(
    ' ',
  );

/** @param {number} index */
export function pathOf(index) {
  return `/section-${index % FOLDERS}/page-${index}.md`;
}

/**
 * What a rendered page shows of the file and of the revision that it was made from.
 *
 * @param {number} index
 * @param {number} revision
 */
export function markerOf(index, revision) {
  return `Page ${index}, revision ${revision}.`;
}

/**
 * Writes all files in their first revision, 0.
 *
 * @param {string} folder
 * @returns {Promise<number[]>} Their sizes in bytes.
 */
export async function writeCorpus(folder) {
  for (let section = 0; section < FOLDERS; section++)
    await mkdir(join(folder, `section-${section}`), { recursive: true });
  const sizes = [];
  for (let index = 0; index < FILES; index++) sizes.push(await writePage(folder, index, 0));
  return sizes;
}

/**
 * Puts a revision of a file in place, at once as an editor does.
 *
 * @param {string} folder
 * @param {number} index
 * @param {number} revision
 */
export async function writePage(folder, index, revision) {
  const text = pageText(index, revision);
  const file = join(folder, pathOf(index));
  const draft = join(folder, `.draft-${index}-${revision}`);
  await writeFile(draft, text);
  await rename(draft, file);
  return Buffer.byteLength(text);
}

/**
 * @param {number} index
 * @param {number} revision
 */
function pageText(index, revision) {
  const random = createRandom(index * 7_919 + revision + 1);
  const bytes = MIN_BYTES + createRandom(index + 1)() * (MAX_BYTES - MIN_BYTES);
  const writer = new Writer(random);
  const parts = [`# ${writer.title()}\n`, `${markerOf(index, revision)}\n`];
  let length = 0;
  while (length < bytes) {
    const part = writer.section();
    parts.push(part);
    length += part.length + 1;
  }
  return parts.join('\n');
}

class Writer {
  #random;

  /** @param {() => number} random */
  constructor(random) {
    this.#random = random;
  }

  title() {
    const words = this.#words(this.#between(2, 6));
    return words.charAt(0).toUpperCase() + words.slice(1);
  }

  section() {
    const parts = [`${'#'.repeat(this.#between(2, 4))} ${this.title()}\n`];
    const makers = [
      this.#paragraph,
      this.#paragraph,
      this.#paragraph,
      this.#list,
      this.#table,
      this.#code,
      this.#quote,
    ];
    for (let count = this.#between(2, 6); count > 0; count--) {
      const make = makers[this.#between(0, makers.length - 1)] ?? this.#paragraph;
      parts.push(`${make.call(this)}\n`);
    }
    return parts.join('\n');
  }

  /**
   * @param {number} min
   * @param {number} max
   */
  #between(min, max) {
    return min + Math.floor(this.#random() * (max - min + 1));
  }

  /** @param {number} count */
  #words(count) {
    return Array.from({ length: count }, () => WORDS[this.#between(0, WORDS.length - 1)]).join(' ');
  }

  #phrase() {
    const words = this.#words(this.#between(2, 5));
    const kind = this.#between(0, 11);
    if (kind === 0) return `**${words}**`;
    if (kind === 1) return `*${words}*`;
    if (kind === 2) return `\`${words.replaceAll(' ', '_')}()\``;
    if (kind === 3) return `[${words}](..${pathOf(this.#between(0, FILES - 1))})`;
    return words;
  }

  #sentence() {
    return `${this.title()} ${Array.from({ length: this.#between(2, 6) }, () => this.#phrase()).join(', ')}.`;
  }

  #paragraph() {
    return Array.from({ length: this.#between(2, 5) }, () => this.#sentence()).join('\n');
  }

  #list() {
    const mark = this.#between(0, 1) === 0 ? '-' : '1.';
    return Array.from({ length: this.#between(3, 8) }, () => `${mark} ${this.#sentence()}`).join('\n');
  }

  #table() {
    const columns = this.#between(2, 4);
    const row = () => `| ${Array.from({ length: columns }, () => this.#phrase()).join(' | ')} |`;
    const rule = `|${' --- |'.repeat(columns - 1)} ---: |`;
    return [row(), rule, ...Array.from({ length: this.#between(3, 9) }, row)].join('\n');
  }

  #code() {
    const line = () => `const ${this.#words(1)} = ${this.#words(1)}(${this.#words(2).replace(' ', ', ')});`;
    return ['```js', ...Array.from({ length: this.#between(3, 14) }, line), '```'].join('\n');
  }

  #quote() {
    return `> ${this.#sentence()}`;
  }
}
