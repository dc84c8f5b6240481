// Every callback that the package takes, with everything that it can do wrong. What is a callback is read from the
// sources: one that has no row fails the first test.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CacheLike } from 'tiercel';
import { foreign } from './support/bad-loaders.js';
import type { Callback, Opened } from './support/callback-row.js';
import { ROWS } from './support/callbacks-core.js';
import { PATTERN_ROWS } from './support/callbacks-patterns.js';
import { settled } from './support/deferred.js';

const rows = { ...ROWS, ...PATTERN_ROWS };

/** Functions that the sources check, and that are no callbacks of an operation. */
const NO_CALLBACKS = [
  // Methods of a cache that is given.
  'cache-like.ts getOrSet',
  'cache-like.ts invalidateTags',
  'cache-like.ts set',
  // What checks all others.
  'cache-like.ts value',
  'decorators/scope.ts fn',
  'memory/arguments.ts value',
  'memory/readers.ts value',
  // Methods that are decorated: those of `cached` and `invalidates`, in other clothes.
  'decorators/decorate.ts fn',
  'decorators/decorate.ts target',
  // A method of the value, which JSON calls as well.
  'keys/fingerprint.ts toJSON',
  // A class of the platform; and serializers of a second tier, which payload.test.ts is about.
  'frames/encryption.ts CryptoKey',
  'frames/payload.ts deserialize',
  'frames/payload.ts to',
  // What a thread of the package's own calls, which tests/redis/bus-thread.test.mjs is about.
  'redis/bus-thread.ts make',
  // What makes requests, which tests/redis/rest.test.mjs is about.
  'redis/rest.ts fetch',
  // A clock in place of the platform's.
  'timers.ts clearTimeout',
  'timers.ts now',
  'timers.ts setTimeout',
];

/** What the sources check for being a function, by file and name. */
function functionsIn(folder: string): string[] {
  const found = new Set<string>();
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const text = readFileSync(join(folder, file), 'utf8');
    for (const pattern of [
      /(\w+): callback\(/g,
      /asCallable\((\w+)\)/g,
      /asFunction(?:<[^(]*>)?\(\w+, '(\w+)'\)/g,
      /typeof (\w+) [!=]== 'function'/g,
      /(?<=with)Methods<.*?'(?:an?|the) [^']*',? ?(.*)\)/g,
    ]) {
      for (const [, names = ''] of text.matchAll(pattern))
        for (const [name] of names.matchAll(/\w+/g)) found.add(`${file} ${name}`);
    }
  }
  return [...found].sort();
}

test('each callback of the package has a row here', () => {
  const folder = join(__dirname, '../../js/src');
  expect([...Object.keys(rows), ...NO_CALLBACKS].sort()).toEqual(functionsIn(folder));
});

type Misbehaviour = (opened: () => Opened | undefined, good: unknown) => unknown;

const MISBEHAVIOURS: [string, Misbehaviour][] = [
  [
    'throws',
    () => {
      throw foreign;
    },
  ],
  [
    'throws what is no error',
    () => {
      // biome-ignore lint/style/useThrowOnlyError: callbacks of others do it.
      throw 'a string';
    },
  ],
  [
    'rejects',
    () => {
      const rejected = Promise.reject(foreign);
      // Where no promise is expected nobody looks at it; what is made of it must be looked at.
      rejected.catch(() => undefined);
      return rejected;
    },
  ],
  ['never settles', () => new Promise(() => undefined)],
  ['returns undefined', () => undefined],
  ['returns a symbol', () => Symbol('nonsense')],
  ['returns an object that throws when it is looked at', () => new Proxy({}, { get: () => { throw foreign; } })], // biome-ignore format: one line
  [
    'changes what it was called by',
    (opened, good) => {
      for (const cache of opened()?.caches ?? []) {
        void cache.set('k', 2 as never);
        void cache.get('k');
        void cache.delete('k');
        void cache.set('other', 3 as never);
        void (cache as CacheLike).clear();
        Promise.resolve(cache.getOrSet('nested', () => 4 as never)).catch(() => undefined);
      }
      return good;
    },
  ],
];

const turns = async () => {
  for (let i = 0; i < 20; i++) await settled();
};

/** What becomes of a call: an error of any kind, or a result, or nothing. */
async function outcomeOf(
  run: () => unknown,
): Promise<{ state: 'pending' | 'fulfilled' | 'rejected'; error?: unknown }> {
  let outcome: Awaited<ReturnType<typeof outcomeOf>> = { state: 'pending' };
  void (async () => run())().then(
    () => {
      outcome = { state: 'fulfilled' };
    },
    (error: unknown) => {
      outcome = { state: 'rejected', error };
    },
  );
  await turns();
  return outcome;
}

describe.each(Object.entries(rows))('%s', (_name, { good, open, sync = false, blocks }) => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => void unhandled.push(reason);
  beforeEach(() => {
    unhandled.length = 0;
    process.on('unhandledRejection', note);
    // What listeners throw is reported as uncaught, and would end the test.
    jest.spyOn(globalThis, 'queueMicrotask').mockImplementation((job) => {
      void Promise.resolve()
        .then(job)
        .catch(() => undefined);
    });
  });
  afterEach(() => {
    process.off('unhandledRejection', note);
    jest.restoreAllMocks();
  });

  test.each(MISBEHAVIOURS)('%s: it is no more than that', async (_what, misbehave) => {
    let act: () => unknown = () => good;
    let calls = 0;
    let opened: Opened | undefined;
    const callback: Callback = () => {
      calls++;
      return act();
    };
    opened = await open(callback);
    const { run, caches } = opened;
    expect(await outcomeOf(run)).toEqual({ state: 'fulfilled' });
    expect(calls).toBeGreaterThan(0);

    calls = 0;
    let depth = 0;
    // What it calls may call it again.
    act = () => (depth++ === 0 ? misbehave(() => opened, good) : good);
    const { state, error } = await outcomeOf(run);
    expect(calls).toBeGreaterThan(0);
    const isStuck = _what === 'never settles';
    if (state === 'pending') expect(isStuck && !sync).toBe(true);
    // Its own error, or one that says what is wrong with what it returned.
    if (state === 'rejected') expect(error === foreign || error === 'a string' || error instanceof Error).toBe(true);

    act = () => good;
    for (const cache of caches) await (cache as CacheLike).clear();
    if (!isStuck || blocks === undefined) expect(await outcomeOf(run)).toEqual({ state: 'fulfilled' });
    for (const cache of caches) {
      const { loading } = (cache as unknown as { stats(): { loading: number } }).stats();
      if (!isStuck) expect(loading).toBe(0);
    }
    expect(unhandled).toEqual([]);
  });
});
