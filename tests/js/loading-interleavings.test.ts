import { type LoadContext, MemoryCache } from 'tiercel';
import { removalsOf } from './support/cache.js';
import { FakeClock } from './support/clock.js';
import { type Deferred, deferred, settled } from './support/deferred.js';
import { forEachSeedAsync, type Random } from './support/random.js';

/** A value that says which key it is for, when its load began and which tags it has. */
interface Versioned {
  place: string;
  began: number;
  tags: string[];
}

const KEYS = ['k0', 'k1'];
const NAMESPACES: string[][] = [[], ['a'], ['a', 'b']];
const TAGS = ['t0', 't1', 't2'];

/**
 * Knows the last invalidation of each key, namespace and tag as a number of one sequence, and calls a
 * value wrong that began before the last one that covers it and that preceded the read.
 */
class Oracle {
  private sequence = 0;
  private readonly last = new Map<string, number>();
  readonly violations: string[] = [];

  next(): number {
    return ++this.sequence;
  }

  invalidate(...scopes: string[]): void {
    const now = this.next();
    for (const scope of scopes) this.last.set(scope, now);
  }

  /** The sequence of the last invalidation of the value's key, namespaces and tags. */
  private floor(namespace: number, value: Versioned): number {
    const scopes = [`key ${value.place}`, ...value.tags.map((tag) => `tag ${namespace} ${tag}`)];
    for (let above = 0; above <= namespace; above++) scopes.push(`namespace ${above}`);
    return Math.max(0, ...scopes.map((scope) => this.last.get(scope) ?? 0));
  }

  /** Remembers what has been invalidated by now; the check is made with the value, once it is there. */
  reader(namespace: number, key: string): (value: Versioned, how: string) => void {
    const before = new Map(this.last);
    const place = `${namespace} ${key}`;
    return (value, how) => {
      const past = new Oracle();
      for (const [scope, sequence] of before) past.last.set(scope, sequence);
      const floor = past.floor(namespace, value);
      if (value.place !== place) this.violations.push(`${how} of ${place} gave the value of ${value.place}`);
      if (value.began <= floor) this.violations.push(`${how} of ${place}: began ${value.began}, invalidated ${floor}`);
    };
  }
}

/** One random interleaving of loads, invalidations, sets and reads on two keys in three nested namespaces. */
class Interleaving {
  private readonly clock = new FakeClock();
  readonly cache: MemoryCache<Versioned>;
  private readonly views: MemoryCache<Versioned>[];
  readonly oracle = new Oracle();
  private readonly gates: Deferred<void>[] = [];
  private readonly waiting: Promise<void>[] = [];
  /** Loads of a place that run and that nothing invalidated by key: more than one is one too many. */
  private readonly running = new Map<string, Set<object>>();

  constructor(private readonly random: Random) {
    this.cache = MemoryCache.createSync<Versioned>({
      now: this.clock.now,
      maxEntries: random.pick([1, 3, 100]),
      values: random.pick(['reference', 'bytes'] as const),
      ttl: 20,
      stale: random.pick([0, 30]),
    });
    this.views = NAMESPACES.map((parts) => this.cache.namespace(...parts));
  }

  private load(namespace: number, key: string): void {
    const { random, oracle } = this;
    const place = `${namespace} ${key}`;
    const known = TAGS.filter(() => random.chance(0.3));
    const late = TAGS.filter(() => random.chance(0.2));
    const check = oracle.reader(namespace, key);
    const loader = async (context: LoadContext<Versioned>): Promise<Versioned> => {
      const began = oracle.next();
      const set = this.running.get(place) ?? new Set();
      if (set.size > 0) oracle.violations.push(`two loads of ${place} at once`);
      this.running.set(place, set.add(context));
      const gate = deferred();
      this.gates.push(gate);
      try {
        await gate.promise;
        context.setTags(...late);
        if (random.chance(0.05)) context.skip();
        return { place, began, tags: [...new Set([...known, ...late])] };
      } finally {
        set.delete(context);
      }
    };
    const view = this.views[namespace] as MemoryCache<Versioned>;
    const call = view.getOrSet(key, loader, { tags: known, forceRefresh: random.chance(0.1) });
    this.waiting.push(call.then((value) => check(value, 'getOrSet')).catch((error) => this.expected(error)));
  }

