import { readFileSync } from 'node:fs';
import * as tiercel from 'tiercel';
import { engineInfo, MemoryCache, version } from 'tiercel';
import { openCache } from './support/cache.js';
import { expectThrow } from './support/errors.js';

const asked = process.env.TIERCEL_ENGINE;

function withEnvironment<T>(value: string | undefined, action: () => T): T {
  if (value === undefined) delete process.env.TIERCEL_ENGINE;
  else process.env.TIERCEL_ENGINE = value;
  try {
    return action();
  } finally {
    process.env.TIERCEL_ENGINE = asked;
  }
}

describe('the engine', () => {
  test('in use is the one this run asks for', async () => {
    expect(['wasm', 'native']).toContain(asked);
    expect(openCache().engine).toBe(asked);
    expect(openCache({ engine: 'auto' }).engine).toBe(asked);
    expect(openCache().namespace('a').engine).toBe(asked);
    const cache = await MemoryCache.create();
    expect(cache.engine).toBe(asked);
    cache.close();
    expect(engineInfo().engine).toBe(asked);
  });

  test('can be chosen for one cache, against the environment', () => {
    expect(openCache({ engine: 'wasm' }).engine).toBe('wasm');
    if (engineInfo().native.available) expect(openCache({ engine: 'native' }).engine).toBe('native');
  });

  test('native is available on linux-x64', () => {
    if (process.platform !== 'linux' || process.arch !== 'x64') return;
    expect(engineInfo().native).toEqual({ available: true });
  });

  test('is native where its binary loads and nothing else is asked for', () => {
    const expected = engineInfo().native.available ? 'native' : 'wasm';
    expect(withEnvironment(undefined, () => engineInfo().engine)).toBe(expected);
    expect(withEnvironment(undefined, () => openCache().engine)).toBe(expected);
  });

  test('is not guessed from a misspelt TIERCEL_ENGINE', () => {
    expectThrow(() => withEnvironment('wsam', () => openCache()), 'ERR_TIERCEL_INVALID_OPTION', /TIERCEL_ENGINE.*wsam/);
  });

  test('info says what runs, the versions, and why native does not', () => {
    const info = engineInfo();
    expect(Object.keys(info).sort()).toEqual(['abi', 'engine', 'native', 'shared', 'version']);
    expect(info.abi).toBe(4);
    expect(info.version).toBe(version);
    if (!info.native.available) expect(info.native.reason).toMatch(/\S/);
  });
});

describe('the package', () => {
  test('exports exactly what is documented', () => {
    expect(Object.keys(tiercel).sort()).toEqual([
      'Cache',
      'Cached',
      'Invalidates',
      'Invalidator',
      'MemoryCache',
      'TiercelError',
      'VersionedCache',
      'activityTtl',
      'buildKey',
      'cached',
      'cachedMethod',
      'configFromEnv',
      'createCache',
      'decodeFrame',
      'dynamicTtl',
      'encodeFrame',
      'engineInfo',
      'escapePattern',
      'fingerprint',
      'invalidates',
      'memoize',
      'memoryBus',
      'memoryRemote',
      'recommendedTtl',
      'regions',
      'sequencedBus',
      'validated',
      'version',
    ]);
  });

  test('has the version of its package.json', () => {
    const manifest = JSON.parse(readFileSync(require.resolve('tiercel/package.json'), 'utf8')) as { version: string };
    expect(version).toBe(manifest.version);
  });

  test('refuses a MemoryCache made with new, which has no engine', () => {
    const Constructor = MemoryCache as unknown as new (options?: object) => unknown;
    expectThrow(() => new Constructor(), 'ERR_TIERCEL_INVALID_ARGUMENT', /createSync/);
    expectThrow(() => new Constructor({ maxEntries: 1 }), 'ERR_TIERCEL_INVALID_ARGUMENT', /createSync/);
  });
});
