// Redis over HTTP: what goes wrong there and not on a socket.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { inspect } from 'node:util';
import { createCache, TiercelError } from 'tiercel';
import { redisBus, redisTier, restRedis } from 'tiercel/redis';
import { CLIENTS, USER } from './support/clients.mjs';
import { RestProxy } from './support/rest.mjs';
import { startServer, until } from './support/server.mjs';

const CALL = { signal: new AbortController().signal };
const NS = ['cache'];
const plainRead = (key) => ({ namespace: NS, key, lease: false, tags: [], dependsOn: [] });
const entryOf = (value, more = {}) => ({ value, ttl: 60_000, stale: 0, tags: [], dependsOn: [], ...more });
const set = (tier, key, value, more) => tier.write([{ namespace: NS, key, entry: entryOf(value, more) }], CALL);
const remove = (tier, key) => tier.change([{ kind: 'delete', namespace: NS, key }], CALL);
async function valueAt(tier, key) {
  const [{ entry }] = await tier.read([plainRead(key)], CALL);
  return entry?.value;
}
const never = new Promise(() => undefined);
const nothing = () => undefined;

let server;
let proxy;
before(async () => {
  server = await startServer();
  proxy = await RestProxy.start(server.port, USER);
});
after(async () => {
  proxy.stop();
  await server.stop();
});
beforeEach(() => server.command('FLUSHALL'));
afterEach(() => {
  proxy.fault = nothing;
  proxy.requests.length = 0;
});

const clientOf = (more = {}) => restRedis({ url: proxy.url, token: proxy.token, timeout: '10s', ...more });
const tierOf = (more = {}, client = clientOf()) => redisTier(client, { timeout: 5_000, ...more });

describe('entries', () => {
  it('are the same over a socket, whatever bytes they have', async () => {
    const rest = tierOf();
    const every = Uint8Array.from({ length: 70_000 }, (_, i) => (i < 65_536 ? (i % 2 ? i >> 8 : i) : i * 7));
    const values = { every, text: 'grüß 🚀 \ud800 \0\u0080\u00ff', long: 'ä'.repeat(20_000), none: new Uint8Array() };
    for (const connect of Object.values(CLIENTS)) {
      const client = await connect(server.port);
      const socket = redisTier(client, { timeout: 5_000 });
      for (const [key, value] of Object.entries(values)) {
        for (const [from, to] of [
          [rest, socket],
          [socket, rest],
        ]) {
          await set(from, key, value, { tags: ['t'] });
          const found = await valueAt(to, key);
          assert.deepEqual(typeof value === 'string' ? found : new Uint8Array(found), value);
          assert.deepEqual(await valueAt(from, key), found);
        }
      }
      // And what one of them invalidates, the other does not have any more.
      await rest.change([{ kind: 'tags', namespace: NS, tags: ['t'] }], CALL);
      assert.equal(await valueAt(socket, 'every'), undefined);
      client[Symbol.dispose]();
    }
    assert.deepEqual(/** @type {any} */ (rest.health()).unreadable, {});
  });

  it('are compressed and encrypted, which no text survives', async () => {
    const key = new Uint8Array(32).fill(7);
    const tier = tierOf({ encryption: [{ id: 'k', key }], compressAbove: 100 });
    await set(tier, 'k', 'x'.repeat(5_000));
    assert.equal(await valueAt(tier, 'k'), 'x'.repeat(5_000));
  });

  it('that users get are plain bytes, and copies', async () => {
    const tier = tierOf();
    await set(tier, 'k', new Uint8Array([1, 2, 3]));
    const found = await valueAt(tier, 'k');
    assert.equal(Object.getPrototypeOf(found), Uint8Array.prototype);
    assert.equal(found.buffer.byteLength, 3);
  });
});