  private expected(error: unknown): void {
    if (!(error instanceof Error && error.message === 'the source failed')) this.oracle.violations.push(String(error));
  }

  private finish(): void {
    const [gate] = this.gates.splice(this.random.below(this.gates.length), 1);
    if (this.random.chance(0.1)) gate?.reject(new Error('the source failed'));
    else gate?.resolve();
  }

  /** Whoever comes after an invalidation may, and must, load beside the load that it overtook. */
  private forgetRunning(places: (place: string) => boolean): void {
    for (const place of [...this.running.keys()]) if (places(place)) this.running.delete(place);
  }

  private read(namespace: number, key: string): void {
    const view = this.views[namespace] as MemoryCache<Versioned>;
    const check = this.oracle.reader(namespace, key);
    const how = this.random.below(3);
    const value = how === 0 ? view.get(key) : how === 1 ? view.getEntry(key)?.value : view.peek(key);
    if (value !== undefined) check(value, 'read');
  }

  async step(): Promise<void> {
    const { random, oracle } = this;
    const namespace = random.below(NAMESPACES.length);
    const view = this.views[namespace] as MemoryCache<Versioned>;
    const key = random.pick(KEYS);
    const place = `${namespace} ${key}`;
    const action = random.below(20);
    if (action < 6) this.load(namespace, key);
    else if (action < 10) this.finish();
    else if (action < 13) this.read(namespace, key);
    else if (action === 13) this.clock.advance(random.below(25));
    else if (action === 14) {
      oracle.invalidate(`key ${place}`);
      view.delete(key);
      this.forgetRunning((running) => running === place);
    } else if (action === 15) {
      oracle.invalidate(`key ${place}`);
      const tags = TAGS.filter(() => random.chance(0.3));
      view.set(key, { place, began: oracle.next(), tags }, { tags });
      this.forgetRunning((running) => running === place);
    } else if (action < 18) {
      const tag = random.pick(TAGS);
      oracle.invalidate(`tag ${namespace} ${tag}`);
      view.invalidateTags(tag);
      this.forgetRunning((running) => running.startsWith(`${namespace} `));
    } else if (action === 18) {
      oracle.invalidate(`namespace ${namespace}`);
      view.clear();
      this.forgetRunning((running) => Number(running[0]) >= namespace);
    } else await settled();
    for (let i = random.below(4); i > 0; i--) await Promise.resolve();
  }

  async end(): Promise<void> {
    let over = false;
    const all = Promise.all(this.waiting).then(() => {
      over = true;
    });
    // Callers of an overtaken load may begin another one now.
    while (!over) {
      if (this.gates.length > 0) this.finish();
      await settled();
    }
    await all;
    while (this.gates.length > 0) {
      this.finish();
      await settled();
    }
    for (let namespace = 0; namespace < NAMESPACES.length; namespace++) {
      for (const key of KEYS) this.read(namespace, key);
    }
    const stats = this.cache.stats();
    if (stats.loading !== 0) this.oracle.violations.push(`${stats.loading} loads in flight at the end`);
    if (stats.adds - removalsOf(stats) !== stats.entries) this.oracle.violations.push('adds - removals is not entries');
    this.cache.close();
  }
}

test('in 10,000 random interleavings no value is served whose load began before an invalidation of it', async () => {
  await forEachSeedAsync(10_000, async (random) => {
    const run = new Interleaving(random);
    for (let steps = 10 + random.below(30); steps > 0; steps--) await run.step();
    await run.end();
    if (run.oracle.violations.length > 0) throw new Error(run.oracle.violations.slice(0, 5).join('; '));
  });
});

test('the oracle of the interleavings catches a cache that stores what an invalidation overtook', () => {
  const oracle = new Oracle();
  const began = oracle.next();
  oracle.invalidate('tag 0 t1');
  oracle.reader(0, 'k0')({ place: '0 k0', began, tags: ['t1'] }, 'read');
  oracle.reader(0, 'k0')({ place: '0 k0', began, tags: ['t0'] }, 'read');
  oracle.reader(0, 'k1')({ place: '0 k0', began, tags: [] }, 'read');
  expect(oracle.violations).toEqual(['read of 0 k0: began 1, invalidated 2', 'read of 0 k1 gave the value of 0 k0']);
});
