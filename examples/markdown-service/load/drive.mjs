// One run: the same requests in the same order, with the same edits of files on the way, whatever the service does.
import { CommandError } from '../errors.mjs';
import { FILES, pathOf, writePage } from './corpus.mjs';
import { percentile } from './report.mjs';
import { FRESH_MS } from './verifier.mjs';

/** Few enough that an answer's time is little more than the work for it and three others. */
export const CONNECTIONS = 4;
const WARMUP = 0.1;
const ALONE = 0.05;
/** When files are edited, as parts of the measured requests. */
const EDIT_TIMES = [0.2, 0.4, 0.6];
/** Ranks of popularity of the files that are edited each time. */
const EDIT_RANKS = [0, 3, 12];

/**
 * @typedef {object} RunResult
 * @property {number} perSecond
 * @property {number} p50 Milliseconds, with all connections in use.
 * @property {number} p99
 * @property {number} p50Alone Milliseconds, with one request at a time, so that none waits for another.
 * @property {number} renders
 * @property {number} hitRate Part of the answers that came from the cache.
 * @property {number} slowestEdit Milliseconds from the end of the writing of a file to the first answer with it.
 * @property {number} edits
 */

/**
 * @param {object} run
 * @param {import('./client.mjs').Client} run.client
 * @param {import('./verifier.mjs').Verifier} run.verifier
 * @param {string} run.folder
 * @param {number} run.requests How many are measured on all connections; those before and after come on top.
 * @param {readonly number[]} run.ranks The file of each rank of popularity.
 * @param {() => number} run.nextRank
 * @param {ReturnType<typeof import('./progress.mjs').createProgress>} run.progress
 * @returns {Promise<RunResult>}
 */
export async function drive({ client, verifier, folder, requests, ranks, nextRank, progress }) {
  const nextFile = () => /** @type {number} */ (ranks[nextRank()]);
  const fetchChecked = async (/** @type {number} */ file) => {
    const answer = await client.get(pathOf(file));
    return { ...answer, revision: verifier.check(file, answer) };
  };

  await inParallel(CONNECTIONS, Math.ceil(requests * WARMUP), () => fetchChecked(nextFile()));

  const rendersBefore = (await client.stats()).renders;
  const times = new Float64Array(requests);
  let hits = 0;
  /** @type {Promise<number>[]} */
  const edits = [];
  const editAt = new Set(EDIT_TIMES.map((part) => Math.floor(requests * part)));
  progress.begin();
  const began = performance.now();
  await inParallel(CONNECTIONS, requests, async (index) => {
    if (editAt.has(index)) {
      for (const rank of EDIT_RANKS) edits.push(edit(/** @type {number} */ (ranks[rank])));
      // Looked at below, if nothing else fails before.
      for (const pending of edits) pending.catch(() => undefined);
    }
    const { milliseconds, cacheStatus } = await fetchChecked(nextFile());
    times[index] = milliseconds;
    if (cacheStatus.startsWith('tiercel; hit')) hits++;
    progress.update(index + 1);
  });
  const seconds = (performance.now() - began) / 1_000;
  progress.end();
  const delays = await Promise.all(edits);
  const renders = (await client.stats()).renders - rendersBefore;

  const alone = new Float64Array(Math.ceil(requests * ALONE));
  await inParallel(1, alone.length, async (index) => {
    alone[index] = (await fetchChecked(nextFile())).milliseconds;
  });
  // Every page once, so that all of them are compared between the runs.
  await inParallel(CONNECTIONS, FILES, (file) => fetchChecked(file));

  times.sort();
  alone.sort();
  return {
    perSecond: requests / seconds,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    p50Alone: percentile(alone, 0.5),
    renders,
    hitRate: hits / requests,
    slowestEdit: Math.max(...delays),
    edits: delays.length,
  };

  /**
   * Changes a file, and asks for it until the change is seen.
   *
   * @param {number} file
   */
  async function edit(file) {
    const revision = verifier.nextRevision(file);
    await writePage(folder, file, revision);
    verifier.written(file);
    const written = performance.now();
    while (true) {
      const answer = await fetchChecked(file);
      const delay = performance.now() - written;
      if (answer.revision === revision) return delay;
      if (delay > FRESH_MS) throw new CommandError(`${pathOf(file)}: an edit was not seen within ${FRESH_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/**
 * Calls `task` for 0 to `count` - 1, begun in that order, `width` of them at a time.
 *
 * @param {number} width
 * @param {number} count
 * @param {(index: number) => Promise<unknown>} task
 */
async function inParallel(width, count, task) {
  let next = 0;
  const work = async () => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: width }, work));
}
