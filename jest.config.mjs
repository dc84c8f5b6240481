import { fileURLToPath } from 'node:url';
import { sharedFiles } from './tests/js/support/shared-files.mjs';

// "shared" is the native engine with each cache one that threads can share: see tests/js/support/cache.ts. Set here, where
// the processes that run tests, and those that tests run, have it from.
if (process.env.TIERCEL_ENGINE === 'shared') {
  process.env.TIERCEL_ENGINE = 'native';
  process.env.TIERCEL_TEST_SHARED = '1';
}
const engine = process.env.TIERCEL_TEST_SHARED === '1' ? 'shared' : process.env.TIERCEL_ENGINE;
if (engine !== 'wasm' && engine !== 'native' && engine !== 'shared') {
  throw new Error(
    `The suite runs once for each engine: set TIERCEL_ENGINE to "wasm", "native" or "shared" (it is ${JSON.stringify(engine)}).`,
  );
}

const folder = fileURLToPath(new URL('tests/js', import.meta.url));

/** @type {import('jest').Config} */
export default {
  displayName: engine,
  testEnvironment: 'node',
  roots: ['<rootDir>/tests/js'],
  // A hang shows all the same; a slow machine is no failure.
  testTimeout: 900_000,
  testSequencer: '<rootDir>/tests/js/support/promises-first.mjs',
  testMatch: engine === 'shared' ? sharedFiles(folder) : ['**/*.test.ts'],
  // TypeScript names its own files by the extension they have once compiled.
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript', explicitResourceManagement: true }, target: 'es2022' },
        module: { type: 'commonjs' },
      },
    ],
  },
};
