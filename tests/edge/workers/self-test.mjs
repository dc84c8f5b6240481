import {
  createCache,
  decodeFrame,
  encodeFrame,
  engineInfo,
  MemoryCache,
  memoryBus,
  memoryRemote,
  TiercelError,
  version,
} from 'tiercel';

/**
 * A worker that puts a MemoryCache through its operations inside workerd: `GET /check` answers with a list of
 * what was checked and what went wrong. `GET /warm` reads what was set at module scope.
 */

const warmed = MemoryCache.createSync();
warmed.set('long', 'set at module scope', { ttl: '60s', tags: ['warm'] });
warmed.set('short', 'gone soon', { ttl: 300 });
warmed.set('grace', 'stale soon', { ttl: 300, stale: '60s' });
warmed.namespace('inner').set('long', { nested: true });

/** @type {Record<string, () => void | Promise<void>>} */
const checks = {
  'the engine is wasm, and native is said to be absent': () => {
    const info = engineInfo();
    equal(info.engine, 'wasm');
    equal(info.native.available, false);
    equal(info.version, version);
    equal(MemoryCache.createSync().engine, 'wasm');
  },

  'create resolves to a cache': async () => {
    const cache = await MemoryCache.create({ maxEntries: 1 });
    cache.set('a', 1);
    equal(cache.get('a'), 1);
  },

  'set, get, peek, has, delete': () => {
    const cache = MemoryCache.createSync();
    const value = { a: 1 };
    equal(cache.set('k', value), true);
    equal(cache.get('k') === value, true);
    equal(cache.peek('k') === value, true);
    equal(cache.has('k'), true);
    equal(cache.get('absent'), undefined);
    equal(cache.delete('k'), true);
    equal(cache.delete('k'), false);
    equal(cache.size, 0);
  },

  'an entry lives as long as its ttl, then is stale, then is gone': async () => {
    const cache = MemoryCache.createSync();
    cache.set('long', 'v', { ttl: 20, stale: '1m' });
    cache.set('short', 'v', { ttl: 20, stale: 20 });
    // Between two waits the clock of a Worker stands still.
    for (const key of ['long', 'short']) equal(cache.get(key), 'v');
    await pause(60);
    for (const key of ['long', 'short']) equal(cache.get(key), undefined);
    equal(cache.getEntry('long')?.stale, true);
    equal(cache.getEntry('short'), undefined);
  },

  'a namespace is apart from its parent and from its siblings': () => {
    const cache = MemoryCache.createSync();
    cache.set('b:x', 'root');
    cache.namespace('a').set('b:x', 'a');
    cache.namespace('a', 'b').set('x', 'a, b');
    cache.namespace('a:b').set('x', 'a:b');
    equal(cache.get('b:x'), 'root');
    equal(cache.namespace('a').get('b:x'), 'a');
    equal(cache.namespace('a', 'b').get('x'), 'a, b');
    equal(cache.namespace('a:b').get('x'), 'a:b');
    equal(cache.namespace('a').clear(), 2);
    equal(cache.namespace('a', 'b').get('x'), undefined);
    equal(cache.size, 2);
  },

  'tags invalidate what has them': () => {
    const cache = MemoryCache.createSync();
    cache.set('a', 1, { tags: ['x', 'y'] });
    cache.set('b', 2, { tags: ['y'] });
    cache.set('c', 3);
    equal(cache.invalidateTags('x'), 1);
    equal(cache.get('a'), undefined);
    equal(cache.invalidateTags('y', 'z'), 1);
    equal(cache.get('c'), 3);
  },

  'values in bytes mode are copies': () => {
    const cache = MemoryCache.createSync({ values: 'bytes' });
    const bytes = Uint8Array.of(1, 2, 3);
    /** @type {Record<string, unknown>} */
    const values = {
      bytes,
      text: 'naïve \u{1F985}',
      lone: '\uD800',
      number: 1.5,
      null: null,
      object: { a: [1, { b: 'ü' }] },
    };
    for (const [key, value] of Object.entries(values)) cache.set(key, value);
    bytes[0] = 9;
    equal(cache.get('bytes') instanceof Uint8Array, true);
    equal(String(cache.get('bytes')), '1,2,3');
    for (const key of ['text', 'lone', 'number', 'null']) equal(cache.get(key), values[key]);
    equal(JSON.stringify(cache.get('object')), JSON.stringify(values.object));
    const [first, second] = [cache.get('object'), cache.get('object')];
    equal(first === second, false);
    equal(cache.bytes > 0, true);
  },

  'any two different strings are two keys': () => {
    const cache = MemoryCache.createSync();
    const keys = [
      '',
      '\0',
      '\uD800',
      '\uDBFF',
      '\uDC00',
      '\uFFFD',
      '\u{10000}',
      '\uDC00\uD800',
      'é',
      'e\u0301',
      '__proto__',
      'ÿ',
      'Ā',
    ];
    keys.forEach((key, i) => {
      cache.set(key, i);
    });
    keys.forEach((key, i) => {
      equal(cache.get(key), i);
    });
    equal(cache.size, keys.length);
    equal([...cache.keys()].sort().join('|'), [...keys].sort().join('|'));
  },

  'the least recently used entry is evicted': () => {
    const cache = MemoryCache.createSync({ maxEntries: 2 });
    cache.set('a', 1);
    cache.set('b', 2);
    cache.get('a');
    cache.set('c', 3);
    equal([...cache.keys()].sort().join(), 'a,c');
    equal(cache.stats().removals.size, 1);
  },

  'memory grows under the entries': () => {
    const cache = MemoryCache.createSync({ values: 'bytes', maxBytes: '24mb' });
    for (let i = 0; i < 300; i++) cache.set(`k${i}`, new Uint8Array(65_536).fill(i));
    for (let i = 0; i < 300; i++) equal(/** @type {Uint8Array} */ (cache.get(`k${i}`))[65_535], i & 255);
    equal(cache.set('over', new Uint8Array(25 * 1024 * 1024)), false);
    equal(cache.bytes <= 24 * 1024 * 1024, true);
    cache.close();
  },

  'one load serves all who ask meanwhile, and its failure too': async () => {
    const cache = MemoryCache.createSync();
    await sharesLoads(cache);
  },

  'tiers: one load, also for what rejects; batches; null and undefined': async () => {
    const cache = await createCache({ remote: memoryRemote() });
    await sharesLoads(cache);
    const found = await cache.getOrSetMany(
      ['a', 'b', 'c'],
      async (keys) =>
        new Map([
          [keys[0], 1],
          [keys[2], null],
        ]),
    );
    equal(JSON.stringify([...found]), '[["a",1],["c",null]]');
    equal(await cache.getOrSet('u', () => undefined), undefined);
    equal(await cache.has('u'), false);
    equal(cache.stats().loading, 0);
    await cache.close();
  },

  'tiers: stale, grace, soft and hard timeouts, and a signal': async () => {
    const cache = await createCache();
    const never = () => new Promise(() => undefined);
    const options = { ttl: 20, grace: '1m', graceBackoff: 0 };
    await cache.getOrSet('k', () => 1, options);
    await pause(40);
    equal(await cache.getOrSet('k', () => Promise.reject(new Error('no')), options), 1);
    equal(await cache.getOrSet('k', never, { ...options, softTimeout: 20 }), 1);
    await cache.delete('k');
    const late = await cache
      .getOrSet('l', never, { hardTimeout: 20, abortOnTimeout: true })
      .catch((error) => error.code);
    equal(late, 'ERR_TIERCEL_TIMEOUT');
    const controller = new AbortController();
    setTimeout(() => controller.abort('left'), 20);
    equal(await cache.getOrSet('m', never, { signal: controller.signal }).catch((reason) => reason), 'left');
    // That which the soft timeout left behind goes on.
    equal(cache.stats().loading, 1);
    await cache.close();
  },

  'tiers: two caches that share a second tier and a bus': async () => {
    const [remote, hub] = [memoryRemote(), memoryBus()];
    const [a, b] = [
      await createCache({ remote, bus: hub.connect() }),
      await createCache({ remote, bus: hub.connect() }),
    ];
    await a.getOrSet('k', () => 1, { tags: ['t'] });
    await pause(5);
    equal(await b.getOrSet('k', () => 2), 1);
    equal((await a.invalidateTags('t')).pending, false);
    equal(await b.get('k'), undefined);
    remote.fault = () => ({ before: new Promise(() => undefined) });
    const began = Date.now();
    equal(await b.getOrSet('l', () => 3), 3);
    equal(Date.now() - began < 1000, true);
    await Promise.all([a.close(), b.close()]);
  },

  'frames are read as they were written, or refused': () => {
    const place = { namespace: ['n'], key: 'k\ud800' };
    const bytes = encodeFrame({
      ...place,
      format: 1,
      loadedAt: 0,
      writtenAt: 1,
      ttl: Number.POSITIVE_INFINITY,
      stale: 0,
      took: 2,
      tags: ['t'],
      dependsOn: [],
      scopes: [{ name: 's', token: '\xff' }],
      payload: new Uint8Array(100_000).fill(7),
    });
    const frame = decodeFrame(bytes, place);
    if (typeof frame === 'string') throw new Error(`refused: ${frame}`);
    equal(frame.ttl, Number.POSITIVE_INFINITY);
    equal(frame.scopes[0]?.token, '\xff');
    equal(frame.payload.length, 100_000);
    bytes[bytes.length - 1] = 0;
    equal(decodeFrame(bytes, place), 'checksum');
  },

  'events are told, and errors typed': () => {
    const cache = MemoryCache.createSync();
    /** @type {string[]} */
    const heard = [];
    cache.on('set', ({ key }) => heard.push(`set ${key}`));
    cache.on('remove', ({ key, cause }) => heard.push(`${cause} ${key}`));
    cache.set('a', 1);
    cache.delete('a');
    equal(heard.join(), 'set a,explicit a');
    cache.close();
    let code;
    try {
      cache.get('a');
    } catch (error) {
      code = error instanceof TiercelError && error.code;
    }
    equal(code, 'ERR_TIERCEL_CLOSED');
  },
};

