import { inspect } from 'node:util';
import { configFromEnv, type EnvironmentConfig, type RedisSettings, TiercelError } from 'tiercel';
import { openCache } from './support/cache.js';
import { expectThrow, thrownBy } from './support/errors.js';

type Environment = Record<string, string>;

const redisOf = (environment: Environment) =>
  configFromEnv({ CACHE_BACKEND: 'redis', ...environment }).redis as RedisSettings;

describe('the configuration from the environment', () => {
  test.each<[string, Environment, EnvironmentConfig]>([
    ['nothing', {}, { backend: 'memory', memory: {}, warnings: [] }],
    [
      'what is for others',
      { PATH: '/bin', REDIS_PORT: 'tcp://10.0.0.1:6379', REDIS_PORT_6379_TCP: 'x', REDIS_SERVICE_HOST: 'y' },
      { backend: 'memory', memory: {}, warnings: [] },
    ],
    [
      'all of memory',
      { CACHE_BACKEND: 'Memory', CACHE_DEFAULT_TTL: '5m', CACHE_MAX_MEMORY_SIZE: '64mb' },
      { backend: 'memory', memory: { ttl: 300_000, maxBytes: 64 * 1024 ** 2 }, warnings: [] },
    ],
    [
      'numbers',
      { CACHE_DEFAULT_TTL: ' 1500 ', CACHE_MAX_MEMORY_SIZE: '1048576' },
      { backend: 'memory', memory: { ttl: 1500, maxBytes: 1048576 }, warnings: [] },
    ],
    ['a ttl of none', { CACHE_DEFAULT_TTL: '0' }, { backend: 'memory', memory: { ttl: 0 }, warnings: [] }],
    [
      'what is set to nothing',
      { CACHE_BACKEND: '', CACHE_DEFAULT_TTL: ' ' },
      { backend: 'memory', memory: {}, warnings: [] },
    ],
  ])('of %s', (_, environment, expected) => {
    expect(configFromEnv(environment)).toEqual(expected);
  });

  test('is that of the process by default', () => {
    const { CACHE_DEFAULT_TTL } = process.env;
    try {
      process.env.CACHE_DEFAULT_TTL = '7s';
      expect(configFromEnv().memory).toEqual({ ttl: 7000 });
    } finally {
      if (CACHE_DEFAULT_TTL === undefined) delete process.env.CACHE_DEFAULT_TTL;
      else process.env.CACHE_DEFAULT_TTL = CACHE_DEFAULT_TTL;
    }
  });

  test('makes a cache', () => {
    const { memory } = configFromEnv({ CACHE_DEFAULT_TTL: '1h', CACHE_MAX_MEMORY_SIZE: '1mb' });
    const cache = openCache(memory);
    cache.set('k', 1);
    expect([cache.ttl('k'), cache.stats().maxBytes]).toEqual([expect.closeTo(3_600_000, -3), 1048576]);
  });

  test('warns of names that look misspelt, and of no others', () => {
    const { warnings } = configFromEnv({
      CACHE_DEFAULT_TLL: '5m',
      REDIS_PASWORD: 'secret',
      CACHE_DIR: '/tmp',
      REDIS_SENTINEL: 'x',
      MY_CACHE_BACKEN: 'y',
      REDIS_OM_URL: 'z',
    });
    expect(warnings).toEqual([
      'CACHE_DEFAULT_TLL is not known; did you mean CACHE_DEFAULT_TTL?',
      'REDIS_PASWORD is not known; did you mean REDIS_PASSWORD?',
      'REDIS_SENTINEL is not known; did you mean REDIS_SENTINELS?',
    ]);
  });
});

