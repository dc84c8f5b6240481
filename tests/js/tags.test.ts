import { openCache } from './support/cache.js';
import { FakeClock } from './support/clock.js';
import { expectThrow } from './support/errors.js';
import { forEachSeed } from './support/random.js';

describe('invalidateTags', () => {
  test('removes the entries that have the tag, and says how many', () => {
    const cache = openCache<number>();
    cache.set('a', 1, { tags: ['x'] });
    cache.set('b', 2, { tags: ['x', 'y'] });
    cache.set('c', 3, { tags: ['y'] });
    cache.set('d', 4);
    expect(cache.invalidateTags('x')).toBe(2);
    expect([...cache.keys()].sort()).toEqual(['c', 'd']);
    expect(cache.stats().removals.tag).toBe(2);
    expect(cache.invalidateTags('x')).toBe(0);
    expect(cache.invalidateTags('unknown')).toBe(0);
  });

  test('of several tags removes the entries that have any of them, each counted once', () => {
    const cache = openCache<number>();
    cache.set('a', 1, { tags: ['x', 'y'] });
    cache.set('b', 2, { tags: ['y'] });
    cache.set('c', 3, { tags: ['z'] });
    expect(cache.invalidateTags('x', 'y', 'x')).toBe(2);
    expect([...cache.keys()]).toEqual(['c']);
  });

  test('of no tags removes nothing', () => {
    const cache = openCache<number>();
    cache.set('a', 1, { tags: ['x'] });
    expect(cache.invalidateTags()).toBe(0);
    expect(cache.has('a')).toBe(true);
  });

  test('goes by the tags an entry has now, not by those it had', () => {
    const cache = openCache<number>();
    cache.set('a', 1, { tags: ['old'] });
    cache.set('a', 2, { tags: ['new'] });
    expect(cache.invalidateTags('old')).toBe(0);
    expect(cache.get('a')).toBe(2);
    cache.set('a', 3);
    expect(cache.invalidateTags('new')).toBe(0);
    expect(cache.get('a')).toBe(3);
  });

  test('leaves an entry alone that is set after it, in the same millisecond, 100,000 times', () => {
    const cache = openCache<number>({ now: new FakeClock().now });
    let lost = 0;
    for (let i = 0; i < 100_000; i++) {
      const how = i % 4;
      if (how === 0) cache.invalidateTags('x');
      else if (how === 1) cache.delete('a');
      else if (how === 2) cache.clear();
      else cache.namespace('n').clear();
      const view = how === 3 ? cache.namespace('n') : cache;
      view.set('a', i, { tags: ['x'] });
      if (view.get('a') !== i) lost++;
    }
    expect(lost).toBe(0);
  });

  test('acts in its own namespace only', () => {
    const cache = openCache<number>();
    const views = [cache, cache.namespace('a'), cache.namespace('a', 'b'), cache.namespace('c')];
    for (const view of views) view.set('k', 1, { tags: ['x'] });
    expect(cache.namespace('a').invalidateTags('x')).toBe(1);
    expect(views.map((view) => view.has('k'))).toEqual([true, false, true, true]);
    expect(cache.invalidateTags('x')).toBe(1);
    expect(views.map((view) => view.has('k'))).toEqual([false, false, true, true]);
  });

  test('removes stale entries too', () => {
    const clock = new FakeClock();
    const cache = openCache<number>({ now: clock.now });
    cache.set('a', 1, { tags: ['x'], ttl: 10, stale: 100 });
    clock.advance(50);
    expect(cache.getEntry('a')?.stale).toBe(true);
    cache.invalidateTags('x');
    expect(cache.getEntry('a')).toBeUndefined();
  });

  test('of more than 4096 entries takes effect at once', () => {
    const cache = openCache<number>({ maxEntries: 30_000 });
    for (let i = 0; i < 20_000; i++) cache.set(`k${i}`, i, { tags: ['all', i % 2 ? 'odd' : 'even'] });
    expect(cache.invalidateTags('odd')).toBe(10_000);
    let served = 0;
    for (let i = 0; i < 20_000; i++) if (cache.has(`k${i}`)) served++;
    expect(served).toBe(10_000);
    expect([...cache.keys()]).toHaveLength(10_000);
    const left = cache.invalidateTags('all');
    expect(left).toBeGreaterThanOrEqual(10_000);
    expect(left).toBeLessThanOrEqual(20_000);
    expect([...cache.keys()]).toEqual([]);
    for (let i = 0; i < 30_000; i++) cache.set(`n${i}`, i);
    expect(cache.stats()).toMatchObject({ entries: 30_000, pendingReclaim: 0 });
    expect(cache.stats().removals.tag).toBe(20_000);
  });

  test('of exactly 4096 entries removes them within the call', () => {
    const cache = openCache<number>();
    for (let i = 0; i < 4096; i++) cache.set(`k${i}`, i, { tags: ['x'] });
    expect(cache.invalidateTags('x')).toBe(4096);
    expect(cache.size).toBe(0);
    expect(cache.stats()).toMatchObject({ pendingReclaim: 0, bytes: 0 });
  });

  test('removes what a plain model removes', () => {
    forEachSeed(100, (random) => {
      const cache = openCache<number>();
      const model = new Map<string, Set<string>>();
      const names = Array.from({ length: 8 }, (_, i) => `tag-${i}`);
      for (let step = 0; step < 100; step++) {
        const key = `k${random.below(30)}`;
        if (random.chance(0.8)) {
          const tags = names.filter(() => random.chance(0.3));
          cache.set(key, step, { tags });
          model.set(key, new Set(tags));
        } else {
          const chosen = names.filter(() => random.chance(0.2));
          const hit = [...model].filter(([, tags]) => chosen.some((tag) => tags.has(tag)));
          expect(cache.invalidateTags(...chosen)).toBe(hit.length);
          for (const [gone] of hit) model.delete(gone);
        }
        expect(new Set(cache.keys())).toEqual(new Set(model.keys()));
      }
    });
  });
});