describe('requests', () => {
  it('are one for all that is asked in a turn', async () => {
    const tier = tierOf();
    await set(tier, 'warm', 0);
    proxy.requests.length = 0;
    await Promise.all([...'abcdef'].flatMap((key) => [set(tier, key, key), valueAt(tier, key)]));
    assert.deepEqual(
      proxy.requests.map((commands) => commands.length),
      [12],
    );
  });

  it('are several when there is much, in order', async () => {
    const tier = tierOf();
    const large = 'x'.repeat(700_000);
    const writing = Array.from({ length: 5 }, (_, i) => set(tier, 'k', `${i}${large}`));
    const last = remove(tier, 'k');
    await Promise.all([...writing, last]);
    assert.equal(await valueAt(tier, 'k'), undefined);
    assert.ok(proxy.requests.length > 1, `${proxy.requests.length} requests`);
  });

  it('do not ask what scripts are called: a script that is there is called at once', async () => {
    await set(tierOf(), 'k', 'v');
    proxy.requests.length = 0;
    assert.equal(await valueAt(tierOf(), 'k'), 'v');
    assert.deepEqual(
      proxy.requests.map((commands) => commands.map(([name]) => name)),
      [['EVALSHA']],
    );
  });

  it('take effect in order, however long each is under way', async () => {
    const tier = tierOf();
    await set(tier, 'warm', 0);
    let delays = [60, 0, 30, 0];
    proxy.fault = () => ({ before: pause(delays.shift() ?? 0) });
    for (let round = 0; round < 5; round++) {
      delays = [60, 0, 30, 0];
      const setting = set(tier, 'k', round);
      await pause(5);
      const deleting = remove(tier, 'k');
      await pause(5);
      const reading = valueAt(tier, 'k');
      await Promise.all([setting, deleting]);
      assert.equal(await reading, undefined);
      assert.equal(await valueAt(tier, 'k'), undefined);
    }
  });

  it('that only read wait for no others that do, and nobody waits for them', async () => {
    const tier = tierOf();
    await set(tier, 'k', 'v');
    let release = nothing;
    const held = new Promise((resolve) => {
      release = () => resolve(undefined);
    });
    let isFirst = true;
    proxy.fault = () => {
      const before = isFirst ? held : undefined;
      isFirst = false;
      return before === undefined ? undefined : { before };
    };
    const slow = valueAt(tier, 'k');
    await pause(5);
    assert.equal(await valueAt(tier, 'k'), 'v');
    await set(tier, 'k', 'new');
    release();
    assert.equal(await slow, 'new');
  });
});

describe('a request that is not answered', () => {
  it('is given up, and those after it go on: it is as if it had been made by a Worker that is gone', async () => {
    let isStranded = true;
    const client = clientOf({
      timeout: 300,
      fetch: (url, init) => (isStranded ? never : fetch(url, init)),
    });
    const tier = tierOf({ timeout: 300 }, client);
    const lost = set(tier, 'k', 'old');
    await assert.rejects(lost, { code: 'ERR_TIERCEL_TIMEOUT' });
    isStranded = false;
    // A script is brought along once more, as nobody knows of it yet.
    await until('it is set', () => set(tier, 'k', 'new').then(() => true));
    assert.equal(await valueAt(tier, 'k'), 'new');
  });

  it('is aborted after the timeout of the client', async () => {
    const client = clientOf({ timeout: 50 });
    const aborted = [];
    proxy.fault = () => ({ before: never });
    const watching = clientOf({
      timeout: 50,
      fetch: (url, init) => {
        init.signal.addEventListener('abort', () => aborted.push(url));
        return fetch(url, init);
      },
    });
    await assert.rejects(client.send(['PING']), { name: 'TiercelError', code: 'ERR_TIERCEL_TIMEOUT' });
    await assert.rejects(watching.send(['PING']), { code: 'ERR_TIERCEL_TIMEOUT' });
    assert.equal(aborted.length, 1);
  });

  it('undoes nothing when it takes effect after all', async () => {
    const tier = tierOf({ timeout: 200 });
    await set(tier, 'k', 'first');
    let release = nothing;
    proxy.fault = ({ commands }) => {
      if (!JSON.stringify(commands).includes('"write"')) return undefined;
      proxy.fault = nothing;
      return { before: new Promise((resolve) => (release = () => resolve(undefined))) };
    };
    await assert.rejects(set(tier, 'k', 'old'), { code: 'ERR_TIERCEL_TIMEOUT' });
    const other = tierOf();
    await set(other, 'k', 'new');
    release();
    await until('it has been answered', () => /** @type {any} */ (tier.health()).inFlight === 0);
    assert.equal(await valueAt(other, 'k'), 'new');
  });
});

