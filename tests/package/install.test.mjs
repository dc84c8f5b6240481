// The package as it is installed: from its tarball, into an empty project.
import assert from 'node:assert/strict';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, before, describe, it } from 'node:test';
import { ADDON, CJS, ESM, installedProject, REFUSED, root, VALUE } from './support/packed.mjs';

// `--permission` from Node 22 on.
const [major] = process.versions.node.split('.').map(Number);
const PERMISSION = major < 22 ? '--experimental-permission' : '--permission';

let project;
let addon;
let intact;
const programs = {};

before(() => {
  project = installedProject();
  programs.import = project.write('app.mjs', ESM);
  programs.require = project.write('app.cjs', CJS);
  addon = join(project.package, ADDON);
  intact = readFileSync(addon);
});

/** The program, run in each way that there is to load the package. */
const inEachWay = (test) => {
  for (const way of ['import', 'require'])
    it(`by ${way}`, () => test((options) => project.run(programs[way], options)));
};

function assertWasm(info, reason) {
  assert.deepEqual(
    { used: info.used, engine: info.engine, value: info.value, refused: info.refused },
    { used: 'wasm', engine: 'wasm', value: VALUE, refused: REFUSED },
  );
  assert.equal(info.native.available, false);
  assert.match(info.native.reason, reason);
}

describe('an installed package uses the native engine', () => {
  inEachWay((run) => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const { abi, ...info } = run();
    assert.equal(typeof abi, 'number');
    assert.deepEqual(info, {
      engine: 'native',
      used: 'native',
      value: VALUE,
      refused: REFUSED,
      version,
      native: { available: true },
      shared: [],
    });
  });
});

describe('TIERCEL_ENGINE chooses the engine', () => {
  inEachWay((run) => {
    for (const engine of ['wasm', 'native']) {
      const info = run({ env: { TIERCEL_ENGINE: engine } });
      assert.deepEqual({ used: info.used, engine: info.engine }, { used: engine, engine });
      assert.equal(info.native.available, true);
    }
  });
});

describe('where addons are not allowed, wasm is used', () => {
  describe('with --no-addons', () => {
    inEachWay((run) => assertWasm(run({ flags: ['--no-addons'] }), /addons/i));
  });

  describe('under the permission model', () => {
    inEachWay((run) => {
      const flags = [PERMISSION, '--allow-fs-read=*', '--no-warnings'];
      assertWasm(run({ flags }), /./);
      assert.equal(run({ flags: [...flags, '--allow-addons'] }).used, 'native');
    });
  });
});

describe('a binary that cannot be used is never loaded', () => {
  afterEach(() => writeFileSync(addon, intact));

  const damage = {
    'that is not there': () => rmSync(addon),
    'that is empty': () => truncateSync(addon, 0),
    // The dynamic loader maps such a file and dies of SIGBUS.
    'that was cut off in the middle': () => truncateSync(addon, intact.length >> 1),
    'that lacks its last byte': () => truncateSync(addon, intact.length - 1),
    'with a changed byte': () => writeFileSync(addon, flipped(intact, intact.length >> 1)),
    'for another processor': () => writeFileSync(addon, forOtherProcessor(intact)),
    'that is a text': () => writeFileSync(addon, 'version https://git-lfs.github.com/spec/v1\n'),
  };
  for (const [name, apply] of Object.entries(damage)) {
    describe(name, () => {
      inEachWay((run) => {
        apply();
        assertWasm(run(), /\S/);
      });
    });
  }

  it('and to insist on it is an error that says why', () => {
    rmSync(addon);
    const program = project.write(
      'insist.mjs',
      `import { MemoryCache } from 'tiercel';
       try { MemoryCache.createSync({ engine: 'native' }) } catch (e) { console.log(JSON.stringify({ code: e.code, message: e.message })) }`,
    );
    for (const env of [{}, { TIERCEL_ENGINE: 'wasm' }]) {
      const { code, message } = project.run(program, { env });
      assert.equal(code, 'ERR_TIERCEL_ENGINE_UNAVAILABLE');
      assert.match(message, /tiercel\.node/);
    }
  });
});

function flipped(bytes, at) {
  const copy = Buffer.from(bytes);
  copy[at] ^= 0xff;
  return copy;
}

/** The binary with another e_machine in its ELF header: 183 is AArch64, 62 is x86-64. */
function forOtherProcessor(bytes) {
  const copy = Buffer.from(bytes);
  assert.equal(copy.toString('latin1', 0, 4), '\x7fELF');
  copy.writeUInt16LE(copy.readUInt16LE(18) === 62 ? 183 : 62, 18);
  return copy;
}

it('the prebuilds folder may be missing as a whole', () => {
  const other = installedProject();
  rmSync(join(other.package, 'prebuilds'), { recursive: true });
  assertWasm(other.run(other.write('app.mjs', ESM)), /\S/);
});

it('import and require give one package: the same class, the same caches', () => {
  const program = project.write(
    'both.mjs',
    `import { createRequire } from 'node:module';
     import * as imported from 'tiercel';
     const required = createRequire(import.meta.url)('tiercel');
     const isSame = imported.MemoryCache === required.MemoryCache && imported.TiercelError === required.TiercelError;
     console.log(JSON.stringify({ isSame, isInstance: imported.MemoryCache.createSync() instanceof required.MemoryCache }));`,
  );
  assert.deepEqual(project.run(program, { flags: ['--no-warnings'] }), { isSame: true, isInstance: true });
});

it('a worker thread can use it, and may be terminated while it does', () => {
  const worker = project.write(
    'worker.mjs',
    `import { MemoryCache } from 'tiercel';
     import { parentPort } from 'node:worker_threads';
     const cache = MemoryCache.createSync({ values: 'bytes', maxEntries: 100 });
     parentPort.postMessage(cache.engine);
     for (let i = 0; ; i++) cache.set('key' + i, 'value');`,
  );
  const program = project.write(
    'threads.mjs',
    `import { once } from 'node:events';
     import { Worker } from 'node:worker_threads';
     const workers = Array.from({ length: 4 }, () => new Worker(${JSON.stringify(worker)}));
     const engines = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0]));
     const codes = await Promise.all(workers.map((worker) => worker.terminate()));
     console.log(JSON.stringify({ engines, codes }));`,
  );
  assert.deepEqual(project.run(program), { engines: Array(4).fill('native'), codes: Array(4).fill(1) });
});
