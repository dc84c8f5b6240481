import { setTimeout as pause } from 'node:timers/promises';
import { openCache } from './support/cache.js';
import { FakeClock } from './support/clock.js';
import { forEachSeed } from './support/random.js';

const WALL = 1_800_000_000_000;

function openAt() {
  const clock = new FakeClock();
  return { clock, cache: openCache<string>({ now: clock.now }) };
}

describe('scheduleInvalidation', () => {
  let wall: jest.SpyInstance<number>;
  beforeEach(() => {
    wall = jest.spyOn(Date, 'now').mockReturnValue(WALL);
  });
  afterEach(() => wall.mockRestore());

  test.each<[string, (ms: number) => Date | number]>([
    ['a Date', (ms) => new Date(WALL + ms)],
    ['milliseconds since 1970', (ms) => WALL + ms],
  ])('deletes a key at that time, given as %s', (_, at) => {
    const { cache, clock } = openAt();
    cache.set('k', 'v');
    expect(cache.scheduleInvalidation('k', at(100))).toBe(true);
    clock.advance(99);
    expect(cache.get('k')).toBe('v');
    clock.advance(1);
    expect(cache.get('k')).toBeUndefined();
    expect(cache.stats().removals.explicit).toBe(1);
  });

  test('deletes whatever is under the key then, and only then', () => {
    const { cache, clock } = openAt();
    cache.set('k', 'old');
    cache.scheduleInvalidation('k', WALL + 100);
    cache.delete('k');
    cache.set('k', 'new');
    clock.advance(100);
    expect(cache.has('k')).toBe(false);
    cache.set('k', 'later');
    clock.advance(1_000_000);
    expect(cache.get('k')).toBe('later');
  });

  test('is false for a key that is not there, and schedules nothing', () => {
    const { cache, clock } = openAt();
    expect(cache.scheduleInvalidation('k', WALL + 100)).toBe(false);
    cache.set('k', 'v');
    clock.advance(100);
    expect(cache.get('k')).toBe('v');
  });

  test('at a time that has passed is at once', () => {
    for (const at of [WALL, WALL - 1, 0, new Date(0)]) {
      const { cache } = openAt();
      cache.set('k', 'v');
      expect(cache.scheduleInvalidation('k', at)).toBe(true);
      expect(cache.has('k')).toBe(false);
      expect(cache.size).toBe(0);
    }
  });

  test('takes a stale entry too', () => {
    const { cache, clock } = openAt();
    cache.set('k', 'v', { ttl: 10, stale: 1000 });
    clock.advance(20);
    expect(cache.scheduleInvalidation('k', WALL + 100)).toBe(true);
    clock.advance(100);
    expect(cache.getEntry('k')).toBeUndefined();
  });

  test('is not moved by a step of the wall clock', () => {
    const { cache, clock } = openAt();
    cache.set('k', 'v');
    cache.scheduleInvalidation('k', WALL + 100);
    wall.mockReturnValue(WALL + 3_600_000);
    expect(cache.get('k')).toBe('v');
    wall.mockReturnValue(WALL - 3_600_000);
    clock.advance(100);
    expect(cache.get('k')).toBeUndefined();
  });

  test('is of the namespace, and tells its listeners and dependents', () => {
    const { cache, clock } = openAt();
    const view = cache.namespace('a');
    const removed: string[] = [];
    view.on('remove', ({ key, cause }) => removed.push(`${key} ${cause}`));
    cache.set('k', 'root');
    view.set('k', 'v');
    view.set('dependent', 'v', { dependsOn: ['k'] });
    view.scheduleInvalidation('k', WALL + 10);
    clock.advance(10);
    expect(cache.get('k')).toBe('root');
    expect(view.size).toBe(0);
    expect(removed.sort()).toEqual(['dependent dependency', 'k explicit']);
  });

  test('overtakes a load that is in flight then', async () => {
    const { cache, clock } = openAt();
    cache.set('k', 'old');
    cache.scheduleInvalidation('k', WALL + 10);
    const load = cache.getOrSet(
      'k',
      async () => {
        clock.advance(10);
        return 'new';
      },
      { forceRefresh: true },
    );
    expect(await load).toBe('new');
    expect(cache.has('k')).toBe(false);
  });

  test('keeps any number of them in order', () => {
    forEachSeed(20, (random) => {
      const { cache, clock } = openAt();
      const due = new Map<string, number>();
      for (let i = 0; i < 300; i++) {
        const delay = random.below(1000);
        cache.set(`k${i}`, 'v');
        cache.scheduleInvalidation(`k${i}`, WALL + delay);
        due.set(`k${i}`, delay);
      }
      for (let now = 0; now <= 1000; now += 1 + random.below(50)) {
        clock.time = 1_000_000 + now;
        const expected = [...due].filter(([, delay]) => delay > now).map(([key]) => key);
        expect(new Set(cache.keys())).toEqual(new Set(expected));
      }
    });
  });

  test('may have a listener that closes the cache', () => {
    const { cache, clock } = openAt();
    for (const key of ['a', 'b']) {
      cache.set(key, 'v');
      cache.scheduleInvalidation(key, WALL + 10);
    }
    cache.on('remove', () => cache.close());
    clock.advance(10);
    expect(() => cache.get('a')).toThrow(/closed/);
    expect(cache.closed).toBe(true);
  });
});

test('a scheduled invalidation happens although nobody calls the cache', async () => {
  const cache = openCache<string>();
  const removed: string[] = [];
  cache.on('remove', ({ key }) => removed.push(key));
  for (const key of ['a', 'b', 'c']) cache.set(key, 'v');
  cache.scheduleInvalidation('a', Date.now() + 30);
  cache.scheduleInvalidation('b', new Date(Date.now() + 60_000));
  for (let i = 0; i < 1000 && removed.length === 0; i++) await pause(5);
  expect(removed).toEqual(['a']);
});
