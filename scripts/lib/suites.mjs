import { inspect } from 'node:util';
import { CommandError } from './command.mjs';
import { check, total } from './result.mjs';

const TIME_LIMIT_MINUTES = 60;

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;
const line = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed, ${skipped} skipped`;

/**
 * Runs suites one after the other: a line for each, the output of what failed, and at last a line of the totals.
 * The exit code of the process is 1 if anything failed. A preparation that fails is a failed test.
 *
 * @param {object} options
 * @param {() => Promise<void>} options.preparation What all suites need.
 * @param {[string, (options: { deadline: number }) => Promise<import('./result.mjs').Result[]>][]} options.suites
 */
export async function runSuites({ preparation, suites }) {
  const all = await attempt('build', async () => {
    await preparation();
    return [];
  });
  if (all.length === 0) {
    for (const [name, suite] of suites) all.push(...(await attempt(name, suite)));
  }
  const counts = total(all);
  if (counts.failed > 0 || counts.passed === 0) process.exitCode = 1;
  console.log(line(counts));
}

async function attempt(name, suite) {
  const begin = performance.now();
  let results;
  try {
    results = await suite({ deadline: Date.now() + TIME_LIMIT_MINUTES * 60_000 });
  } catch (error) {
    const output = error instanceof CommandError ? error.message : inspect(error);
    results = [check(name, { ok: false, output })];
  }
  for (const result of results) {
    if (result.failed > 0) console.log(`--- ${name}: ${result.name}\n${result.output.trimEnd()}\n---`);
  }
  const counts = results.length > 0 ? line(total(results)) : 'done';
  console.log(`${name.padEnd(9)} ${counts} (${seconds(begin)})`);
  for (const note of results.flatMap((result) => result.notes ?? [])) console.log(`${''.padEnd(9)} ${note}`);
  return results;
}
