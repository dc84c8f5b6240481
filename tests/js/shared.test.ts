// A shared cache in one thread: what it takes, what it refuses, and that all that have it open have the same. With several
// threads: tests/threads.
import { engineInfo, MemoryCache, type MemoryCacheOptions, type TiercelError } from 'tiercel';
import { settled } from './support/deferred.js';
import { thrownBy } from './support/errors.js';

// Only the native engine has caches that threads share; what is said on wasm, 'without the native engine' tests.
const onNative = process.env.TIERCEL_ENGINE === 'wasm' ? describe.skip : describe;

let names = 0;
const newName = () => `shared ${names++}`;

const opened: MemoryCache<unknown>[] = [];
function open<V = unknown>(options: MemoryCacheOptions<V>): MemoryCache<V> {
  const cache = MemoryCache.createSync<V>(options);
  opened.push(cache as MemoryCache<unknown>);
  return cache;
}
afterEach(() => {
  for (const cache of opened.splice(0)) cache.close();
});

const errorBy = (action: () => unknown) => thrownBy(action) as TiercelError;

const referencesOf = (name: string) => engineInfo().shared.find((cache) => cache.name === name)?.references;

describe('without the native engine', () => {
  test('a shared cache is refused, and the error says what to do', () => {
    const error = errorBy(() => open({ shared: newName(), engine: 'wasm' }));
    expect(error).toMatchObject({ code: 'ERR_TIERCEL_ENGINE_UNAVAILABLE' });
    expect(error.message).toMatch(/shared: needs the native engine, and .*Without the option/);
  });

  test('shared and shards are read all the same', () => {
    for (const [options, accepted] of [
      [{ shared: '' }, '1 to 256'],
      [{ shared: 'x'.repeat(257) }, '1 to 256'],
      [{ shared: 7 }, '1 to 256'],
      [{ shared: 'x', shards: 3 }, 'power of two'],
      [{ shared: 'x', shards: 32 }, 'power of two'],
      [{ shared: 'x', shards: 0 }, 'power of two'],
      [{ shards: 4 }, 'only with shared'],
      [{ shared: 'x', values: 'reference' }, '"bytes"'],
      [{ shared: 'x', sizeOf: () => 1 }, 'only with values: "reference"'],
      [{ shared: 'x', shards: 16, maxEntries: 15 }, 'at least as many'],
      [{ shared: 'x', shards: 16, maxBytes: 15 }, 'at least as many'],
    ] as const) {
      const error = errorBy(() => open(options as MemoryCacheOptions));
      expect(error).toMatchObject({ code: 'ERR_TIERCEL_INVALID_OPTION' });
      expect(error.message).toContain(accepted);
    }
  });
});

