// The same tests as of facade.config.mjs, over HTTP.
import base from './facade.config.mjs';

/** @type {import('jest').Config} */
export default {
  ...base,
  // What becomes of callbacks has nothing to do with the way to the server.
  testPathIgnorePatterns: ['tiers-callbacks'],
  globalSetup: '<rootDir>/tests/redis/support/jest-setup-rest.mjs',
  globalTeardown: '<rootDir>/tests/redis/support/jest-teardown-rest.mjs',
};
