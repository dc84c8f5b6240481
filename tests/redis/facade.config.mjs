// The tests of the facade that are as right when the second tier is in Redis.
import base from './jest.config.mjs';

/** @type {import('jest').Config} */
export default {
  ...base,
  roots: ['<rootDir>/tests/js'],
  // Those that have a second tier, and whose time is not that of Jest, in which no answer comes.
  testMatch: ['remote', 'loading', 'callbacks'].map((name) => `**/tiers-${name}.test.ts`),
  moduleNameMapper: {
    '^tiercel$': '<rootDir>/tests/redis/support/tiercel-on-redis.ts',
    '^tiercel-itself$': '<rootDir>/dist/index.cjs',
    '^\\./support/deferred\\.js$': '<rootDir>/tests/redis/support/deferred.ts',
    ...base.moduleNameMapper,
  },
};