export default {
  /** @param {Request} request */
  async fetch(request) {
    switch (new URL(request.url).pathname) {
      case '/warm': {
        const keys = ['long', 'short', 'grace'];
        return Response.json({
          values: keys.map((key) => warmed.get(key) ?? null),
          ttl: warmed.ttl('long'),
          stale: warmed.getEntry('grace')?.stale,
          nested: warmed.namespace('inner').get('long'),
        });
      }
      case '/check':
        return Response.json(await Promise.all(Object.entries(checks).map(run)));
      default:
        return new Response(null, { status: 404 });
    }
  },
};

/** @param {[name: string, check: () => void | Promise<void>]} entry */
async function run([name, check]) {
  try {
    await check();
    return { name };
  } catch (error) {
    return { name, error: error instanceof Error ? `${error.message}\n${error.stack}` : String(error) };
  }
}

/** One load serves all who ask meanwhile, and its failure too. @param {MemoryCache | import('tiercel').Cache} cache */
async function sharesLoads(cache) {
  let loads = 0;
  const load = async () => {
    loads++;
    await pause(10);
    if (loads === 2) throw new Error('no');
    return loads;
  };
  const ask = () => Promise.allSettled([1, 2, 3].map(() => cache.getOrSet('k', load)));
  equal((await ask()).map((result) => result.status === 'fulfilled' && result.value).join(), '1,1,1');
  await cache.delete('k');
  equal((await ask()).map((result) => result.status === 'rejected' && result.reason.message).join(), 'no,no,no');
  equal(loads, 2);
  equal(await cache.getOrSet('k', load), 3);
}

/**
 * @param {unknown} actual
 * @param {unknown} expected
 */
function equal(actual, expected) {
  if (!Object.is(actual, expected)) throw new Error(`${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`);
}

/** @param {number} milliseconds */
function pause(milliseconds) {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
