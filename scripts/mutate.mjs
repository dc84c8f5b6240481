// npm run mutate [NAME...]: seeds one bug at a time into the core (tests/mutations/*.json: all, or those whose name has
// NAME in it) and expects its tests to notice. Prints a line for each; the exit code is 1 if one survives, or does not
// apply any more.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { asCommand, CommandError } from './lib/command.mjs';
import { inParallel, root, run } from './lib/run.mjs';
import { setup } from './setup.mjs';

const SCRATCH = join(root, 'build/mutate');
const TREE = join(SCRATCH, 'tree');
const BASE = join(SCRATCH, 'base');

// A bug may make a loop endless.
const TEST_LIMIT_SECONDS = 120;
// The model finds most bugs, and fast; the rest of the tests has its turn after. What takes long, or looks at no more
// than one part that has its own tests, is left out there.
const LEFT_OUT = [
  '*as the model says',
  '*is caught',
  'an engine has at most 2^20*',
  '*one hash in two namespaces*',
  'bytes are accounted truly',
  'an entry takes at most 64 bytes*',
];
const STAGES = [
  { tests: '*as the model says', sequences: 1200 },
  { sequences: 0, tests: LEFT_OUT.map((name) => `~"${name}"`).join('') },
];

await asCommand(import.meta, async (...names) => {
  const mutations = readMutations().filter(
    ({ name }) => names.length === 0 || names.some((part) => name.includes(part)),
  );
  if (mutations.length === 0) throw new CommandError('no mutation has such a name');
  setup({ tests: true });
  const begin = performance.now();
  const base = await buildBase();
  await expectSound(base);
  const outcomes = await inParallel(mutations, availableParallelism(), async (mutation) => {
    const outcome = await tryMutation(base, mutation);
    console.log(`${outcome.padEnd(14)} ${mutation.name}`);
    return outcome;
  });
  const bad = outcomes.filter((outcome) => !outcome.startsWith('caught')).length;
  const seconds = ((performance.now() - begin) / 1000).toFixed(0);
  console.log(`${mutations.length - bad} of ${mutations.length} caught (${seconds} s)`);
  if (bad > 0) process.exitCode = 1;
});

/** @returns {{ name: string, file: string, find: string, replace: string }[]} */
function readMutations() {
  const folder = join(root, 'tests/mutations');
  const mutations = readdirSync(folder)
    .sort()
    .flatMap((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')));
  const twice = mutations.find(({ name }, i) => mutations.findIndex((other) => other.name === name) !== i);
  if (twice) throw new CommandError(`two mutations are called ${twice.name}`);
  return mutations;
}

/** Builds the tests of a copy of the core, and finds the commands that do it. */
async function buildBase() {
  rmSync(TREE, { recursive: true, force: true });
  for (const part of ['CMakeLists.txt', 'core', 'wasm', 'tests/core', 'tests/fuzz']) {
    cpSync(join(root, part), join(TREE, part), { recursive: true, preserveTimestamps: true });
  }
  const options = ['-DTIERCEL_TESTS=ON', '-DCMAKE_BUILD_TYPE=None', '-DCMAKE_CXX_FLAGS=-O1', '-DCMAKE_C_FLAGS=-O1'];
  await must('cmake', ['-S', TREE, '-B', BASE, '-G', 'Ninja', ...options]);
  await must('cmake', ['--build', BASE, '--target', 'tiercel_core_tests']);
  const { output } = await must('ninja', ['-C', BASE, '-t', 'commands', 'tiercel_core_tests']);
  const lines = output.split('\n').filter((line) => line.includes(' -o '));
  return {
    compile: (file) => lines.find((line) => line.endsWith(` -c ${join(TREE, 'core/src', file)}`)),
    link: lines.at(-1),
  };
}

async function must(command, args) {
  const outcome = await run(command, args);
  if (!outcome.ok) throw new CommandError(`${command} ${args.join(' ')} failed:\n${outcome.output}`);
  return outcome;
}

function program(folder) {
  return join(folder, 'tests');
}

async function expectSound({ link }) {
  const folder = join(SCRATCH, 'none');
  mkdirSync(folder, { recursive: true });
  await must('sh', ['-c', `cd ${BASE} && ${redirected(link, program(folder))}`]);
  const failure = await test(folder);
  if (failure !== undefined) throw new CommandError(`the tests fail without any mutation:\n${failure}`);
}

/** @returns {Promise<string>} `caught...`, or what is wrong. */
async function tryMutation(base, { name, file, find, replace }) {
  const source = readFileSync(join(TREE, 'core/src', file), 'utf8');
  if (source.split(find).length !== 2) return 'does not apply';
  const folder = join(SCRATCH, name.replaceAll(/[^a-z0-9]+/gi, '-'));
  mkdirSync(folder, { recursive: true });
  try {
    // Whatever includes a header finds the one beside it first.
    if (!file.endsWith('.cpp')) cpSync(join(TREE, 'core/src'), folder, { recursive: true });
    writeFileSync(
      join(folder, file),
      source.replace(find, () => replace),
    );
    const sources = file.endsWith('.cpp') ? [file] : await includers(file);
    let link = redirected(base.link, program(folder));
    for (const each of sources) {
      const object = join(folder, `${each}.o`);
      const command = base.compile(each);
      const compile = redirected(command, object)
        .replace(/ -c \S+$/, ` -Wno-error -c ${join(folder, each)}`)
        .replace(' -I', ` -I${join(TREE, 'core/src')} -I`);
      const compiled = await run('sh', ['-c', `cd ${BASE} && ${compile}`]);
      if (!compiled.ok) return `does not build: ${/error: .*/.exec(compiled.output)?.[0] ?? compiled.output}`;
      link = link.replace(/ -o (\S+)/.exec(command)[1], object);
    }
    const linked = await run('sh', ['-c', `cd ${BASE} && ${link}`]);
    if (!linked.ok) return `does not link: ${linked.output}`;
    return (await test(folder)) === undefined ? 'survived' : 'caught';
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function redirected(command, to) {
  return command.replace(/ -o \S+/, ` -o ${to}`).replace(/ -MF \S+/, ` -MF ${to}.d`);
}

/** The source files of the core that the header `file` gets into. */
async function includers(file) {
  const { output } = await must('ninja', ['-C', BASE, '-t', 'deps']);
  return output
    .split('\n\n')
    .filter((block) => block.includes('tiercel_core.dir') && block.includes(`/core/src/${file}`))
    .map((block) => basename(/core\/src\/(\S+\.cpp)/.exec(block)[1]));
}

/** What the tests say if they fail. */
async function test(folder) {
  for (const { tests, sequences } of STAGES) {
    const outcome = await run(program(folder), [tests, '--abort'], {
      env: { TIERCEL_MODEL_SEQUENCES: String(sequences) },
      deadline: Date.now() + TEST_LIMIT_SECONDS * 1000,
      grace: 100,
    });
    if (!outcome.ok) return outcome.output;
  }
  return undefined;
}