onNative('a shared cache', () => {
  test('is the same for all that open its name, and another under another', () => {
    const options = { shared: newName() };
    const a = open<object>(options);
    const b = open<object>(options);
    const c = open<object>({ shared: newName() });
    const value = { n: 1 };
    a.namespace('x').set('k', value, { tags: ['t'] });
    expect(b.namespace('x').get('k')).toEqual(value);
    expect(b.namespace('x').get('k')).not.toBe(value);
    expect(b.namespace('x').getEntry('k')).toMatchObject({ tags: ['t'], stale: false });
    expect(c.namespace('x').get('k')).toBeUndefined();
    expect([a.size, b.size, c.size]).toEqual([1, 1, 0]);
    expect(b.bytes).toBe(a.bytes);
  });

  test('is refused with other options, and the error names the first that differs', () => {
    const given = {
      shared: newName(),
      maxEntries: 1000,
      maxBytes: '1mb',
      policy: 'lru',
      ttl: '1m',
      stale: '1s',
      jitter: 0.1,
      maxKeyBytes: 100,
      ttlRules: { defaultTtl: '1m' },
      seed: new Uint8Array(16),
      shards: 4,
    } as const;
    open(given);
    open({ ...given, maxBytes: 1024 ** 2, ttl: 60_000 });
    const others: MemoryCacheOptions = {
      maxEntries: 1001,
      maxBytes: '2mb',
      policy: 'sieve',
      ttl: '2m',
      stale: '2s',
      jitter: 0.2,
      maxKeyBytes: 101,
      ttlRules: { defaultTtl: '2m' },
      serializer: { serialize: () => new Uint8Array(), deserialize: () => null },
      now: () => 0,
      seed: new Uint8Array(16).fill(1),
      shards: 8,
    };
    for (const [name, value] of Object.entries(others)) {
      const error = errorBy(() => open({ ...given, [name]: value }));
      expect(error).toMatchObject({ code: 'ERR_TIERCEL_SHARED_OPTIONS' });
      expect(error.message).toContain(`${name}: got `);
      expect(error.message).toContain(given.shared);
    }
    expect(referencesOf(given.shared)).toBe(2);
  });

  test('goes with the last that closes it, and its reference count is there to see', () => {
    const options = { shared: newName() };
    const a = open(options);
    const b = open(options);
    a.set('k', 1);
    expect(a.stats().shared).toMatchObject({ references: 2 });
    a.close();
    a.close();
    expect(referencesOf(options.shared)).toBe(1);
    expect(b.get('k')).toBe(1);
    b.close();
    expect(referencesOf(options.shared)).toBeUndefined();
    expect(open({ ...options, maxEntries: 5 }).get('k')).toBeUndefined();
  });

  test('has as many shards as its bounds have room for, or as are asked for', () => {
    const shardsOf = (options: MemoryCacheOptions) => open({ shared: newName(), ...options }).stats().shared?.shards;
    expect(shardsOf({ maxEntries: 10 })).toBe(1);
    expect(shardsOf({})).toBe(8);
    expect(shardsOf({ maxEntries: 1_000_000 })).toBe(16);
    expect(shardsOf({ maxBytes: '32mb' })).toBe(4);
    expect(shardsOf({ maxBytes: '1mb', maxEntries: 1_000_000 })).toBe(1);
    expect(shardsOf({ maxEntries: 10, shards: 2 })).toBe(2);
  });

  test('keeps its bounds over all shards', () => {
    const cache = open({ shared: newName(), maxEntries: 1003, shards: 8 });
    for (let i = 0; i < 5000; i++) cache.set(`k${i}`, i);
    expect(cache.size).toBe(1003);
    cache.resize({ maxEntries: 100 });
    cache.sweep(Number.POSITIVE_INFINITY);
    expect(cache.size).toBe(100);
    expect(cache.stats().maxEntries).toBe(100);
    expect(errorBy(() => cache.resize({ maxEntries: 7 })).message).toContain('8 shards');
  });

  test('has one time: what one sets with a ttl is over for another that knows of none', async () => {
    const options = { shared: newName() };
    const a = open<string>(options);
    const b = open<string>(options);
    a.set('k', 'v', { ttl: 5 });
    const begin = performance.now();
    while (b.get('k') !== undefined && performance.now() - begin < 10_000);
    expect(b.get('k')).toBeUndefined();
    expect(performance.now() - begin).toBeGreaterThanOrEqual(4);
  });

  test('tells others what it does, once the call is over', async () => {
    const options = { shared: newName() };
    const a = open<number>(options);
    const b = open<number>(options);
    const heard: unknown[] = [];
    for (const name of ['hit', 'miss', 'set', 'remove', 'clear'] as const) {
      b.on(name, (event) => heard.push([name, event]));
    }
    a.set('k', 1);
    a.get('k');
    a.get('absent');
    a.set('k', 2);
    a.clear();
    expect(heard).toEqual([]);
    while (heard.length < 7) await new Promise(setImmediate);
    await settled();
    expect(heard).toEqual([
      ['set', { key: 'k', value: 1 }],
      ['hit', { key: 'k', stale: false }],
      ['miss', { key: 'absent' }],
      ['remove', { key: 'k', value: 1, cause: 'replaced' }],
      ['set', { key: 'k', value: 2 }],
      ['remove', { key: 'k', value: 2, cause: 'clear' }],
      ['clear', { count: 1 }],
    ]);
  });

  test('aborts the waits of one that closes, and others go on', async () => {
    const options = { shared: newName() };
    const a = open<string>(options);
    const b = open<string>(options);
    let end!: (value: string) => void;
    const loading = a.getOrSet('k', () => new Promise<string>((resolve) => (end = resolve)));
    const waiting = b.getOrSet('k', () => 'never');
    b.close();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_TIERCEL_CLOSED' });
    end('v');
    expect(await loading).toBe('v');
    expect(a.get('k')).toBe('v');
  });

  test('finds what another stored between a miss and a load of one’s own', async () => {
    const options = { shared: newName() };
    const a = open<string>(options);
    const b = open<string>(options);
    const stop = a.on('miss', () => b.set('k', 'by b'));
    expect(await a.getOrSet('k', () => 'by a')).toBe('by b');
    stop();
    expect(await a.getOrSet('k', () => 'by a', { forceRefresh: true })).toBe('by a');
  });

  test('keeps what is to be invalidated though whoever wanted it has closed', () => {
    let now = 0;
    const options = { shared: newName(), now: () => now };
    const a = open<string>(options);
    const b = open<string>(options);
    a.set('k', 'v');
    a.scheduleInvalidation('k', Date.now() + 1000);
    a.close();
    now = 500;
    expect(b.get('k')).toBe('v');
    now = 2000;
    expect(b.get('k')).toBeUndefined();
  });
});
