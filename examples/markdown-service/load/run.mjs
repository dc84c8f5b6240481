// `--load N`: the service under real HTTP, first rendering every time, then through the cache.
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError } from '../errors.mjs';
import { startChild } from './child.mjs';
import { Client } from './client.mjs';
import { FILES, writeCorpus } from './corpus.mjs';
import { CONNECTIONS, drive } from './drive.mjs';
import { createProgress } from './progress.mjs';
import { createRandom, createZipf } from './random.mjs';
import { formatTable, shortfalls } from './report.mjs';
import { Verifier } from './verifier.mjs';

const SEED = 20_240_607;
const ZIPF_EXPONENT = 0.95;
const RUN_MS = 15 * 60_000;

/**
 * @param {number} requests
 * @returns {Promise<boolean>} Whether the cache did what it is there for.
 */
export async function runLoad(requests) {
  const folder = await mkdtemp(join(tmpdir(), 'markdown-service-'));
  const cleanUp = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', cleanUp);
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
  try {
    const sizes = (await writeCorpus(folder)).sort((a, b) => a - b);
    console.log(
      `${FILES} Markdown files of ${kib(sizes[0])} to ${kib(sizes.at(-1))} KiB, median ${kib(sizes[FILES / 2])} KiB; ` +
        `popularity Zipf ${ZIPF_EXPONENT}; ${CONNECTIONS} connections`,
    );
    /** @type {Map<string, string>} */
    const hashes = new Map();
    const without = await runOnce({ folder, requests, cached: false, hashes });
    await writeCorpus(folder);
    const cached = await runOnce({ folder, requests, cached: true, hashes });

    console.log(`\n${formatTable(without, cached)}\n`);
    console.log(
      `${without.checked + cached.checked} answers checked: all of status 200, equal in both runs, and never older ` +
        `than a second after each of the ${cached.edits} edits of files`,
    );
    const missed = shortfalls(without, cached);
    console.log(missed.length === 0 ? 'passed' : `FAILED: ${missed.join(', ')}`);
    return missed.length === 0;
  } finally {
    process.off('exit', cleanUp);
    cleanUp();
  }
}

/**
 * @param {object} run
 * @param {string} run.folder
 * @param {number} run.requests
 * @param {boolean} run.cached
 * @param {Map<string, string>} run.hashes What the pages were in the runs before.
 */
async function runOnce({ folder, requests, cached, hashes }) {
  const child = await startChild(folder, { cached });
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new CommandError(`a run takes longer than ${RUN_MS / 60_000} minutes`)),
    RUN_MS,
  );
  const client = new Client(child.url, CONNECTIONS + 1, AbortSignal.any([child.ended, late.signal]));
  const verifier = new Verifier(hashes);
  const progress = createProgress(cached ? `with cache (${child.engine})` : 'without cache', requests);
  process.once('exit', child.kill);
  try {
    const random = createRandom(SEED);
    const ranks = shuffled(FILES, random);
    const nextRank = createZipf(FILES, ZIPF_EXPONENT, random);
    const result = await drive({ client, verifier, folder, requests, ranks, nextRank, progress });
    await child.stop();
    return { ...result, checked: verifier.checked };
  } finally {
    clearTimeout(timer);
    client.close();
    child.kill();
    process.off('exit', child.kill);
  }
}

/**
 * @param {number} count
 * @param {() => number} random
 */
function shuffled(count, random) {
  return Array.from({ length: count }, (_, index) => ({ index, order: random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ index }) => index);
}

/** @param {number | undefined} bytes */
function kib(bytes) {
  return ((bytes ?? 0) / 1_024).toFixed(0);
}