describe('Redis from the environment', () => {
  const NONE = { masterName: undefined, username: undefined, sentinelUsername: undefined, db: 0, tls: false };
  const local = { host: 'localhost', port: 6379 };

  test.each<[string, Environment, Partial<RedisSettings>]>([
    ['nothing', {}, { ...NONE, ...local, mode: 'standalone', nodes: [local] }],
    [
      'a host',
      {
        REDIS_HOST: 'cache.internal',
        REDIS_PORT: '7000',
        REDIS_DB: '3',
        REDIS_TLS: 'yes',
        REDIS_USERNAME: 'app',
        REDIS_PASSWORD: ' p:@/ ',
      },
      { host: 'cache.internal', port: 7000, db: 3, tls: true, username: 'app', password: ' p:@/ ' },
    ],
    ['an address', { REDIS_HOST: '::1' }, { host: '::1', url: 'redis://[::1]:6379' }],
    ['an address in brackets', { REDIS_HOST: '[fe80::1]' }, { host: 'fe80::1' }],
    [
      'a URL',
      { REDIS_URL: 'redis://app:p%40ss@cache:7000/2' },
      { host: 'cache', port: 7000, db: 2, tls: false, username: 'app', password: 'p@ss' },
    ],
    [
      'a URL for TLS',
      { REDIS_URL: 'rediss://:secret@cache', REDIS_TLS: '1' },
      { ...NONE, host: 'cache', port: 6379, tls: true, password: 'secret' },
    ],
    [
      'a URL of an address',
      { REDIS_URL: 'redis://[::1]:7000' },
      { host: '::1', port: 7000, username: undefined, password: undefined },
    ],
    [
      'sentinels',
      {
        REDIS_SENTINELS: 'a, b:27000,[::1]:27001',
        REDIS_SENTINEL_MASTER: 'main',
        REDIS_SENTINEL_PASSWORD: 's',
        REDIS_PASSWORD: 'p',
        REDIS_DB: '1',
      },
      {
        mode: 'sentinel',
        nodes: [
          { host: 'a', port: 26379 },
          { host: 'b', port: 27000 },
          { host: '::1', port: 27001 },
        ],
        masterName: 'main',
        sentinelPassword: 's',
        password: 'p',
        db: 1,
      },
    ],
    [
      'a cluster',
      { REDIS_CLUSTER_NODES: '10.0.0.1:7000,10.0.0.2', REDIS_TLS: 'on' },
      {
        mode: 'cluster',
        tls: true,
        nodes: [
          { host: '10.0.0.1', port: 7000 },
          { host: '10.0.0.2', port: 6379 },
        ],
      },
    ],
  ])('of %s', (_, environment, expected) => {
    expect(redisOf(environment)).toMatchObject(expected);
  });

  test('has a URL with all of it', () => {
    const redis = redisOf({
      REDIS_HOST: 'cache',
      REDIS_USERNAME: 'a b',
      REDIS_PASSWORD: 'p@ss',
      REDIS_DB: '2',
      REDIS_TLS: 'true',
    });
    expect(redis.url).toBe('rediss://a%20b:p%40ss@cache:6379/2');
    expect(redisOf({ REDIS_URL: redis.url })).toEqual(redis);
  });
});

describe('a secret', () => {
  const SECRETS = ['hunter2', 'sentry3'];
  const config = configFromEnv({
    CACHE_BACKEND: 'redis',
    REDIS_SENTINELS: 'a',
    REDIS_SENTINEL_MASTER: 'm',
    REDIS_SENTINEL_PASSWORD: SECRETS[1],
    REDIS_USERNAME: 'app',
    REDIS_PASSWORD: SECRETS[0],
  });
  const redis = config.redis as RedisSettings;

  test.each<[string, () => string]>([
    ['as JSON', () => JSON.stringify(config)],
    ['by inspection', () => inspect(config, { depth: 10, showHidden: true })],
    ['by inspection of the class', () => inspect(redis, { showHidden: true, getters: true })],
    ['as a text', () => `${redis}`],
    ['spread', () => JSON.stringify({ ...redis })],
    ['cloned', () => JSON.stringify(structuredClone({ ...redis }))],
    ['by its names', () => JSON.stringify([Object.entries(redis), Object.getOwnPropertyDescriptors(redis)])],
  ])('does not show %s', (_, print) => {
    const printed = print();
    expect(printed.length).toBeGreaterThan(20);
    for (const secret of SECRETS) expect(printed).not.toContain(secret);
  });

  test('is there for those who ask, and its place is shown', () => {
    expect([redis.password, redis.sentinelPassword]).toEqual(SECRETS);
    expect(JSON.parse(JSON.stringify(redis))).toMatchObject({ password: '[hidden]', sentinelPassword: '[hidden]' });
    expect(`${redis}`).toBe('redis://app:[hidden]@a:26379');
    expect(`${redisOf({})}`).toBe('redis://localhost:6379');
  });

  test.each<[string, Environment]>([
    ['a URL of another protocol', { REDIS_URL: 'http://app:hunter2@cache' }],
    ['a URL with a bad escape', { REDIS_URL: 'redis://app:hunter2%zz@cache' }],
    ['a URL with a bad port', { REDIS_URL: 'redis://app:hunter2@cache:99999' }],
    ['a URL with a bad database', { REDIS_URL: 'redis://app:hunter2@cache/main' }],
    ['no URL', { REDIS_URL: 'hunter2' }],
    ['a URL and a password', { REDIS_URL: 'redis://cache', REDIS_PASSWORD: 'hunter2' }],
    ['a URL and a cluster', { REDIS_URL: 'redis://:hunter2@cache', REDIS_CLUSTER_NODES: 'a' }],
  ])('is not in the error about %s', (_, environment) => {
    const error = thrownBy(() => redisOf(environment)) as TiercelError;
    expect(error).toBeInstanceOf(TiercelError);
    expect(error.message).toMatch(/^REDIS_(URL|PASSWORD)/);
    expect(inspect(error)).not.toContain('hunter2');
  });
});