describe('a tag', () => {
  test('may have any name', () => {
    const cache = openCache<number>();
    const names = [
      '',
      '\0',
      '__proto__',
      '*',
      'a:b',
      '\ud800',
      '\ufffd',
      '\u6161',
      'aa',
      '\u4e2d',
      '0',
      'a,b',
      'A',
      'a',
    ];
    for (const [i, name] of names.entries()) cache.set(`k${i}`, i, { tags: [name] });
    for (const [i, name] of names.entries()) {
      expect(cache.getEntry(`k${i}`)?.tags).toEqual([name]);
      expect(cache.invalidateTags(name)).toBe(1);
      expect(cache.has(`k${i}`)).toBe(false);
      expect(cache.size).toBe(names.length - i - 1);
    }
  });

  test('given twice counts once', () => {
    const cache = openCache<number>();
    cache.set('a', 1, { tags: ['x', 'x', 'y', 'x'] });
    expect(cache.getEntry('a')?.tags.sort()).toEqual(['x', 'y']);
    expect(cache.invalidateTags('x')).toBe(1);
  });

  test('is the same for a key of that name, a namespace of that name, and neither', () => {
    const cache = openCache<number>();
    cache.set('x', 1);
    cache.namespace('x').set('k', 2);
    cache.set('tagged', 3, { tags: ['x'] });
    expect(cache.invalidateTags('x')).toBe(1);
    expect([cache.has('x'), cache.namespace('x').has('k')]).toEqual([true, true]);
  });

  test('is copied when it is set, and a new list is given each time', () => {
    const cache = openCache<number>();
    const tags = ['x'];
    cache.set('a', 1, { tags });
    tags.push('y');
    const read = cache.getEntry('a')?.tags as string[];
    expect(read).toEqual(['x']);
    read.push('z');
    expect(cache.getEntry('a')?.tags).toEqual(['x']);
  });
});

