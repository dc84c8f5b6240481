// The installed package on other runtimes: Node 22, 24 and 26, Bun and Deno.
import assert from 'node:assert/strict';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, before, describe, it } from 'node:test';
import { ADDON, CJS, ESM, installedProject, REFUSED, VALUE } from './support/packed.mjs';
import { installRuntimes, RUNTIMES, unavailable } from './support/runtimes.mjs';

/** Flags with which the runtime gives a program all it wants. */
const ALLOWED = { Deno: ['--allow-all'] };

/** Flags with which it lets no addon be loaded, and what the reason then says. */
const DENIED = {
  'Node 22': [
    [['--no-addons'], /addons/],
    [['--permission', '--allow-fs-read=*'], /addons/],
  ],
  'Node 24': [
    [['--no-addons'], /addons/],
    [['--permission', '--allow-fs-read=*'], /addons/],
  ],
  'Node 26': [
    [['--no-addons'], /addons/],
    [['--permission', '--allow-fs-read=*'], /addons/],
  ],
  Bun: [[['--no-addons'], /addons/]],
  Deno: [
    [[], /read access/],
    [['--allow-read'], /ffi access/],
  ],
};

let project;
let runtimes;
let addon;
let intact;
const programs = {};

before(() => {
  if (unavailable) return;
  runtimes = installRuntimes();
  project = installedProject();
  programs.import = project.write('app.mjs', ESM);
  programs.require = project.write('app.cjs', CJS);
  programs.both = project.write(
    'both.mjs',
    `import { createRequire } from 'node:module';
     import { MemoryCache } from 'tiercel';
     import { Warmer } from 'tiercel/warming';
     const require = createRequire(import.meta.url);
     console.log(JSON.stringify([MemoryCache === require('tiercel').MemoryCache, Warmer === require('tiercel/warming').Warmer]));`,
  );
  programs.versions = project.write('versions.mjs', 'console.log(JSON.stringify(process.versions));');
  addon = join(project.package, ADDON);
  intact = readFileSync(addon);
});

for (const name of RUNTIMES) {
  describe(name, { skip: unavailable }, () => {
    const allowed = ALLOWED[name] ?? [];
    const run = (program, flags = allowed) => project.run(programs[program], { runtime: runtimes[name], flags });
    const inEachWay = (test) => {
      for (const way of ['import', 'require']) it(`by ${way}`, () => test((flags) => run(way, flags)));
    };
    const assertWasm = ({ used, engine, value, refused, native }, reason) => {
      assert.deepEqual(
        { used, engine, value, refused },
        { used: 'wasm', engine: 'wasm', value: VALUE, refused: REFUSED },
      );
      assert.equal(native.available, false);
      assert.match(native.reason, reason);
    };

    it('is what it is said to be', (t) => {
      const versions = run('versions');
      const [kind, major] = name.toLowerCase().split(' ');
      t.diagnostic(`${kind} ${versions[kind]}`);
      assert.equal(versions[kind].split('.')[0], major ?? versions[kind].split('.')[0]);
      assert.equal('bun' in versions || 'deno' in versions, kind !== 'node');
    });

    describe('uses the native engine', () => {
      inEachWay((run) => {
        const { used, engine, native, value, refused } = run();
        assert.deepEqual(
          { used, engine, native, value, refused },
          { used: 'native', engine: 'native', native: { available: true }, value: VALUE, refused: REFUSED },
        );
      });
    });

    for (const [flags, reason] of DENIED[name]) {
      describe(`uses wasm when it is run with ${flags.join(' ') || 'no leave for anything'}`, () => {
        inEachWay((run) => assertWasm(run(flags), reason));
      });
    }

    describe('never loads a binary that is not the one of the package', () => {
      afterEach(() => writeFileSync(addon, intact));
      const damage = {
        'cut short': () => truncateSync(addon, intact.length >> 1),
        'not there': () => rmSync(addon),
      };
      for (const [state, apply] of Object.entries(damage)) {
        describe(state, () => {
          inEachWay((run) => {
            apply();
            assertWasm(run(), /tiercel\.node/);
          });
        });
      }
    });

    it('gives import and require one package', () => {
      assert.deepEqual(run('both'), [true, true]);
    });
  });
}
