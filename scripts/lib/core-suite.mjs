import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { check, testRun } from './result.mjs';
import { root, run } from './run.mjs';

// With the sanitizers, and optimised as it is shipped. The latter in a folder of its own, so that the product in
// build/release stays without the tests' hooks.
const BUILDS = [
  { preset: 'asan', folder: 'build/asan', options: [] },
  { preset: 'release', folder: 'build/release-tests', options: ['-DTIERCEL_TESTS=ON', '-DTIERCEL_NODE=OFF'] },
  // Shared caches, without Node.
  { preset: 'tsan', folder: 'build/tsan', options: [] },
];

/** The tests of the core, of the C boundary among them, through ctest. */
export async function coreSuite({ deadline }) {
  const results = [];
  for (const build of BUILDS) results.push(await buildAndTest(build, deadline));
  return results;
}

async function buildAndTest({ preset, folder, options }, deadline) {
  const steps = [
    ['--preset', preset, '-B', folder, ...options],
    ['--build', folder, '--parallel', String(availableParallelism())],
  ];
  for (const args of steps) {
    const outcome = await run('cmake', args, { deadline });
    if (!outcome.ok) return check(`${preset} build`, outcome);
  }

  mkdirSync(join(root, 'build/reports'), { recursive: true });
  const report = join(root, 'build/reports', `ctest-${preset}.xml`);
  rmSync(report, { force: true });
  const outcome = await run(
    'ctest',
    [
      '--test-dir',
      folder,
      '--output-on-failure',
      '--no-tests=error',
      '--parallel',
      String(availableParallelism()),
      '--output-junit',
      report,
    ],
    { deadline },
  );
  return testRun(`ctest of ${preset}`, readJUnit(report), outcome);
}

/** The counts on the root element of a JUnit file, undefined if there is no such file. */
function readJUnit(path) {
  let xml;
  try {
    xml = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  const count = (name) => Number(new RegExp(`<testsuite[^>]*\\s${name}="(\\d+)"`).exec(xml)?.[1] ?? Number.NaN);
  const [tests, failed, skipped] = [count('tests'), count('failures'), count('skipped') + count('disabled')];
  return { passed: tests - failed - skipped, failed, skipped };
}
