// npm run soak [-- OPTION...]: what a test run has no time for. By default
//   --model=200000        random sequences against the model, native, under AddressSanitizer and UBSan
//   --differential=20000  the same operations on wasm and on the addon
//   --races=1000000       trials of each kind of load of a Cache against invalidations, half of them on each engine
//   --loaders=100000      calls with loaders that misbehave, for each kind of cache, on both engines
//   --fuzz=300            seconds for each fuzz target, from its corpus
//   --threads=10000       workers that are created and terminated while others use a cache that they share
// 0 leaves a part out; with --seed=N the sequences begin there; with --minutes=N the races end after so long, however many
// trials there were: that is printed. The exit code is 1 if anything failed.
import { cpSync, mkdirSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { asCommand, CommandError } from './lib/command.mjs';
import { makeReady } from './lib/ready.mjs';
import { inParallel, root, run } from './lib/run.mjs';

const SEQUENCES_PER_RUN = 2_000;
const DIFFERENTIAL_CASES = 16; // Which each of its seeds is a sequence in.
const ENGINES = ['native', 'wasm'];
const cores = availableParallelism();

const defaults = {
  model: 200_000,
  differential: 20_000,
  races: 1_000_000,
  loaders: 100_000,
  fuzz: 300,
  threads: 10_000,
  seed: 1,
  minutes: 0,
};

await asCommand(import.meta, async (...args) => {
  const options = read(args);
  await makeReady({ tests: true, fuzzers: options.fuzz > 0 });
  const parts = [
    options.model > 0 && soakModel(options),
    options.differential > 0 && soakDifferential(options),
    options.races > 0 && soakRaces(options),
    options.loaders > 0 && soakLoaders(options),
    options.fuzz > 0 && soakFuzzers(options),
    options.threads > 0 && soakThreads(options),
  ];
  for (const part of parts.filter(Boolean)) {
    for await (const { name, outcome, seconds } of part) {
      console.log(`${outcome.ok ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
      if (outcome.ok) continue;
      console.log(outcome.output);
      process.exitCode = 1;
    }
  }
});

/** @param {string[]} args */
function read(args) {
  const options = { ...defaults };
  for (const arg of args) {
    const [, name, value] = /^--([a-z]+)=(\d+)$/.exec(arg) ?? [];
    if (!Object.hasOwn(defaults, name ?? '')) {
      throw new CommandError(
        `${arg}? There are ${Object.keys(defaults)
          .map((option) => `--${option}=N`)
          .join(', ')}.`,
      );
    }
    options[name] = Number(value);
  }
  return options;
}

async function timed(name, work) {
  const begin = performance.now();
  const outcome = await work();
  return { name, outcome, seconds: ((performance.now() - begin) / 1000).toFixed(0) };
}

async function must(command, args) {
  const outcome = await run(command, args);
  if (!outcome.ok) throw new CommandError(outcome.output);
  return outcome;
}

async function* soakModel({ model, seed }) {
  await must('cmake', ['--preset', 'asan', '-B', 'build/asan']);
  await must('cmake', ['--build', 'build/asan', '--parallel', String(cores), '--target', 'tiercel_core_tests']);
  // A run takes one sequence of each of the four modes for each seed.
  const perRun = Math.min(model, SEQUENCES_PER_RUN);
  const firsts = Array.from({ length: Math.ceil(model / perRun) }, (_, i) => seed + (i * perRun) / 4);
  for (let at = 0; at < firsts.length; at += cores) {
    yield* await inParallel(firsts.slice(at, at + cores), cores, (first) =>
      timed(`model, ${perRun} sequences from seed ${first}`, () =>
        run('build/asan/tests/core/tiercel_core_tests', ['*as the model says'], {
          env: { TIERCEL_MODEL_SEED: String(first), TIERCEL_MODEL_SEQUENCES: String(perRun) },
        }),
      ),
    );
  }
}

async function* soakDifferential({ differential }) {
  yield await timed(`differential, ${differential} sequences`, () =>
    run(process.execPath, ['node_modules/jest/bin/jest.js', 'tests/js/differential.test.ts'], {
      // It opens both engines; the suite wants to be told one.
      env: { TIERCEL_ENGINE: 'native', TIERCEL_SEEDS: String(Math.ceil(differential / DIFFERENTIAL_CASES)) },
    }),
  );
}

async function* soakRaces({ races, seed, minutes }) {
  const program = join(root, 'build/soak/races.mjs');
  const { build } = await import('esbuild');
  await build({
    entryPoints: [join(root, 'tests/js/soak/races.ts')],
    outfile: program,
    bundle: true,
    format: 'esm',
    platform: 'node',
    external: ['tiercel'],
  });
  const modes = JSON.parse((await must(process.execPath, [program])).output);
  const tasks = modes.flatMap((mode) => ENGINES.map((engine, i) => ({ mode, engine, first: seed + i * races })));
  const trials = Math.ceil(races / ENGINES.length);
  const seconds = minutes === 0 ? Number.MAX_SAFE_INTEGER : (minutes * 60 * cores) / tasks.length;
  for (let at = 0; at < tasks.length; at += cores) {
    yield* await inParallel(tasks.slice(at, at + cores), cores, async ({ mode, engine, first }) => {
      const args = [program, mode, first, trials, seconds].map(String);
      const result = await timed('', () => run(process.execPath, args, { env: { TIERCEL_ENGINE: engine } }));
      const count = result.outcome.ok ? `${JSON.parse(result.outcome.output).done} trials` : 'trials';
      return { ...result, name: `races of ${mode} loads on ${engine}, ${count} from seed ${first}` };
    });
  }
}

async function* soakLoaders({ loaders }) {
  for (const engine of ENGINES) {
    yield await timed(`loaders that misbehave on ${engine}, ${loaders} calls`, () =>
      run(process.execPath, ['node_modules/jest/bin/jest.js', 'loading-callbacks', 'tiers-callbacks'], {
        env: { TIERCEL_ENGINE: engine, TIERCEL_LOADS: String(loaders) },
      }),
    );
  }
}

async function* soakThreads({ threads }) {
  yield await timed(`threads, ${threads} workers`, () =>
    run(
      process.execPath,
      ['--test', '--test-name-pattern=created and terminated', 'tests/threads/life-cycle.test.mjs'],
      {
        env: { TIERCEL_WORKERS: String(threads) },
      },
    ),
  );
}

async function* soakFuzzers({ fuzz }) {
  await must('cmake', ['--preset', 'fuzz']);
  await must('cmake', ['--build', 'build/fuzz', '--parallel', String(cores)]);
  const targets = readdirSync(join(root, 'build/fuzz/tests/fuzz')).filter((name) => /^tiercel_fuzz_\w+$/.test(name));
  for (let at = 0; at < targets.length; at += cores) {
    yield* await inParallel(targets.slice(at, at + cores), cores, (target) => {
      const name = target.slice('tiercel_fuzz_'.length);
      // The fuzzer adds to the folder; what it finds is to be looked at before it goes to the corpus.
      const corpus = join(root, 'build/soak', name);
      mkdirSync(corpus, { recursive: true });
      cpSync(join(root, 'tests/fuzz/corpus', name), corpus, { recursive: true });
      const args = [
        `-max_total_time=${fuzz}`,
        '-timeout=20',
        '-print_final_stats=1',
        `-artifact_prefix=${corpus}-`,
        corpus,
      ];
      return timed(`fuzz ${name}`, () => run(`build/fuzz/tests/fuzz/${target}`, args));
    });
  }
}
