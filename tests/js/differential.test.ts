import { createHash } from 'node:crypto';
import { type CacheEvents, engineInfo, MemoryCache, type MemoryCacheOptions, type Policy } from 'tiercel';
import { FakeClock } from './support/clock.js';
import { Random } from './support/random.js';

const OPERATIONS = 300;
const SEEDS = Number(process.env.TIERCEL_SEEDS ?? 60);
const WALL = 1_800_000_000_000;
const POLICIES: Policy[] = ['adaptive', 'lru', 'sieve', 's3fifo'];
const EVENTS: (keyof CacheEvents<unknown>)[] = ['hit', 'miss', 'set', 'remove', 'expire', 'evict', 'clear'];
const NAMESPACES = [[], ['a'], ['a', 'b'], ['\u4e2d\u6587']];
const TAGS = ['t1', 't2', '\u4e2d'];

type Cache = MemoryCache<unknown>;

/** The statistics, without what depends on the size of a pointer. */
function statsOf(cache: Cache): unknown {
  const { policyState, ...stats } = cache.stats();
  return { ...stats, policyState: { ...policyState, memory: 0 } };
}

const digest = (bytes: Uint8Array) => `${bytes.length} bytes ${createHash('sha256').update(bytes).digest('hex')}`;

/** A random script of public calls on one cache, and everything that can be seen of it. */
class Script {
  readonly lines: string[] = [];
  private readonly random: Random;
  private readonly clock = new FakeClock();
  private readonly cache: Cache;
  private readonly views: Cache[];
  private readonly keys: number;
  private snapshot: Uint8Array | undefined;

  constructor(engine: 'wasm' | 'native', options: MemoryCacheOptions, seed: number) {
    this.random = new Random(seed);
    this.keys = this.random.pick([20, 60, 200]);
    this.cache = MemoryCache.createSync({
      ...options,
      ...this.random.pick<MemoryCacheOptions>([{}, { jitter: 0.3, ttl: '2s', stale: '1s' }, { ttlRules: {} }]),
      engine,
      now: this.clock.now,
      seed: this.random.bytes(16),
    });
    this.views = NAMESPACES.map((parts) => this.cache.namespace(...parts));
    for (const [i, view] of this.views.entries()) {
      for (const event of EVENTS)
        view.on(event, (payload) => this.lines.push(`  ${i} ${event} ${JSON.stringify(payload)}`));
    }
    this.views[0]?.on('set', ({ key }) => this.lines.push(`  matched ${JSON.stringify(key)}`), 'k[1-3]*');
  }

  async run(): Promise<string[]> {
    for (let i = 0; i < OPERATIONS; i++) {
      const [name, operation] = this.random.pick(this.operations(this.random.pick(this.views)));
      this.lines.push(`${i} ${name} ${JSON.stringify(await operation())}`);
    }
    this.lines.push(JSON.stringify(statsOf(this.cache)));
    for (const view of this.views) this.lines.push(JSON.stringify([...view.entries()]));
    this.cache.close();
    return this.lines;
  }

  private key(): string {
    const { random } = this;
    return random.chance(0.9) ? `k${random.below(this.keys)}` : random.string(random.pick([3, 40, 200]));
  }

  private value(): unknown {
    const { random } = this;
    return random.pick<() => unknown>([
      () => random.string(30),
      () => random.below(1e9),
      () => ({ list: [random.string(5)], n: null }),
      () => random.bytes(random.below(100)),
    ])();
  }

  private options() {
    const { random } = this;
    return {
      ...(random.chance(0.5) && { ttl: random.pick([0, 5, 100, 5000]) }),
      ...(random.chance(0.3) && { stale: random.pick([0, 50]) }),
      ...(random.chance(0.4) && { tags: [...TAGS, random.string(3)].filter(() => random.chance(0.3)) }),
      ...(random.chance(0.3) && { dependsOn: [`k${random.below(10)}`, `k${random.below(10)}`] }),
      ...(random.chance(0.05) && { pinned: true }),
      ...(random.chance(0.2) && {
        contentType: random.pick(['settings', 'file_content', 'unheard of']),
        context: { favorite: random.chance(0.5), modifiedAgo: random.below(1e7), hour: random.below(24) },
      }),
    };
  }

