// The tests of the facade that are as right with a second tier in Redis, and those that share their oracles.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import base from '../../jest.config.mjs';

const here = dirname(fileURLToPath(import.meta.url));

/** @type {import('jest').Config} */
export default {
  ...base,
  rootDir: join(here, '../..'),
  roots: ['<rootDir>/tests/redis'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  globalSetup: '<rootDir>/tests/redis/support/jest-setup.mjs',
  globalTeardown: '<rootDir>/tests/redis/support/jest-teardown.mjs',
};
