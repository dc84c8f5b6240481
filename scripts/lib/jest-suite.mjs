import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SHARED_PATTERN } from '../../tests/js/support/not-shared.mjs';
import { readReport } from './node-suite.mjs';
import { testRun } from './result.mjs';
import { root, run } from './run.mjs';

// "shared" is the native engine with caches that threads share; what does not apply to those is skipped, and counted.
const ENGINES = ['native', 'wasm', 'shared'];

/**
 * The same Jest tests, once for each engine, side by side.
 *
 * @param {string} [name] of a configuration beside the main one
 * @param {string} [config] its file
 * @param {readonly string[]} [engines]
 */
export function jestSuite(name = 'jest', config = 'jest.config.mjs', engines = ENGINES) {
  /** @param {{ deadline: number }} options */
  return ({ deadline }) => Promise.all(engines.map((engine) => runJest(name, config, engine, deadline)));
}

async function runJest(name, config, engine, deadline) {
  const reports = join(root, 'build/reports');
  mkdirSync(reports, { recursive: true });
  const report = join(reports, `${name.replaceAll(' ', '-')}-${engine}.json`);
  rmSync(report, { force: true });
  const outcome = await run(
    process.execPath,
    [
      join(root, 'node_modules/jest/bin/jest.js'),
      ...['-c', join(root, config), '--ci', '--maxWorkers=50%', '--json', `--outputFile=${report}`],
      ...(engine === 'shared' ? [`--testNamePattern=${SHARED_PATTERN}`] : []),
    ],
    { env: { TIERCEL_ENGINE: engine }, deadline },
  );
  const json = readReport(report);
  const counts = json && {
    passed: json.numPassedTests,
    // A file that could not be loaded has no tests to count.
    failed: json.numFailedTests + json.numRuntimeErrorTestSuites,
    skipped: json.numPendingTests + json.numTodoTests,
  };
  return testRun(`${name} on ${engine}`, counts, outcome);
}
