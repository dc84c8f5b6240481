// npm run chaos [NAME...]: four processes with a cache each, over one redis-server, while something fails (tests/chaos: every
// fault, or those whose name has NAME in it), and the harness itself with protections off. Needs npm run build.

import { asCommand, CommandError } from './lib/command.mjs';
import { testFiles } from './lib/files.mjs';
import { runNodeTests } from './lib/node-suite.mjs';
import { run } from './lib/run.mjs';

const LIMIT_MINUTES = 30;

await asCommand(import.meta, async (...names) => {
  const deadline = Date.now() + LIMIT_MINUTES * 60_000;
  if (names.length === 0) {
    const {
      output,
      passed,
      failed,
      notes = [],
    } = await runNodeTests('tests/chaos', testFiles('tests/chaos'), deadline);
    if (failed > 0) throw new CommandError(output);
    console.log([`${passed} passed`, ...notes].join('\n'));
    return;
  }
  const patterns = names.map((name) => `--test-name-pattern=${name}`);
  const outcome = await run(process.execPath, ['--test', ...patterns, ...testFiles('tests/chaos')], { deadline });
  console.log(outcome.output);
  if (!outcome.ok) process.exitCode = 1;
});