test.each<[Environment, RegExp]>([
  [{ CACHE_BACKEND: 'memcached' }, /^CACHE_BACKEND: got "memcached"; accepted: "memory", "redis"/],
  [{ CACHE_DEFAULT_TTL: 'soon' }, /^CACHE_DEFAULT_TTL: got "soon"; accepted: a duration/],
  [{ CACHE_DEFAULT_TTL: '-5' }, /^CACHE_DEFAULT_TTL: got "-5"/],
  [{ CACHE_DEFAULT_TTL: '1e3' }, /^CACHE_DEFAULT_TTL: got "1e3"/],
  [{ CACHE_MAX_MEMORY_SIZE: '64 megs' }, /^CACHE_MAX_MEMORY_SIZE: got "64 megs"; accepted: a size/],
  [{ CACHE_MAX_MEMORY_SIZE: '0' }, /^CACHE_MAX_MEMORY_SIZE: got "0"/],
  [{ CACHE_MAX_MEMORY_SIZE: '1.5b' }, /^CACHE_MAX_MEMORY_SIZE: got "1.5b"/],
  [
    { REDIS_PORT: 'tcp://10.0.0.1:6379' },
    /^REDIS_PORT: got "tcp:\/\/10\.0\.0\.1:6379"; accepted: the number of a port/,
  ],
  [{ REDIS_PORT: '0' }, /^REDIS_PORT: got "0"/],
  [{ REDIS_PORT: '65536' }, /^REDIS_PORT: got "65536"/],
  [{ REDIS_HOST: 'a b' }, /^REDIS_HOST: got "a b"/],
  [{ REDIS_HOST: 'http://a' }, /^REDIS_HOST: got "http:\/\/a"/],
  [{ REDIS_DB: 'main' }, /^REDIS_DB: got "main"/],
  [{ REDIS_DB: '-1' }, /^REDIS_DB: got "-1"/],
  [{ REDIS_TLS: 'maybe' }, /^REDIS_TLS: got "maybe"; accepted: "true"/],
  [{ REDIS_TLS: 'no', REDIS_URL: 'rediss://a' }, /^REDIS_TLS: got "false"; accepted: "true", as REDIS_URL/],
  [{ REDIS_TLS: 'yes', REDIS_URL: 'redis://a' }, /^REDIS_TLS: got "true"/],
  [{ REDIS_URL: 'redis://a', REDIS_HOST: 'b' }, /^REDIS_HOST: not beside REDIS_URL/],
  [{ REDIS_CLUSTER_NODES: 'a', REDIS_HOST: 'b' }, /^REDIS_HOST: not beside REDIS_CLUSTER_NODES/],
  [{ REDIS_CLUSTER_NODES: 'a', REDIS_SENTINELS: 'b' }, /^REDIS_SENTINELS: not beside REDIS_CLUSTER_NODES/],
  [{ REDIS_CLUSTER_NODES: 'a', REDIS_DB: '1' }, /^REDIS_DB: got 1; accepted: 0/],
  [{ REDIS_CLUSTER_NODES: 'a,,b' }, /^REDIS_CLUSTER_NODES: got "a,,b"; accepted: hosts and ports/],
  [{ REDIS_CLUSTER_NODES: 'a:b' }, /^REDIS_CLUSTER_NODES: got "a:b"/],
  [{ REDIS_SENTINELS: 'a:1', REDIS_PORT: '5', REDIS_SENTINEL_MASTER: 'm' }, /^REDIS_PORT: not beside REDIS_SENTINELS/],
  [{ REDIS_SENTINELS: 'a:1' }, /^REDIS_SENTINEL_MASTER: got nothing/],
  [{ REDIS_SENTINEL_MASTER: 'm' }, /^REDIS_SENTINEL_MASTER: only with REDIS_SENTINELS/],
  [{ REDIS_SENTINEL_PASSWORD: 'hunter2' }, /^REDIS_SENTINEL_PASSWORD: only with REDIS_SENTINELS, who are asked$/],
])('%j is refused, with variable, value and what is accepted', (environment, message) => {
  expectThrow(() => configFromEnv({ CACHE_BACKEND: 'redis', ...environment }), 'ERR_TIERCEL_INVALID_OPTION', message);
});

test('what is no environment is refused', () => {
  expectThrow(() => configFromEnv(5 as never), 'ERR_TIERCEL_INVALID_ARGUMENT', /^environment: got 5/);
  expectThrow(() => configFromEnv({ CACHE_BACKEND: {} }), 'ERR_TIERCEL_INVALID_OPTION', /^CACHE_BACKEND: got no text/);
});
