import { availableParallelism } from 'node:os';
import { cSources, repositoryFiles, testFiles } from './files.mjs';
import { bin } from './node-modules.mjs';
import { runNodeTests } from './node-suite.mjs';
import { check } from './result.mjs';
import { inParallel, run } from './run.mjs';

const TYPESCRIPT_PROJECTS = ['js/tsconfig.json', 'tests/tsconfig.json', 'scripts/tsconfig.json'];

/** Formatting, static analysis, types, and the rules of this repository. */
export async function lintSuite({ deadline }) {
  const results = [
    await clangFormat(deadline),
    check('biome', await run(bin('biome'), ['check', '--error-on-warnings'], { deadline })),
  ];
  for (const project of TYPESCRIPT_PROJECTS) {
    results.push(check(`tsc -p ${project}`, await run(bin('tsc'), ['--noEmit', '-p', project], { deadline })));
  }
  results.push(...(await clangTidy(deadline)));
  results.push(await runNodeTests('tests/lint', testFiles('tests/lint'), deadline));
  return results;
}

/** Tells files, not each place in them: `npm run format` mends them all. */
async function clangFormat(deadline) {
  const outcome = await run('clang-format', ['--dry-run', '-Werror', ...cSources()], { deadline });
  const files = [...outcome.output.matchAll(/^(.+?):\d+:\d+: error:/gm)].map((match) => match[1]);
  const output = files.length === 0 ? outcome.output : `npm run format would change\n${[...new Set(files)].join('\n')}`;
  return check('clang-format', { ...outcome, output });
}

/** One check for each source file of the core; headers are seen through those that include them. */
async function clangTidy(deadline) {
  const configure = await run('cmake', ['--preset', 'dev'], { deadline });
  if (!configure.ok) return [check('cmake --preset dev', configure)];
  const sources = repositoryFiles().filter((file) => /^core\/src\/.*\.cpp$/.test(file));
  return inParallel(sources, availableParallelism(), async (source) =>
    check(`clang-tidy ${source}`, await run('clang-tidy', ['--quiet', '-p', 'build/dev', source], { deadline })),
  );
}
