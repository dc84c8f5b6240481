// The workflows, as far as can be told without the service that runs them.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { platforms } from '../../scripts/lib/platforms.mjs';
import { root } from '../../scripts/lib/run.mjs';
import { packageJson, rule, sources } from './rule.mjs';

const files = () => sources(/^\.github\/workflows\/[^/]+\.yml$/);
const parsed = ({ text }) => parseDocument(text, { strict: true, uniqueKeys: true }).toJS();
const jobs = (file) => Object.entries(parsed(file).jobs).map(([name, job]) => ({ name, job, path: file.path }));
const allJobs = (list) => list.flatMap(jobs);
const allSteps = (list) =>
  allJobs(list).flatMap(({ name, job, path }) => (job.steps ?? []).map((step) => ({ name, step, path })));

const workflow = (jobs) => [{ path: 'a.yml', text: JSON.stringify({ jobs }) }];
const withSteps = (...steps) => workflow({ a: { 'runs-on': 'x', steps } });

rule('workflows are YAML without errors and warnings', {
  find: (list) =>
    list.flatMap(({ path, text }) => {
      const { errors, warnings } = parseDocument(text, { strict: true, uniqueKeys: true });
      return [...errors, ...warnings].map(({ message }) => `${path}: ${message}`);
    }),
  here: files,
  planted: [[{ path: 'a.yml', text: 'a: 1\na: 2\n' }], [{ path: 'b.yml', text: 'a: [1\n' }]],
});

rule('a workflow may read and nothing else, unless a job says so', {
  find: (list) =>
    list.filter((file) => JSON.stringify(parsed(file).permissions) !== '{"contents":"read"}').map(({ path }) => path),
  here: files,
  planted: [workflow({}), [{ path: 'a.yml', text: 'permissions: write-all\n' }]],
});

rule('a job has steps and a time limit, or is a workflow that is there', {
  find: (list) =>
    allJobs(list)
      .filter(({ job }) =>
        job.uses ? !existsSync(join(root, job.uses)) : !(job['runs-on'] && job.steps?.length && job['timeout-minutes']),
      )
      .map(({ path, name }) => `${path}: ${name}`),
  here: files,
  planted: [
    workflow({ a: { uses: './.github/workflows/lost.yml' } }),
    workflow({ a: { 'runs-on': 'x', steps: [{ run: 'ls' }] } }),
  ],
});

rule('a job waits for jobs that are there', {
  find: (list) =>
    list.flatMap((file) =>
      jobs(file).flatMap(({ name, job }) =>
        [job.needs ?? []]
          .flat()
          .filter((needed) => !(needed in parsed(file).jobs))
          .map((needed) => `${name}: ${needed}`),
      ),
    ),
  here: files,
  planted: [workflow({ a: { needs: 'lost' } }), workflow({ a: {}, b: { needs: ['a', 'c'] } })],
});

rule('a step is an action of a version, or a command', {
  find: (list) =>
    allSteps(list)
      .filter(
        ({ step }) => 'uses' in step === 'run' in step || ('uses' in step && !/^[\w-]+\/[\w-]+@v\d+$/.test(step.uses)),
      )
      .map(({ path, step }) => `${path}: ${JSON.stringify(step)}`),
  here: files,
  planted: [withSteps({}), withSteps({ uses: 'a/b@main' }), withSteps({ uses: 'a/b@v1', run: 'ls' })],
});

rule('the scripts and files that steps run are there', {
  find: (list) =>
    allSteps(list).flatMap(({ step: { run = '' } }) => [
      ...[...run.matchAll(/\bnpm run ([\w:-]+)/g)]
        .map(([, name]) => name)
        .filter((name) => !(name in packageJson().scripts)),
      ...[...run.matchAll(/(?<=\s)[\w./-]+\.mjs\b/g)]
        .map(([path]) => path)
        .filter((path) => !existsSync(join(root, path))),
    ]),
  here: files,
  planted: [withSteps({ run: 'npm run lost' }), withSteps({ run: 'node scripts/lost.mjs' })],
});

rule('every platform that the package loads a binary on is built', {
  find: ({ list, wanted }) => {
    const built = allJobs(list).flatMap(
      ({ job }) => job.strategy?.matrix?.include?.map(({ platform }) => platform) ?? [],
    );
    return wanted.filter((platform) => !built.includes(platform));
  },
  here: () => ({ list: files(), wanted: platforms() }),
  planted: [{ list: workflow({ a: { strategy: { matrix: { include: [{ platform: 'a' }] } } } }), wanted: ['a', 'b'] }],
});

rule('only a job that publishes can sign', {
  find: (list) =>
    allJobs(list)
      .filter(({ job }) => {
        const publishes = job.steps?.some(({ run }) => /\bnpm publish\b.*--provenance/.test(run ?? '')) ?? false;
        return publishes !== (job.permissions?.['id-token'] === 'write');
      })
      .map(({ path, name }) => `${path}: ${name}`),
  here: files,
  planted: [
    workflow({ a: { permissions: { 'id-token': 'write' }, steps: [{ run: 'ls' }] } }),
    workflow({ a: { steps: [{ run: 'npm publish --provenance' }] } }),
  ],
});
