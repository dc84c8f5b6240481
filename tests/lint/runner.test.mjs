// The runner of the tests: that what fails, fails.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runNodeTests } from '../../scripts/lib/node-suite.mjs';
import { check, testRun, total } from '../../scripts/lib/result.mjs';
import { inParallel, root, run } from '../../scripts/lib/run.mjs';

const node = (script, options) => run(process.execPath, ['--eval', script], options);

/** Whether a process runs; one that has ended may be left in the table by a parent that does not look. */
function isRunning(pid) {
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** A process closes its pipes a moment before it is gone. */
async function hasEnded(pid) {
  const deadline = Date.now() + 10_000;
  while (isRunning(pid) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
  return !isRunning(pid);
}

let folder;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'tiercel-runner-'));
});
after(() => rmSync(folder, { recursive: true }));

describe('a child process', () => {
  it('gives its output and exit code', async () => {
    assert.deepEqual(await node('console.log(1); console.error(2)'), { ok: true, code: 0, output: '1\n2\n' });
    assert.deepEqual(await node('process.exit(3)'), { ok: false, code: 3, output: '' });
  });

  it('fails if it cannot be started', async () => {
    const { ok, output } = await run('tiercel-no-such-program', []);
    assert.equal(ok, false);
    assert.match(output, /tiercel-no-such-program.*ENOENT/);
  });

  it('is ended at its deadline, with its own children, even if it ignores that', async () => {
    const child = `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log(process.pid)`;
    const parent = `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(child)}], { stdio: 'inherit' }); ${child}`;
    const { ok, output } = await node(parent, { deadline: Date.now() + 1_000, grace: 200 });
    assert.equal(ok, false);
    assert.match(output, /time limit/);
    const pids = [...output.matchAll(/^\d+$/gm)].map(Number);
    assert.deepEqual(await Promise.all(pids.map(hasEnded)), [true, true]);
  });

  it('is not waited for longer than its leader lives', async () => {
    const parent = `require('child_process').spawn('sleep', ['60'], { stdio: 'inherit' }).unref()`;
    const begin = Date.now();
    assert.equal((await node(parent, { grace: 100 })).ok, true);
    assert.ok(Date.now() - begin < 30_000);
  });

  it('is ended with the process that started it', async () => {
    const file = join(folder, 'pid');
    const child = `require('fs').writeFileSync(${JSON.stringify(file)}, String(process.pid)); setInterval(() => {}, 1000)`;
    const runner = new URL('../../scripts/lib/run.mjs', import.meta.url);
    const script = `
      import { existsSync } from 'node:fs';
      import { run } from ${JSON.stringify(runner)};
      void run(process.execPath, ['-e', ${JSON.stringify(child)}]);
      setInterval(() => existsSync(${JSON.stringify(file)}) && process.kill(process.pid, 'SIGTERM'), 20);`;
    const { status } = spawnSync(process.execPath, ['--input-type=module', '--eval', script]);
    assert.equal(status, 128 + 15);
    assert.equal(await hasEnded(Number(readFileSync(file, 'utf8'))), true);
  });
});

it('items are worked on a few at a time, and results keep their order', async () => {
  let running = 0;
  let most = 0;
  const results = await inParallel([5, 1, 3, 1], 2, async (ms) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, ms));
    running -= 1;
    return ms * 10;
  });
  assert.deepEqual(results, [50, 10, 30, 10]);
  assert.equal(most, 2);
});

describe('counts', () => {
  const fine = { ok: true, output: '' };

  it('add up', () => {
    const results = [
      check('a', fine),
      check('b', { ok: false, output: 'x' }),
      testRun('c', { passed: 3, failed: 0, skipped: 2 }, fine),
    ];
    assert.deepEqual(total(results), { passed: 4, failed: 1, skipped: 2 });
  });

  it('have a failure where no test ran', () => {
    assert.equal(testRun('a', { passed: 0, failed: 0, skipped: 0 }, fine).failed, 1);
    assert.equal(testRun('a', { passed: 0, failed: 0, skipped: 7 }, fine).failed, 1);
    assert.equal(testRun('a', undefined, fine).failed, 1);
  });

  it('have a failure where the run ended badly though all tests passed', () => {
    assert.equal(testRun('a', { passed: 5, failed: 0, skipped: 0 }, { ok: false, output: '' }).failed, 1);
  });
});

