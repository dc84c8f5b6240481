// What is imported by a path of its own, as `tiercel/patterns`, is of one piece with `tiercel`.
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { build } from 'esbuild';
import { SUBPATHS } from '../../scripts/lib/entries.mjs';
import { installedProject, REFUSALS } from './support/packed.mjs';

const importing = (name) => `import * as main from 'tiercel';\nimport * as sub from 'tiercel/${name}';\n`;
const requiring = (name) => `const main = require('tiercel');\nconst sub = require('tiercel/${name}');\n`;
const report = (name) => `
try { ${REFUSALS[name]({ sub: 'sub', MemoryCache: 'main.MemoryCache' })}; } catch (error) {
  console.log(JSON.stringify({ isInstance: error instanceof main.TiercelError, code: error.code }));
}
`;

// Without this condition `require` gets CommonJS, as it does in older versions of Node.
const COMMON_JS = ['--no-experimental-require-module'];
const EXPECTED = { isInstance: true, code: 'ERR_TIERCEL_INVALID_OPTION' };

let project;
before(() => {
  project = installedProject();
});

it('every entry point is tried', () => {
  assert.deepEqual(Object.keys(REFUSALS), Object.keys(SUBPATHS));
});

for (const name of Object.keys(SUBPATHS)) {
  describe(`an error of tiercel/${name} is a TiercelError of tiercel`, () => {
    it('by import', () => {
      const file = project.write(`${name}.mjs`, importing(name) + report(name));
      assert.deepEqual(project.run(file), EXPECTED);
    });

    it('by require, which gets the ES module', () => {
      const file = project.write(`${name}.cjs`, requiring(name) + report(name));
      assert.deepEqual(project.run(file, { flags: ['--no-warnings'] }), EXPECTED);
    });

    it('by require, which gets CommonJS', () => {
      const file = project.write(`${name}.cjs`, requiring(name) + report(name));
      assert.deepEqual(project.run(file, { flags: COMMON_JS }), EXPECTED);
      const which = project.write(
        `${name}-which.cjs`,
        `console.log(JSON.stringify(require.resolve('tiercel/${name}')));`,
      );
      assert.match(project.run(which, { flags: COMMON_JS }), /\.cjs$/);
    });

    for (const [platform, conditions] of Object.entries({ node: [], browser: [], neutral: ['workerd'] })) {
      it(`in a bundle for ${conditions[0] ?? platform}, which has one class of this name`, async () => {
        const file = project.write(`${name}-bundled.mjs`, importing(name) + report(name));
        const { outputFiles } = await build({
          entryPoints: [file],
          bundle: true,
          format: 'esm',
          platform: /** @type {'node' | 'browser' | 'neutral'} */ (platform),
          conditions,
          loader: { '.wasm': 'empty' },
          write: false,
          logLevel: 'silent',
        });
        const [{ text }] = outputFiles;
        assert.equal(text.match(/"TiercelError"|'TiercelError'/g)?.length, 1);
        if (conditions.length > 0) return;
        assert.deepEqual(project.run(project.write(`${name}-${platform}.mjs`, text)), EXPECTED);
      });
    }
  });
}
