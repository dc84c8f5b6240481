const engine = process.env.TIERCEL_ENGINE;
if (engine !== 'wasm' && engine !== 'native') {
  throw new Error(
    `The suite runs once for each engine: set TIERCEL_ENGINE to "wasm" or "native" (it is ${JSON.stringify(engine)}).`,
  );
}

/** @type {import('jest').Config} */
export default {
  displayName: engine,
  testEnvironment: 'node',
  roots: ['<rootDir>/tests/js'],
  // A hang shows all the same; a slow machine is no failure.
  testTimeout: 180_000,
  testMatch: ['**/*.test.ts'],
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