describe('an answer that is none', () => {
  /** @type {Record<string, [import('./support/rest.mjs').Fault, string, RegExp]>} */
  const ANSWERS = {
    'a refused token': [
      { status: 401, body: '{"error":"WRONGPASS"}' },
      'ERR_TIERCEL_UNAVAILABLE',
      /401.*token.*WRONGPASS/,
    ],
    'a token with too few rights': [{ status: 403, body: '{}' }, 'ERR_TIERCEL_UNAVAILABLE', /403/],
    'too many requests': [{ status: 429, body: '{"error":"slow down"}' }, 'ERR_TIERCEL_UNAVAILABLE', /429.*slow down/],
    'a server that failed': [{ status: 500, body: 'oops' }, 'ERR_TIERCEL_UNAVAILABLE', /500/],
    'a gateway': [{ status: 502, body: '<html>Bad Gateway</html>' }, 'ERR_TIERCEL_UNAVAILABLE', /502/],
    'a redirection': [{ status: 302, headers: { Location: 'http://127.0.0.1:1/' } }, 'ERR_TIERCEL_UNAVAILABLE', /302/],
    'a page': [{ status: 200, body: '<html>Welcome</html>' }, 'ERR_TIERCEL_CORRUPT_VALUE', /protocol/],
    nothing: [{ status: 200, body: '' }, 'ERR_TIERCEL_CORRUPT_VALUE', /protocol/],
    'no list': [{ status: 200, body: '{"result":1}' }, 'ERR_TIERCEL_CORRUPT_VALUE', /protocol/],
    'too few answers': [{ status: 200, body: '[]' }, 'ERR_TIERCEL_CORRUPT_VALUE', /protocol/],
    'too many answers': [{ status: 200, body: '[{"result":1},{"result":2}]' }, 'ERR_TIERCEL_CORRUPT_VALUE', /protocol/],
    'an answer of nothing': [{ status: 200, body: '[null]' }, 'ERR_TIERCEL_CORRUPT_VALUE', /protocol/],
    'no result': [{ status: 200, body: '[{}]' }, 'ERR_TIERCEL_CORRUPT_VALUE', /protocol/],
    'text that is no base64': [{ status: 200, body: '[{"result":"\u00fc"}]' }, 'ERR_TIERCEL_CORRUPT_VALUE', /protocol/],
    'an object': [{ status: 200, body: '[{"result":{"a":1}}]' }, 'ERR_TIERCEL_CORRUPT_VALUE', /protocol/],
    'a connection that breaks before': [{ cut: 'before' }, 'ERR_TIERCEL_UNAVAILABLE', /failed/],
    'a connection that breaks after': [{ cut: 'after' }, 'ERR_TIERCEL_UNAVAILABLE', /failed/],
  };

  for (const [name, [fault, code, message]] of Object.entries(ANSWERS))
    it(`is an error that says so: ${name}`, async () => {
      proxy.fault = () => fault;
      const client = clientOf();
      await assert.rejects(client.send(['PING']), { name: 'TiercelError', code, message });
      await assert.rejects(valueAt(tierOf(), 'k'), TiercelError);
      // The next one is answered as if nothing had been.
      proxy.fault = nothing;
      assert.equal(Buffer.from(/** @type {any} */ (await client.send(['PING']))).toString(), 'PONG');
      await set(tierOf(), 'k', 'v');
    });

  it('is an error whatever it is that the function for requests does', async () => {
    /** @type {((...args: unknown[]) => unknown)[]} */
    const functions = [
      () => undefined,
      () => ({}),
      () => ({ ok: true, text: () => undefined }),
      () => Promise.reject('a text'),
      () => {
        throw new Error('thrown');
      },
      () => new Proxy({}, { get: () => { throw new Error('looked at'); } }), // biome-ignore format: one line
    ];
    for (const wrong of functions) {
      const client = clientOf({ fetch: wrong });
      await assert.rejects(client.send(['PING']), TiercelError, String(wrong));
      await assert.rejects(client.send(['PING']), TiercelError);
    }
  });

  it('is an error if nobody is there', async () => {
    const client = restRedis({ url: 'http://127.0.0.1:1', token: 'a' });
    await assert.rejects(client.send(['PING']), { code: 'ERR_TIERCEL_UNAVAILABLE' });
  });

  it('is the error of Redis if it is one, of that command alone', async () => {
    const client = clientOf();
    await client.send(['SET', 'tiercel:s', 'text']);
    const [wrong, right] = await Promise.allSettled([
      client.send(['HGET', 'tiercel:s', 'f']),
      client.send(['GET', 'tiercel:s']),
    ]);
    assert.match(String(/** @type {PromiseRejectedResult} */ (wrong).reason), /WRONGTYPE/);
    assert.equal(Buffer.from(/** @type {any} */ (right).value).toString(), 'text');
  });
});

describe('the token', () => {
  it('is in no error and in no description, even if the server repeats it', async () => {
    const wrong = restRedis({ url: proxy.url, token: 'very-secret-very-wrong' });
    const errors = [await wrong.send(['PING']).catch((error) => error)];
    proxy.fault = () => ({
      status: 500,
      body: JSON.stringify({ error: `${proxy.token} ${'x'.repeat(199)}${proxy.token}` }),
    });
    const client = clientOf();
    errors.push(await client.send(['PING']).catch((error) => error));
    proxy.fault = () => ({ status: 200, body: JSON.stringify([{ error: `ERR ${proxy.token}` }]) });
    errors.push(await client.send(['PING']).catch((error) => error));
    const failing = clientOf({
      fetch: () => Promise.reject(new TypeError(`no ${proxy.token}`, { cause: proxy.token })),
    });
    errors.push(await failing.send(['PING']).catch((error) => error));
    errors.push(thrownBy(() => restRedis({ url: proxy.url, token: `${proxy.token}\n` })));
    errors.push(thrownBy(() => restRedis({ url: `${proxy.url}?_token=${proxy.token}`, token: proxy.token })));
    for (const error of errors) {
      assert.ok(error instanceof Error);
      assert.doesNotMatch(inspect(error, { depth: 5 }), /secret/);
    }
    assert.doesNotMatch(inspect(client, { depth: 5, showHidden: true }) + JSON.stringify(client), /secret/);
    assert.doesNotMatch(JSON.stringify(tierOf({}, client).health()), /secret/);
  });
});

