import type { Entry, MemoryCache, MemoryCacheOptions } from 'tiercel';
import { expectBalanced, openCache, removalsOf } from './support/cache.js';
import { FakeClock } from './support/clock.js';
import { matchesPlainly } from './support/glob.js';
import { Model } from './support/model.js';
import { forEachSeed, type Random } from './support/random.js';

const POLICIES = ['adaptive', 'lru', 'sieve', 's3fifo'] as const;
const NAMESPACES = [[], ['a'], ['a', 'b'], ['a:b']];
const KEYS = ['', 'k1', 'k2', 'b:k1', '\u4e2d', '\ud800'];
/** Keys that others depend on. They have no ttl: when an entry that has expired is forgotten is not said. */
const SOURCES = ['d1', 'd2'];
const PREFIXES = ['k', 'k1', 'b:', 'd', '\u4e2d', 'nothing'];
const PATTERNS = ['k?', '*1', '?', 'd*', '*:*', '\\k2', '\ud800'];
const TAGS = ['t1', 't2', 't3'];

/** An entry with its tags in order: the cache promises none. */
function sorted(entry: Entry<string> | undefined): Entry<string> | undefined {
  return entry && { ...entry, tags: [...entry.tags].sort() };
}

/** One random sequence of calls on a cache and the model, whose results must be the same. */
class Comparison {
  readonly clock = new FakeClock();
  readonly cache: MemoryCache<string>;
  private readonly model: Model;
  private readonly views: MemoryCache<string>[];
  private readonly removed = new Map<string, number>();
  private removals = 0;
  private version = 0;

  constructor(
    private readonly random: Random,
    private readonly bounded: boolean,
    options: MemoryCacheOptions<string>,
  ) {
    const ttl = random.pick([0, 30]);
    this.cache = openCache<string>({ ...options, now: this.clock.now, ttl, seed: random.bytes(16) });
    this.model = new Model(this.clock.now, ttl);
    // From here on the cache reads its clock, which it does once something was given a ttl.
    this.cache.touch('', 1);
    this.model.touch([], '', 1);
    this.views = NAMESPACES.map((parts) => this.cache.namespace(...parts));
    for (const view of this.views) {
      view.on('remove', ({ value }) => {
        this.removed.set(value, (this.removed.get(value) ?? 0) + 1);
        this.removals++;
      });
    }
  }

  /** The entries held are those of the model, or, if there is a bound, some of them. */
  private compareContents(): void {
    for (const [i, view] of this.views.entries()) {
      const parts = NAMESPACES[i] as string[];
      const held = new Set(view.keys());
      const expected = new Set(this.model.keys(parts));
      for (const key of held)
        if (!expected.has(key)) throw new Error(`${JSON.stringify(key)} is held and should not be`);
      if (!this.bounded && held.size !== expected.size) throw new Error(`${held.size} held of ${expected.size}`);
      this.model.keepOnly(parts, held);
    }
  }

  private value(): string {
    return `v${++this.version}${'x'.repeat(this.random.below(40))}`;
  }

  private options(): { ttl?: number; stale?: number; tags?: string[] } {
    const { random } = this;
    return {
      ...(random.chance(0.5) && { ttl: random.pick([0, 1, 20, 100]) }),
      ...(random.chance(0.4) && { stale: random.pick([0, 15]) }),
      ...(random.chance(0.5) && { tags: TAGS.filter(() => random.chance(0.4)) }),
    };
  }

  private dependsOn(): { dependsOn?: string[] } {
    return this.random.chance(0.3) ? { dependsOn: SOURCES.filter(() => this.random.chance(0.6)) } : {};
  }

