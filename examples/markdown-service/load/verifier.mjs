import { CommandError } from '../errors.mjs';
import { FILES, markerOf, pathOf } from './corpus.mjs';

/** How long after a change on disk an answer may still be the old page. */
export const FRESH_MS = 1_000;

/**
 * Checks every answer: that it is the page asked for, byte for byte the same in all runs, and no older than it may be.
 */
export class Verifier {
  /** Answers checked. */
  checked = 0;
  /** By marker, shared by all runs. */
  #hashes;
  /** The last revision written of each file, and when. @type {{ revision: number, written: number }[]} */
  #files = Array.from({ length: FILES }, () => ({ revision: 0, written: 0 }));
  /** The newest revision that each file was answered with, and when. @type {{ revision: number, seen: number }[]} */
  #seen = Array.from({ length: FILES }, () => ({ revision: 0, seen: 0 }));

  /** @param {Map<string, string>} hashes */
  constructor(hashes) {
    this.#hashes = hashes;
  }

  /**
   * Says that a file is about to change.
   *
   * @param {number} index
   * @returns {number} The revision to write.
   */
  nextRevision(index) {
    const file = at(this.#files, index);
    file.revision++;
    file.written = Number.POSITIVE_INFINITY;
    return file.revision;
  }

  /**
   * Says that it has changed.
   *
   * @param {number} index
   */
  written(index) {
    at(this.#files, index).written = performance.now();
  }

  /**
   * @param {number} index
   * @param {import('./client.mjs').Answer} answer
   * @returns {number} The revision that it shows.
   * @throws {CommandError} saying what is wrong with it.
   */
  check(index, answer) {
    const { status, body, hash, sent } = answer;
    const path = pathOf(index);
    if (status !== 200) throw new CommandError(`${path}: status ${status}`);
    const file = at(this.#files, index);
    const revision = this.#revisionOf(index, file.revision, body);

    const oldest = sent > file.written + FRESH_MS ? file.revision : 0;
    if (revision < oldest)
      throw new CommandError(`${path}: revision ${revision} ${FRESH_MS} ms after ${oldest} was written`);
    const seen = at(this.#seen, index);
    if (revision < seen.revision && sent > seen.seen) {
      throw new CommandError(`${path}: revision ${revision} after ${seen.revision} was served`);
    }
    if (revision > seen.revision) Object.assign(seen, { revision, seen: performance.now() });

    const marker = markerOf(index, revision);
    const expected = this.#hashes.get(marker) ?? hash;
    if (hash !== expected) throw new CommandError(`${path}: revision ${revision} differs from what was served before`);
    this.#hashes.set(marker, hash);
    this.checked++;
    return revision;
  }

  /**
   * @param {number} index
   * @param {number} last
   * @param {Buffer} body
   */
  #revisionOf(index, last, body) {
    for (let revision = last; revision >= 0; revision--) {
      if (body.includes(markerOf(index, revision))) return revision;
    }
    throw new CommandError(`${pathOf(index)}: the answer is not that page`);
  }
}

/**
 * @template T
 * @param {readonly T[]} items
 * @param {number} index
 * @returns {T}
 */
function at(items, index) {
  return /** @type {T} */ (items[index]);
}