describe('a run of node --test', () => {
  const outcomes = [
    ['of tests and subtests', `test('a', (t) => t.test('b', () => {}))`, { passed: 2, failed: 0, skipped: 0 }],
    [
      'of suites, which are no tests',
      `describe('a', () => { it('b', () => {}) })`,
      { passed: 1, failed: 0, skipped: 0 },
    ],
    ['with a failure', `test('a', () => {}); test('b', () => { throw 1 })`, { passed: 1, failed: 1, skipped: 0 }],
    [
      'with a skipped test',
      `test('a', () => {}); test('b', { skip: 'why' }, () => {})`,
      { passed: 1, failed: 0, skipped: 1 },
    ],
    [
      'with a hook that fails',
      `describe('a', () => { after(() => { throw 1 }); it('b', () => {}) })`,
      { passed: 1, failed: 1, skipped: 0 },
    ],
    ['without a test', '', { passed: 0, failed: 1, skipped: 0 }],
    ['of an empty suite', `describe('a', () => {})`, { passed: 0, failed: 1, skipped: 0 }],
    ['of a file that cannot be loaded', `import './no-such-file.mjs'`, { passed: 0, failed: 1, skipped: 0 }],
    ['that ends early', `test('a', () => {}); test('b', () => process.exit(0))`, { passed: 0, failed: 1, skipped: 0 }],
  ];
  for (const [name, code, expected] of outcomes) {
    it(`${name} is counted`, async () => {
      const file = join(folder, 'a.test.mjs');
      writeFileSync(file, `import { after, describe, it, test } from 'node:test';\n${code}\n`);
      const { passed, failed, skipped } = await runNodeTests('runner-self-test', [file], Date.now() + 60_000);
      assert.deepEqual({ passed, failed, skipped }, expected);
    });
  }

  it('without a file is a failure', async () => {
    assert.equal((await runNodeTests('runner-self-test', [], Date.now())).failed, 1);
  });
});

describe('a run of suites', () => {
  function runSuites(suites, preparation = 'async () => {}') {
    const runner = new URL('../../scripts/lib/suites.mjs', import.meta.url);
    const script = `
      import { runSuites } from ${JSON.stringify(runner)};
      const of = (passed, failed) => async () => [{ name: 'x', passed, failed, skipped: 1, output: 'the reason' }];
      await runSuites({ preparation: ${preparation}, suites: ${suites} });`;
    const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: root,
      encoding: 'utf8',
    });
    return { status, stdout, last: stdout.trimEnd().split('\n').at(-1) };
  }

  it('ends with the totals', () => {
    const { status, stdout, last } = runSuites(`[['one', of(2, 0)], ['two', of(3, 0)]]`);
    assert.deepEqual({ status, last }, { status: 0, last: '5 passed, 0 failed, 2 skipped' });
    assert.doesNotMatch(stdout, /the reason/);
  });

  it('shows what failed, goes on, and fails', () => {
    const { status, stdout, last } = runSuites(`[['one', of(2, 1)], ['two', of(3, 0)]]`);
    assert.deepEqual({ status, last }, { status: 1, last: '5 passed, 1 failed, 2 skipped' });
    assert.match(stdout, /--- one: x\nthe reason\n/);
  });

  it('fails if nothing ran', () => {
    assert.deepEqual(runSuites(`[['one', async () => []]]`).status, 1);
  });

  it('counts a suite that throws as a failure', () => {
    const { status, last } = runSuites(`[['one', async () => { throw new Error('lost') }], ['two', of(1, 0)]]`);
    assert.deepEqual({ status, last }, { status: 1, last: '1 passed, 1 failed, 1 skipped' });
  });

  it('does not begin if the preparation fails', () => {
    const { status, last } = runSuites(`[['one', of(1, 0)]]`, `async () => { throw new Error('no compiler') }`);
    assert.deepEqual({ status, last }, { status: 1, last: '0 passed, 1 failed, 0 skipped' });
  });
});

it('an unknown suite is an error that names the known ones', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/test.mjs'), 'lnt'], { encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(
    stderr,
    /No such suite: lnt\. There are lint, core, js, threads, examples, edge, browser, redis, chaos, package\./,
  );
});