  private operations(view: Cache): [string, () => unknown][] {
    const { random, cache, clock } = this;
    const key = this.key();
    const keys = Array.from({ length: random.below(5) }, () => this.key());
    const pattern = random.pick(['k1*', 'k?', '*[05]', 'k\\1', '\u4e2d*', `*${random.below(100)}*`]);
    const writes: [string, () => unknown][] = [
      ['set', () => view.set(key, this.value(), this.options())],
      ['set', () => view.set(key, this.value())],
      ['get', () => view.get(key)],
      ['get or set', () => view.get(key) ?? view.set(key, this.value())],
    ];
    return [
      ...writes,
      ...writes,
      ...writes,
      ['getEntry', () => view.getEntry(key)],
      ['peek', () => view.peek(key)],
      ['has', () => view.has(key)],
      ['ttl', () => view.ttl(key)],
      ['getMany', () => [...view.getMany(keys)]],
      [
        'setMany',
        () =>
          view.setMany(
            keys.map((one) => [one, this.value()]),
            this.options(),
          ),
      ],
      ['delete', () => view.delete(key)],
      ['deleteMany', () => view.deleteMany(keys)],
      ['invalidateWithDependents', () => view.invalidateWithDependents(`k${random.below(10)}`)],
      ['touch', () => view.touch(key, random.pick([0, 10, 1000]))],
      ['extendTtl', () => view.extendTtl(key, random.pick([0, 10, 1000]))],
      ['expire', () => view.expire(key)],
      ['addTags', () => view.addTags(key, random.pick(TAGS), random.pick(TAGS))],
      ['tagsOf', () => view.tagsOf(key)],
      ['getOrSet', () => view.getOrSet(key, () => this.value(), this.options())],
      ['getOrSet, overtaken', () => view.getOrSet(key, () => this.overtaken(view, key), this.options())],
      ['clock', () => clock.advance(random.chance(0.05) ? -1000 : random.below(30))],
      ['clock', () => clock.advance(random.below(1000))],
      ['sizes', () => [view.size, view.bytes]],
      ['iterate', () => (random.chance(0.1) ? [...view.entries()] : [...view.keys(pattern)])],
      ['schedule', () => view.scheduleInvalidation(key, WALL + random.below(2000) - 100)],
      ['sweep', () => cache.sweep(Number.POSITIVE_INFINITY)],
      ['invalidateTags', () => random.chance(0.3) && view.invalidateTags(random.pick(TAGS))],
      ['invalidatePrefix', () => random.chance(0.3) && view.invalidatePrefix(`k${random.below(30)}`)],
      ['invalidatePattern', () => random.chance(0.3) && view.invalidatePattern(pattern)],
      ['invalidateIf', () => random.chance(0.3) && view.invalidateIf((one) => one.length % 3 === 0, pattern)],
      ['rare', () => this.rare(view)],
    ];
  }

  private async overtaken(view: Cache, key: string): Promise<unknown> {
    await null;
    if (this.random.chance(0.5)) view.delete(key);
    return this.value();
  }

  private rare(view: Cache): unknown {
    const { random, cache } = this;
    const choices: (() => unknown)[] = [
      () => view.clear(),
      () => cache.resize({ maxEntries: 10 + random.below(150) }),
      () => cache.resetStats().hits,
      () => statsOf(cache),
      () => {
        this.snapshot = cache.snapshot();
        return digest(this.snapshot);
      },
      () => this.snapshot && cache.restore(this.snapshot),
    ];
    return random.pick(choices)();
  }
}

function firstDifference(a: readonly string[], b: readonly string[]): string | undefined {
  const at = a.findIndex((line, i) => line !== b[i]);
  if (at === -1 && a.length === b.length) return undefined;
  return `wasm ${a.slice(Math.max(0, at - 3), at + 1).join(' | ')}\nnative ${b.slice(Math.max(0, at - 3), at + 1).join(' | ')}`;
}

const { native } = engineInfo();
const both = native.available ? test : test.skip;
const reason = native.available ? '' : ` (skipped: ${native.reason})`;

const BOUNDS: [string, MemoryCacheOptions][] = [
  ['by reference', { maxEntries: 50, sizeOf: (value) => JSON.stringify(value).length }],
  ['by reference, bounded in bytes', { maxBytes: 10_000, sizeOf: (value) => JSON.stringify(value).length }],
  ['as bytes', { maxEntries: 50, values: 'bytes' }],
  ['as bytes, bounded in both', { maxEntries: 80, maxBytes: 10_000, values: 'bytes' }],
];
const CASES = POLICIES.flatMap((policy) =>
  BOUNDS.map(([name, bounds]): [string, MemoryCacheOptions] => [`${policy}, ${name}`, { ...bounds, policy }]),
);

describe(`random calls have the same results, events and statistics on both engines${reason}`, () => {
  beforeEach(() => {
    jest.spyOn(Date, 'now').mockReturnValue(WALL);
  });
  afterEach(() => jest.restoreAllMocks());

  both.each(CASES)(`${SEEDS} times ${OPERATIONS} calls: %s`, async (_, options) => {
    const only = process.env.TIERCEL_SEED;
    const seeds = only === undefined ? Array.from({ length: SEEDS }, (__, i) => i + 1) : [Number(only)];
    for (const seed of seeds) {
      const wasm = await new Script('wasm', options, seed).run();
      const difference = firstDifference(wasm, await new Script('native', options, seed).run());
      if (difference !== undefined) throw new Error(`With seed ${seed}: ${difference}`);
    }
  });

  both('and the comparison can fail: another seed makes another trace', async () => {
    const [first, second] = [new Script('wasm', {}, 1), new Script('wasm', {}, 2)];
    expect(firstDifference(await first.run(), await second.run())).toBeDefined();
  });
});
