import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { testFiles } from './files.mjs';
import { testRun } from './result.mjs';
import { root, run } from './run.mjs';

/**
 * A suite of `node --test` files.
 *
 * @param {string} folder Where its `*.test.mjs` files are.
 * @returns {(options: { deadline: number }) => Promise<import('./result.mjs').Result[]>}
 */
export function nodeSuite(folder) {
  return async ({ deadline }) => [await runNodeTests(folder, testFiles(folder), deadline)];
}

/**
 * @param {string} name
 * @param {string[]} files
 * @param {number} deadline
 */
export async function runNodeTests(name, files, deadline) {
  if (files.length === 0) return testRun(name, undefined, { ok: false, output: `${name} has no *.test.mjs file\n` });

  const reports = join(root, 'build/reports');
  mkdirSync(reports, { recursive: true });
  const report = join(reports, `${name.replaceAll('/', '-')}.json`);
  rmSync(report, { force: true });
  const outcome = await run(
    process.execPath,
    [
      '--test',
      '--test-reporter=spec',
      '--test-reporter-destination=stdout',
      `--test-reporter=${new URL('./count-reporter.mjs', import.meta.url)}`,
      `--test-reporter-destination=${report}`,
      ...files,
    ],
    // Set where this itself runs in a test; `node --test` would then report to that one.
    { deadline, env: { NODE_TEST_CONTEXT: undefined } },
  );
  const counts = readReport(report);
  if (counts === undefined) return testRun(name, undefined, outcome);
  const { passed, failed, skipped, notes, emptyFiles } = counts;
  const complaints = emptyFiles.map((file) => `${file} defines no test\n`);
  return testRun(
    name,
    { passed, failed: failed + complaints.length, skipped, notes },
    { ...outcome, output: outcome.output + complaints.join('') },
  );
}

/** The JSON that a test runner left, undefined if it did not get that far. */
export function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}
