import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readReport } from './node-suite.mjs';
import { testRun } from './result.mjs';
import { root, run } from './run.mjs';

const ENGINES = ['native', 'wasm'];

/**
 * The same Jest tests, once for each engine, side by side.
 *
 * @param {string} [name] of a configuration beside the main one
 * @param {string} [config] its file
 */
export function jestSuite(name = 'jest', config = 'jest.config.mjs') {
  /** @param {{ deadline: number }} options */
  return ({ deadline }) => Promise.all(ENGINES.map((engine) => runJest(name, config, engine, deadline)));
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