  private step(): [name: string, found: unknown, expected: unknown] {
    const { random, cache, model } = this;
    const i = random.below(NAMESPACES.length);
    const view = this.views[i] as MemoryCache<string>;
    const parts = NAMESPACES[i] as string[];
    const key = random.pick(KEYS);
    const keys = KEYS.filter(() => random.chance(0.4));
    switch (random.below(26)) {
      case 0:
      case 1:
        return ['get', view.get(key), model.get(parts, key)];
      case 2:
        return ['peek', view.peek(key), model.peek(parts, key)];
      case 3:
        return ['has', view.has(key), model.peek(parts, key) !== undefined];
      case 4:
        return ['getEntry', sorted(view.getEntry(key)), sorted(model.getEntry(parts, key))];
      case 5:
        return ['ttl', view.ttl(key), model.ttl(parts, key)];
      case 6: {
        const found = keys
          .map((one) => [one, model.get(parts, one)] as const)
          .filter(([, value]) => value !== undefined);
        return ['getMany', [...view.getMany(keys)], found];
      }
      case 7:
      case 8:
      case 9: {
        const value = this.value();
        const options = { ...this.options(), ...this.dependsOn() };
        model.set(parts, key, value, options);
        return ['set', view.set(key, value, options), true];
      }
      case 10: {
        const entries = keys.map((one): [string, string] => [one, this.value()]);
        const options = this.options();
        for (const [one, value] of entries) model.set(parts, one, value, options);
        return ['setMany', view.setMany(entries, options), entries.length];
      }
      case 11:
        return ['delete', view.delete(key), model.delete(parts, key)];
      case 12: {
        const expected = keys.filter((one) => model.delete(parts, one)).length;
        return ['deleteMany', view.deleteMany(keys), expected];
      }
      case 13: {
        const ttl = random.pick([0, 10, 50]);
        return ['touch', view.touch(key, ttl), model.touch(parts, key, ttl)];
      }
      case 14: {
        const tags = TAGS.filter(() => random.chance(0.3));
        return ['invalidateTags', view.invalidateTags(...tags), model.invalidateTags(parts, tags)];
      }
      case 15:
      case 16: {
        const source = random.pick(SOURCES);
        const options = { tags: TAGS.filter(() => random.chance(0.2)), ttl: 0, ...this.dependsOn() };
        const value = this.value();
        model.set(parts, source, value, options);
        return ['set of a source', view.set(source, value, options), true];
      }
      case 17: {
        const any = random.pick([...KEYS, ...SOURCES]);
        const expected = model.deleteWithDependents(parts, any).count;
        return ['invalidateWithDependents', view.invalidateWithDependents(any), expected];
      }
      case 18: {
        const by = random.pick([0, 5, 40]);
        return ['extendTtl', view.extendTtl(key, by), model.extendTtl(parts, key, by)];
      }
      case 19:
        return ['expire', view.expire(key), model.expire(parts, key)];
      case 20: {
        const any = random.pick([...KEYS, ...SOURCES]);
        const tags = TAGS.filter(() => random.chance(0.4));
        return ['addTags', view.addTags(any, ...tags), model.addTags(parts, any, tags)];
      }
      case 21: {
        const prefix = random.pick(PREFIXES);
        const expected = model.invalidateKeys(parts, (one) => one.startsWith(prefix));
        return ['invalidatePrefix', view.invalidatePrefix(prefix), expected];
      }
      case 22: {
        const pattern = random.pick(PATTERNS);
        const expected = model.invalidateKeys(parts, (one) => matchesPlainly(pattern, one));
        return ['invalidatePattern', view.invalidatePattern(pattern), expected];
      }
      case 23: {
        const doomed = new Set(keys);
        const expected = model.keys(parts).filter((one) => doomed.has(one) && model.delete(parts, one)).length;
        return ['invalidateIf', view.invalidateIf((one) => doomed.has(one)), expected];
      }
      case 24:
        this.clock.advance(random.chance(0.1) ? -random.below(1000) : random.below(20));
        return ['stats', { ...cache.stats(), ...model.counts }, cache.stats()];
      default:
        return random.chance(0.3) ? ['clear', view.clear(), model.clear(parts)] : ['', 0, 0];
    }
  }

  run(steps: number): void {
    const trace: string[] = [];
    for (let i = 0; i < steps; i++) {
      this.compareContents();
      const [name, found, expected] = this.step();
      trace.push(name);
      if (JSON.stringify(found) === JSON.stringify(expected)) continue;
      const recent = trace.slice(-8).join(' ');
      throw new Error(`${name}: ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}; after ${recent}`);
    }
    const stats = this.cache.stats();
    expect(stats).toMatchObject(this.model.counts);
    expect(removalsOf(stats)).toBe(this.removals);
    for (const [value, times] of this.removed) if (times > 1) throw new Error(`${value} was removed ${times} times`);
    expectBalanced(this.cache);
    this.cache.close();
  }
}

describe.each(['reference', 'bytes'] as const)('with values by %s', (values) => {
  test('a cache without pressure does exactly what a plain model does', () => {
    forEachSeed(150, (random) => new Comparison(random, false, { values }).run(200));
  });

  test('a cache at the bound of its entries holds a part of what the model holds, and gives the same', () => {
    forEachSeed(150, (random) => {
      const options: MemoryCacheOptions<string> = {
        values,
        maxEntries: 1 + random.below(10),
        policy: random.pick(POLICIES),
      };
      new Comparison(random, true, options).run(200);
    });
  });

  test('a cache at the bound of its bytes holds a part of what the model holds, and gives the same', () => {
    forEachSeed(150, (random) => {
      const options: MemoryCacheOptions<string> = {
        values,
        maxBytes: 600 + random.below(2000),
        policy: random.pick(POLICIES),
      };
      new Comparison(random, true, options).run(200);
    });
  });
});