describe('of tags on an entry', () => {
  test('64 are allowed, and one more is refused and changes nothing', async () => {
    const cache = openCache<number>();
    const tags = Array.from({ length: 65 }, (_, i) => `t${i}`);
    expect(cache.set('a', 1, { tags: tags.slice(0, 64) })).toBe(true);
    expect(cache.getEntry('a')?.tags).toHaveLength(64);
    expectThrow(() => cache.set('a', 2, { tags }), 'ERR_TIERCEL_LIMIT', /64/);
    expect(cache.get('a')).toBe(1);
    const load = cache.getOrSet('b', ({ setTags }) => {
      setTags(...tags);
      return 1;
    });
    await expect(load).rejects.toMatchObject({ code: 'ERR_TIERCEL_LIMIT' });
    expect(cache.has('b')).toBe(false);
    expect(cache.stats().loading).toBe(0);
    for (const tag of tags.slice(0, 64)) cache.set(tag, 1, { tags: [tag] });
    expect(cache.invalidateTags(...tags)).toBe(65);
  });
});

describe('addTags', () => {
  test('adds to the tags of an entry, each once', () => {
    const cache = openCache<number>();
    cache.set('a', 1, { tags: ['x'], ttl: 1000 });
    expect(cache.addTags('a', 'y', 'x', 'z', 'y')).toBe(true);
    expect(cache.tagsOf('a')?.sort()).toEqual(['x', 'y', 'z']);
    expect(cache.addTags('a')).toBe(true);
    expect(cache.get('a')).toBe(1);
    expect(cache.invalidateTags('z')).toBe(1);
    expect(cache.has('a')).toBe(false);
  });

  test('is false where there is nothing to serve', () => {
    const clock = new FakeClock();
    const cache = openCache<number>({ now: clock.now });
    expect(cache.addTags('a', 'x')).toBe(false);
    cache.set('a', 1, { ttl: 10, stale: 10 });
    clock.advance(15);
    expect(cache.addTags('a', 'x')).toBe(true);
    expect(cache.getEntry('a')).toMatchObject({ stale: true, tags: ['x'] });
    clock.advance(5);
    expect(cache.addTags('a', 'y')).toBe(false);
  });

  test('takes no notice of what was invalidated before', () => {
    const cache = openCache<number>();
    cache.set('a', 1);
    cache.invalidateTags('x');
    expect(cache.addTags('a', 'x')).toBe(true);
    expect(cache.get('a')).toBe(1);
  });

  test('refuses more than 64 in all, and changes nothing then', () => {
    const cache = openCache<number>();
    const tags = Array.from({ length: 64 }, (_, i) => `t${i}`);
    cache.set('a', 1, { tags });
    expectThrow(() => cache.addTags('a', 'one more'), 'ERR_TIERCEL_LIMIT');
    expect(cache.tagsOf('a')?.sort()).toEqual(tags.sort());
  });

  test('is false, and the entry gone, if it has no room with them', () => {
    const cache = openCache<number>({ maxBytes: 200 });
    cache.set('a', 1, { weight: 100 });
    expect(cache.addTags('a', 'x', 'y', 'z')).toBe(false);
    expect(cache.has('a')).toBe(false);
    expect(cache.size).toBe(0);
  });
});

describe('tagsOf', () => {
  test('gives the tags of an entry without using it, undefined if there is none', () => {
    const cache = openCache<number>();
    cache.set('a', 1, { tags: ['x', '\u4e2d'] });
    cache.set('b', 2);
    expect(cache.tagsOf('a')?.sort()).toEqual(['x', '\u4e2d']);
    expect(cache.tagsOf('b')).toEqual([]);
    expect(cache.tagsOf('c')).toBeUndefined();
    expect(cache.stats()).toMatchObject({ hits: 0, misses: 0 });
  });
});
