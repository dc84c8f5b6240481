// `npm test` runs everything; `npm run test:NAME` one suite.
import { asCommand, CommandError } from './lib/command.mjs';
import { coreSuite } from './lib/core-suite.mjs';
import { jestSuite } from './lib/jest-suite.mjs';
import { lintSuite } from './lib/lint-suite.mjs';
import { nodeSuite } from './lib/node-suite.mjs';
import { makeReady } from './lib/ready.mjs';
import { runSuites } from './lib/suites.mjs';

const SUITES = {
  lint: lintSuite,
  core: coreSuite,
  js: jestSuite(),
  threads: nodeSuite('tests/threads'),
  examples: nodeSuite('tests/examples'),
  edge: nodeSuite('tests/edge'),
  browser: nodeSuite('tests/browser'),
  redis: inTurn(
    nodeSuite('tests/redis'),
    jestSuite('races in redis', 'tests/redis/jest.config.mjs', ['native', 'wasm']),
    jestSuite('facade on redis', 'tests/redis/facade.config.mjs', ['native', 'wasm']),
    jestSuite('facade on redis over http', 'tests/redis/facade-rest.config.mjs', ['wasm']),
  ),
  chaos: nodeSuite('tests/chaos'),
  package: nodeSuite('tests/package'),
};

/** Suites that would be in each other's way. */
function inTurn(...suites) {
  return async (options) => {
    const results = [];
    for (const suite of suites) results.push(...(await suite(options)));
    return results;
  };
}

await asCommand(import.meta, async (...names) => {
  const unknown = names.filter((name) => !Object.hasOwn(SUITES, name));
  if (unknown.length > 0) {
    throw new CommandError(`No such suite: ${unknown.join(', ')}. There are ${Object.keys(SUITES).join(', ')}.`);
  }
  const chosen = names.length === 0 ? Object.keys(SUITES) : names;
  await runSuites({
    preparation: () => makeReady({ tests: true }),
    suites: chosen.map((name) => [name, SUITES[name]]),
  });
});
