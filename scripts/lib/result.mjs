/**
 * What came of one step of a suite: one check, or a run of many tests.
 *
 * @typedef {object} Result
 * @property {string} name
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {string} output Shown if something failed.
 * @property {string[]} [notes] Figures to show in any case.
 */

/**
 * A check that either holds or does not.
 *
 * @param {string} name
 * @param {{ ok: boolean, output: string }} outcome
 * @returns {Result}
 */
export function check(name, { ok, output }) {
  return { name, passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0, output };
}

/**
 * A run of tests. One that counted no test, or ended badly with no failed test to show for it, is a failure.
 *
 * @param {string} name
 * @param {{ passed: number, failed: number, skipped: number, notes?: string[] } | undefined} counts Undefined if it
 *   left none.
 * @param {{ ok: boolean, output: string }} outcome Of the program that ran them.
 * @returns {Result}
 */
export function testRun(name, counts, { ok, output }) {
  const result = { name, ...(counts ?? { passed: 0, failed: 0, skipped: 0 }), output };
  if (result.failed > 0) return result;
  if (result.passed === 0) return { ...result, failed: 1, output: `${output}\nNo test ran.\n` };
  if (!ok) return { ...result, failed: 1, output: `${output}\nThe run itself failed.\n` };
  return result;
}

/** @param {readonly Result[]} results */
export function total(results) {
  const sum = (field) => results.reduce((count, result) => count + result[field], 0);
  return { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') };
}
