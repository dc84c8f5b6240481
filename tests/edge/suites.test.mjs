// Tests of tests/js, as they are, inside workerd: all of loading, patterns and warming.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ask } from './support/client.mjs';
import { bundled } from './support/modules.mjs';
import { startWorkerd } from './support/workerd.mjs';

const tests = fileURLToPath(new URL('../js', import.meta.url));
const harness = fileURLToPath(new URL('support/jest-in-workerd.mjs', import.meta.url));

/** Files that need what no Worker has, each with what that is. */
const ELSEWHERE = {
  'patterns-write-behind-kill.test.ts': 'processes',
  'patterns-write-behind-signal.test.ts': 'processes',
  'tiers-leaks.test.ts': 'the collector',
};
const SUITES = /^(loading|tiers|patterns|warming)[-.]/;
const files = readdirSync(tests).filter((name) => SUITES.test(name) && !Object.hasOwn(ELSEWHERE, name));

/** Milliseconds for the tests of a file. */
const PATIENCE = 300_000;

/** Of what is tried at random thousands of times: all of it is tried in Node. */
const SHARE = '0.1';

/** What CommonJS packages require of Node, as modules. @type {import('esbuild').Plugin} */
const required = {
  name: 'required',
  setup(build) {
    build.onResolve({ filter: /^[a-z:_/-]+$/ }, ({ path, kind }) => {
      // Modules of a Worker cannot be changed, as this does to that which it wraps, and fake timers to those of Node.
      if (path === 'graceful-fs') return { path: 'node:fs', namespace: 'required' };
      if (/^timers\b/.test(path)) return { path, namespace: 'empty' };
      if (!isBuiltin(path)) return undefined;
      const name = path.startsWith('node:') ? path : `node:${path}`;
      return kind === 'require-call' ? { path: name, namespace: 'required' } : { path: name, external: true };
    });
    build.onLoad({ filter: /.*/, namespace: 'required' }, ({ path }) => ({
      contents: `export * from '${path}'; export { default } from '${path}';`,
    }));
    build.onLoad({ filter: /.*/, namespace: 'empty' }, () => ({ contents: 'module.exports = {};' }));
  },
};

describe('inside workerd', () => {
  for (const file of files)
    test(file, async (t) => {
      const modules = await bundled(harness, {
        entryPoints: undefined,
        stdin: {
          contents: `import { worker } from ${JSON.stringify(harness)}; export default worker(() => import('./${file}'));`,
          resolveDir: tests,
        },
        plugins: [required],
        define: { __dirname: '"/"', __filename: '"/file"', 'process.env.TIERCEL_SHARE': SHARE },
      });
      const edge = await startWorkerd({
        modules,
        compatibilityDate: '2026-06-01',
        compatibilityFlags: ['nodejs_compat'],
      });
      try {
        const { status, text } = await ask(edge.url, '/', { patience: PATIENCE });
        assert.equal(status, 200, edge.log());
        const { results, unhandled } = JSON.parse(text);
        t.diagnostic(`${results.length} tests`);
        assert.ok(results.length > 0);
        assert.deepEqual(
          results.filter(({ error }) => error !== undefined),
          [],
        );
        assert.deepEqual(unhandled, []);
      } finally {
        await edge.stop();
      }
    });
});
