// What the documents tell readers to type works.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root, run } from '../../scripts/lib/run.mjs';
import { packageJson, rule, source, sources } from './rule.mjs';

/** The fenced code blocks of a Markdown text in one of the languages. */
function codeBlocks(text, ...languages) {
  return [...text.matchAll(/^ *```(\w+)[^\n]*\n([\s\S]*?)^ *```/gm)]
    .filter(([, language]) => languages.includes(language))
    .map(([, , code]) => code);
}

// Commands of npm itself. `npm test` and `npm start` are scripts as well.
const NPM_COMMANDS = new Set(['ci', 'install', 'i', 'pack', 'publish', 'version']);

/** The scripts that the `npm` commands in the shell blocks of a text need. */
function neededScripts(text) {
  return codeBlocks(text, 'sh', 'bash', 'console', 'shell').flatMap((code) =>
    [...code.matchAll(/\bnpm (?:run )?([\w:-]+)/g)].map((match) => match[1]).filter((name) => !NPM_COMMANDS.has(name)),
  );
}

rule('every npm command in the documents is there', {
  find: ({ text, scripts }) => neededScripts(text).filter((name) => !Object.hasOwn(scripts, name)),
  here: () => ({
    text: ['README.md', 'CONTRIBUTING.md'].map((path) => source(path).text).join('\n'),
    scripts: packageJson().scripts,
  }),
  planted: [
    { text: '```sh\nnpm ci\nnpm test\nnpm run test:nothing -- --x\n```\n', scripts: { test: '' } },
    { text: '```sh\nPORT=1 npm start\n```\n', scripts: { test: '' } },
  ],
});

/** The files that a script of package.json runs. */
const programs = (scripts) => Object.values(scripts).map((command) => /\bnode (\S+)/.exec(command)?.[1] ?? command);

rule('every script of package.json is there', {
  find: (paths) => paths.filter((path) => !existsSync(join(root, path))),
  here: () => programs(packageJson().scripts),
  planted: [programs({ test: 'node scripts/test.mjs', lost: 'node scripts/lost.mjs --all' })],
});

test('the documents show the two commands', () => {
  const shown = neededScripts(source('README.md').text);
  assert.ok(shown.includes('start') && shown.includes('test'), `README.md shows ${shown}`);
});

/** Examples that can run as they stand; others say that they cannot. */
const runnable = (text) =>
  codeBlocks(text, 'js', 'mjs').filter((code) => /from 'tiercel'/.test(code) && !code.includes('// not run'));

const documents = sources(/^(README\.md|docs\/guides\/.*\.md)$/);

test('there are examples to run in each document', () => {
  for (const { path, text } of documents) assert.notEqual(runnable(text).length, 0, path);
  assert.equal(runnable("```js\nimport 'x'\n```\n```js\nimport { a } from 'tiercel'\n// not run\n```\n").length, 0);
});

for (const { path, text } of documents) {
  for (const [index, code] of runnable(text).entries()) {
    test(`example ${index + 1} of ${path} runs: ${code.trim().split('\n')[0]}`, async () => {
      const folder = join(root, 'build/readme');
      mkdirSync(folder, { recursive: true });
      const file = join(folder, `${path.replaceAll('/', '-')}-${index + 1}.mjs`);
      writeFileSync(file, code);
      const { ok, output } = await run(process.execPath, [file], { deadline: Date.now() + 30_000 });
      assert.ok(ok, output);
    });
  }
}
