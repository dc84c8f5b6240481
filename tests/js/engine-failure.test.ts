import { MemoryCache } from 'tiercel';
import { openCache } from './support/cache.js';
import { expectFailure, expectThrow } from './support/errors.js';

/** Opens a wasm cache whose export `name` traps as soon as `trap.armed` is set. */
function openTrapped(name: string): { cache: MemoryCache<string>; trap: { armed: boolean; entered: number } } {
  const trap = { armed: false, entered: 0 };
  const RealInstance = WebAssembly.Instance;
  class TrappedInstance {
    readonly exports: Record<string, unknown> = {};

    constructor(module: WebAssembly.Module, imports?: WebAssembly.Imports) {
      const real = new RealInstance(module, imports);
      for (const [entry, value] of Object.entries(real.exports)) {
        this.exports[entry] =
          typeof value === 'function' ? this.wrap(entry, value as (...n: number[]) => unknown) : value;
      }
    }

    private wrap(entry: string, call: (...numbers: number[]) => unknown) {
      return (...numbers: number[]): unknown => {
        if (trap.armed) trap.entered++;
        if (trap.armed && entry === name) throw new WebAssembly.RuntimeError('unreachable');
        return call(...numbers);
      };
    }
  }
  WebAssembly.Instance = TrappedInstance as unknown as typeof WebAssembly.Instance;
  try {
    return { cache: MemoryCache.createSync<string>({ engine: 'wasm', values: 'bytes' }), trap };
  } finally {
    WebAssembly.Instance = RealInstance;
  }
}

const calls: Record<string, (cache: MemoryCache<string>) => unknown> = {
  get: (cache) => cache.get('k'),
  set: (cache) => cache.set('k', 'v'),
  delete: (cache) => cache.delete('k'),
  touch: (cache) => cache.touch('k', 1),
  clear: (cache) => cache.clear(),
  namespace: (cache) => cache.namespace('new').get('k'),
  invalidateTags: (cache) => cache.invalidateTags('t'),
  stats: (cache) => cache.stats(),
  keys: (cache) => [...cache.keys()],
  getOrSet: (cache) => cache.getOrSet('absent', () => 'v'),
};

describe('a wasm engine that traps', () => {
  test.each([
    ['tiercel_get', 'get'],
    ['tiercel_set', 'set'],
    ['tiercel_delete', 'delete'],
    ['tiercel_touch', 'touch'],
    ['tiercel_clear', 'clear'],
    ['tiercel_namespace', 'namespace'],
    ['tiercel_invalidate_tags', 'invalidateTags'],
    ['tiercel_cache_stats', 'stats'],
    ['tiercel_next', 'keys'],
    ['tiercel_load_begin', 'getOrSet'],
    ['tiercel_load_commit', 'getOrSet'],
  ])('in %s is never entered again: every later call throws', async (name, first) => {
    const { cache, trap } = openTrapped(name);
    cache.set('k', 'v', { ttl: 1e9 });
    expect(cache.get('k')).toBe('v');
    trap.armed = true;
    const error = await expectFailure(() => calls[first]?.(cache), 'ERR_TIERCEL_ENGINE_FAILED', /new cache/);
    expect(error.cause).toBeInstanceOf(WebAssembly.RuntimeError);
    const { entered } = trap;
    for (const call of Object.values(calls)) await expectFailure(() => call(cache), 'ERR_TIERCEL_ENGINE_FAILED');
    expect(trap.entered).toBe(entered);
    cache.close();
    expect(cache.closed).toBe(true);
    expectThrow(() => cache.get('k'), 'ERR_TIERCEL_CLOSED');
  });

  test('leaves the other caches alone, and a new one can be opened', () => {
    const before = openCache<string>({ engine: 'wasm' });
    before.set('k', 'before');
    const { cache, trap } = openTrapped('tiercel_get');
    trap.armed = true;
    expectThrow(() => cache.get('k'), 'ERR_TIERCEL_ENGINE_FAILED');
    expect(before.get('k')).toBe('before');
    const after = openCache<string>({ engine: 'wasm' });
    after.set('k', 'after');
    expect(after.get('k')).toBe('after');
  });

  test('rejects those who wait for a load, and the loader is not asked again', async () => {
    const { cache, trap } = openTrapped('tiercel_load_commit');
    trap.armed = true;
    const loader = jest.fn(async () => 'v');
    const waiting = [cache.getOrSet('k', loader), cache.getOrSet('k', loader)];
    for (const call of waiting) await expectFailure(() => call, 'ERR_TIERCEL_ENGINE_FAILED');
    expect(loader).toHaveBeenCalledTimes(1);
  });
});