function thrownBy(call) {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('options', () => {
  const token = 'a';
  it('say what is accepted', () => {
    /** @type {[any, string][]} */
    const wrong = [
      [undefined, 'ERR_TIERCEL_INVALID_OPTION'],
      [{ url: 'https://a' }, 'ERR_TIERCEL_INVALID_OPTION'],
      [{ token }, 'ERR_TIERCEL_INVALID_OPTION'],
      [{ url: 'redis://a', token }, 'ERR_TIERCEL_INVALID_OPTION'],
      [{ url: 'https://', token }, 'ERR_TIERCEL_INVALID_OPTION'],
      [{ url: 'https://u:p@a', token }, 'ERR_TIERCEL_INVALID_OPTION'],
      [{ url: 'https://a?b', token }, 'ERR_TIERCEL_INVALID_OPTION'],
      [{ url: 'http://example.com', token }, 'ERR_TIERCEL_INVALID_OPTION'],
      [{ url: 'http://127.0.0.1.example.com', token }, 'ERR_TIERCEL_INVALID_OPTION'],
      [{ url: 'https://a', token: '' }, 'ERR_TIERCEL_INVALID_OPTION'],
      [{ url: 'https://a', token: 'a b' }, 'ERR_TIERCEL_INVALID_OPTION'],
      [{ url: 'https://a', token, timeout: 0 }, 'ERR_TIERCEL_INVALID_OPTION'],
      [{ url: 'https://a', token, fetch: 1 }, 'ERR_TIERCEL_INVALID_OPTION'],
      [{ url: 'https://a', token, timout: 1 }, 'ERR_TIERCEL_UNKNOWN_OPTION'],
    ];
    for (const [options, code] of wrong) assert.throws(() => restRedis(options), { code }, inspect(options));
    for (const url of ['https://a', 'https://a/b/', 'http://localhost:1', 'http://[::1]:1', 'HTTP://127.0.0.1'])
      restRedis({ url, token });
    restRedis({ url: 'http://redis-http', token, allowHttp: true });
  });

  it('a bus over it is refused, as it cannot listen', () => {
    assert.throws(() => redisBus(clientOf()), { code: 'ERR_TIERCEL_INVALID_ARGUMENT', message: /not one over REST/ });
  });
});

describe('caches without a bus', () => {
  it('share entries; memory serves what others changed until its ttl is over, and not longer', async () => {
    let now = 0;
    const open = () => createCache({ remote: tierOf(), remoteTimeout: '5s', now: () => now, name: 'shop' });
    const [here, there] = await Promise.all([open(), open()]);
    await here.set('k', 'old', { ttl: 60_000, tags: ['t'] });
    assert.equal(await there.get('k'), 'old');
    assert.deepEqual(await here.invalidateTags('t'), { removed: 1, pending: false });
    // In no memory of the cache that did it, nor in the second tier; elsewhere until the end of the ttl.
    assert.equal(await here.get('k'), undefined);
    assert.equal(await there.get('k'), 'old');
    now += 59_000;
    assert.equal(await there.get('k'), 'old');
    now += 1_001;
    assert.equal(await there.get('k'), undefined);
    assert.equal(await there.getOrSet('k', () => 'new'), 'new');
    await Promise.all([here.close(), there.close()]);
  });

  it('go on while it fails, and tell it of what changed once it is there again', async () => {
    const cache = await createCache({ remote: tierOf(), remoteTimeout: '5s', breaker: { failures: 2, reset: 20 } });
    await cache.set('k', 'v');
    proxy.fault = () => ({ status: 503, body: '' });
    assert.equal((await cache.invalidateKeys('k')).pending, true);
    assert.equal(await cache.getOrSet('k', () => 'loaded'), 'loaded');
    assert.equal(cache.health().ok, false);
    proxy.fault = nothing;
    await until('it knows', () => cache.health().pending.changes === 0);
    assert.equal(await valueAt(tierOf(), 'k'), undefined);
    await cache.close();
  });
});
