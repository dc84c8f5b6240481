import type { CacheEvents, MemoryCache, MemoryCacheOptions } from 'tiercel';
import { openCache } from './support/cache.js';
import { FakeClock } from './support/clock.js';
import { settled } from './support/deferred.js';
import { forEachSeed } from './support/random.js';

type EventName = keyof CacheEvents<unknown>;
const names: EventName[] = ['hit', 'miss', 'set', 'remove', 'expire', 'evict', 'clear'];

/** Every event from now on, in order: its name and payload. */
function record<V>(cache: MemoryCache<V>): [EventName, CacheEvents<V>[EventName]][] {
  const seen: [EventName, CacheEvents<V>[EventName]][] = [];
  for (const name of names) cache.on(name, (payload) => seen.push([name, payload]));
  return seen;
}

describe.each(['reference', 'bytes'] as const)('with values by %s', (values) => {
  const open = (options: MemoryCacheOptions<string> = {}) => {
    const clock = new FakeClock();
    const cache = openCache<string>({ values, now: clock.now, ...options });
    return { cache, clock, events: record(cache) };
  };

  test('set is told for each value stored, by set, setMany and loads', async () => {
    const { cache, events } = open();
    cache.set('a', '1');
    cache.setMany([
      ['b', '2'],
      ['c', '3'],
    ]);
    await cache.getOrSet('d', () => '4');
    expect(events.filter(([name]) => name === 'set')).toEqual([
      ['set', { key: 'a', value: '1' }],
      ['set', { key: 'b', value: '2' }],
      ['set', { key: 'c', value: '3' }],
      ['set', { key: 'd', value: '4' }],
    ]);
  });

  test('hit and miss are told for each read that counts', async () => {
    const { cache, clock, events } = open();
    cache.set('a', '1', { ttl: 10, stale: 10 });
    events.length = 0;
    cache.get('a');
    cache.get('b');
    cache.getMany(['a', 'b']);
    cache.peek('a');
    cache.has('b');
    await cache.getOrSet('a', () => '2');
    clock.advance(15);
    cache.getEntry('a');
    cache.getEntry('c');
    expect(events).toEqual([
      ['hit', { key: 'a', stale: false }],
      ['miss', { key: 'b' }],
      ['hit', { key: 'a', stale: false }],
      ['miss', { key: 'b' }],
      ['hit', { key: 'a', stale: false }],
      ['hit', { key: 'a', stale: true }],
      ['miss', { key: 'c' }],
    ]);
  });

  test('remove is told with cause explicit for delete', () => {
    const { cache, events } = open();
    cache.set('a', '1');
    events.length = 0;
    cache.delete('a');
    cache.delete('a');
    expect(events).toEqual([['remove', { key: 'a', value: '1', cause: 'explicit' }]]);
  });

  test('remove is told with cause replaced, and the value that was, for set', () => {
    const { cache, events } = open();
    cache.set('a', 'old');
    events.length = 0;
    cache.set('a', 'new');
    expect(events).toHaveLength(2);
    expect(events).toContainEqual(['remove', { key: 'a', value: 'old', cause: 'replaced' }]);
    expect(events).toContainEqual(['set', { key: 'a', value: 'new' }]);
  });

  test('remove and expire are told when an expired entry is reclaimed', () => {
    const { cache, clock, events } = open();
    cache.set('a', '1', { ttl: 10 });
    clock.advance(10);
    events.length = 0;
    cache.get('a');
    expect(events).toHaveLength(3);
    expect(events).toContainEqual(['miss', { key: 'a' }]);
    expect(events).toContainEqual(['remove', { key: 'a', value: '1', cause: 'expired' }]);
    expect(events).toContainEqual(['expire', { key: 'a', value: '1', cause: 'expired' }]);
  });

  test('remove and evict are told with cause size when a bound is reached', () => {
    const { cache, events } = open({ maxEntries: 1 });
    cache.set('a', '1');
    events.length = 0;
    cache.set('b', '2');
    expect(events).toHaveLength(3);
    expect(events).toContainEqual(['set', { key: 'b', value: '2' }]);
    expect(events).toContainEqual(['remove', { key: 'a', value: '1', cause: 'size' }]);
    expect(events).toContainEqual(['evict', { key: 'a', value: '1', cause: 'size' }]);
  });

  test('remove is told with cause tag for each entry of an invalidated tag', () => {
    const { cache, events } = open();
    cache.set('a', '1', { tags: ['t'] });
    cache.set('b', '2', { tags: ['t', 'u'] });
    cache.set('c', '3');
    events.length = 0;
    cache.invalidateTags('t', 'u');
    expect(events).toHaveLength(2);
    expect(events).toContainEqual(['remove', { key: 'a', value: '1', cause: 'tag' }]);
    expect(events).toContainEqual(['remove', { key: 'b', value: '2', cause: 'tag' }]);
  });

  test('clear is told with its count, and remove with cause clear for each entry', () => {
    const { cache, events } = open();
    cache.set('a', '1');
    cache.set('b', '2');
    events.length = 0;
    cache.clear();
    expect(events).toHaveLength(3);
    expect(events).toContainEqual(['clear', { count: 2 }]);
    expect(events).toContainEqual(['remove', { key: 'a', value: '1', cause: 'clear' }]);
    expect(events).toContainEqual(['remove', { key: 'b', value: '2', cause: 'clear' }]);
  });

  test('remove is told of the old value where the new one is rejected for its size', () => {
    const { cache, events } = open({ maxBytes: 5000 });
    cache.set('a', 'old');
    events.length = 0;
    expect(cache.set('a', 'x'.repeat(6000), values === 'reference' ? { weight: 6000 } : {})).toBe(false);
    expect(events).toEqual([['remove', { key: 'a', value: 'old', cause: 'replaced' }]]);
  });

  test('each removal is told once, with its right cause and value, in any sequence of calls', () => {
    forEachSeed(60, (random) => {
      const { cache, clock, events } = open({ maxEntries: 6 });
      const causes = new Map<string, string>();
      const told: string[] = [];
      for (let step = 0; step < 300; step++) {
        const key = `k${random.below(10)}`;
        const action = random.below(12);
        const before = new Map([...cache.keys()].map((held) => [held, cache.peek(held)]));
        events.length = 0;
        if (action < 6) cache.set(key, `${key}@${step}`, { ttl: random.pick([0, 5, 50]), tags: [`t${step % 3}`] });
        else if (action === 6) cache.delete(key);
        else if (action === 7) cache.invalidateTags(`t${random.below(3)}`);
        else if (action === 8 && random.chance(0.3)) cache.clear();
        else if (action === 9) clock.advance(random.below(10));
        else cache.get(key);
        const removed = events.filter(([name]) => name === 'remove').map(([, payload]) => payload);
        for (const { key: gone, value, cause } of removed as CacheEvents<string>['remove'][]) {
          if (!value.startsWith(`${gone}@`)) throw new Error(`${gone} left with the value ${value}`);
          const held = before.get(gone);
          if (cause !== 'expired' && held !== value) throw new Error(`${value} left as ${cause}, ${held} was there`);
          if (causes.has(value)) throw new Error(`${value} left as ${causes.get(value)}, and again as ${cause}`);
          causes.set(value, cause);
          told.push(cause);
        }
      }
      const { removals } = cache.stats();
      const counted = Object.fromEntries(Object.keys(removals).map((c) => [c, told.filter((t) => t === c).length]));
      expect(counted).toEqual(removals);
    });
  });
});

describe('a listener', () => {
  test('is called no more once it has unsubscribed, in its own call too', () => {
    const cache = openCache<number>();
    const calls: string[] = [];
    const offs = ['first', 'second', 'third'].map((name) =>
      cache.on('set', () => {
        calls.push(name);
        if (name === 'second') for (const off of offs) off();
      }),
    );
    cache.set('a', 1);
    cache.set('a', 2);
    expect(calls.slice(0, 2)).toEqual(['first', 'second']);
    expect(calls.length).toBeLessThanOrEqual(3);
    const { length } = calls;
    for (const off of offs) off();
    cache.set('a', 3);
    expect(calls).toHaveLength(length);
  });

  test('given twice is called twice, and each unsubscribes on its own', () => {
    const cache = openCache<number>();
    const listener = jest.fn();
    const off = cache.on('set', listener);
    cache.on('set', listener);
    cache.set('a', 1);
    expect(listener).toHaveBeenCalledTimes(2);
    off();
    off();
    cache.set('a', 1);
    expect(listener).toHaveBeenCalledTimes(3);
  });

  test('that subscribes others, or itself again, does not have them called for the same event', () => {
    const cache = openCache<number>();
    let calls = 0;
    const listener = (): void => {
      calls++;
      if (calls < 1_000) cache.on('set', listener);
    };
    cache.on('set', listener);
    cache.set('a', 1);
    expect(calls).toBe(1);
    cache.set('a', 2);
    expect(calls).toBe(3);
  });

  test('that throws disturbs neither the cache nor the others; its error is reported', async () => {
    const reported: unknown[] = [];
    const queue = jest.spyOn(globalThis, 'queueMicrotask').mockImplementation((job) => {
      try {
        job();
      } catch (error) {
        reported.push(error);
      }
    });
    const cache = openCache<number>({ maxEntries: 1 });
    const reason = new Error('listener');
    const others = jest.fn();
    for (const name of ['set', 'remove', 'hit', 'miss', 'evict', 'clear'] as const) {
      cache.on(name, () => {
        throw reason;
      });
      cache.on(name, others);
    }
    expect(cache.set('a', 1)).toBe(true);
    expect(cache.set('b', 2)).toBe(true);
    expect(cache.get('b')).toBe(2);
    expect(cache.get('a')).toBeUndefined();
    expect(await cache.getOrSet('c', () => 3)).toBe(3);
    expect(cache.clear()).toBe(1);
    await settled();
    queue.mockRestore();
    expect(others.mock.calls.length).toBeGreaterThanOrEqual(11);
    expect(reported).toHaveLength(others.mock.calls.length);
    expect(reported.every((error) => error === reason)).toBe(true);
  });

  test('may call the cache: the events of its calls are told too, each once', () => {
    const cache = openCache<number>({ maxEntries: 3 });
    const events = record(cache);
    cache.on('set', ({ key, value }) => {
      if (value > 0) cache.set(`${key}'`, value - 1);
    });
    cache.on('remove', ({ key }) => {
      cache.get(key);
      if (key.length < 3) cache.delete(`${key}'`);
    });
    expect(cache.set('a', 5)).toBe(true);
    expect(cache.size).toBe(3);
    expect(new Set(events.filter(([name]) => name === 'set').map(([, payload]) => JSON.stringify(payload))).size).toBe(
      6,
    );
    const removed = events.filter(([name]) => name === 'remove').length;
    expect(removed).toBe(Object.values(cache.stats().removals).reduce((a, b) => a + b));
  });

  test('of a removal sees the cache after it', () => {
    const cache = openCache<number>();
    const seen: boolean[] = [];
    cache.on('remove', ({ key }) => seen.push(cache.has(key)));
    cache.set('a', 1);
    cache.delete('a');
    cache.set('b', 1);
    cache.clear();
    expect(seen).toEqual([false, false]);
  });

  test('may clear the cache in the middle of a clear, and set what was removed again', () => {
    const cache = openCache<number>();
    for (let i = 0; i < 50; i++) cache.set(`k${i}`, i);
    let removals = 0;
    cache.on('remove', ({ key, value }) => {
      removals++;
      if (removals % 10 === 0 && removals < 100) cache.clear();
      else if (removals === 5) cache.set(key, value);
    });
    cache.clear();
    expect(removals).toBe(Object.values(cache.stats().removals).reduce((a, b) => a + b));
    expect(cache.stats().adds - removals).toBe(cache.size);
  });

  test('may close the cache, whatever the event', async () => {
    const uses: [EventName, (cache: MemoryCache<number>) => unknown][] = [
      ['set', (cache) => cache.set('b', 2)],
      ['hit', (cache) => cache.get('a')],
      ['miss', (cache) => cache.get('x')],
      ['remove', (cache) => cache.delete('a')],
      [
        'evict',
        (cache) =>
          cache.setMany([
            ['b', 2],
            ['c', 3],
          ]),
      ],
      ['clear', (cache) => cache.clear()],
      ['set', (cache) => cache.getOrSet('b', () => 2)],
    ];
    for (const [name, use] of uses) {
      const cache = openCache<number>({ maxEntries: 1 });
      cache.set('a', 1);
      cache.on(name, () => cache.close());
      try {
        await use(cache);
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_TIERCEL_CLOSED' });
      }
      expect(cache.closed).toBe(true);
    }
  });

  test('of a namespace is told of its own entries and of no others', () => {
    const cache = openCache<number>();
    const a = cache.namespace('a');
    const seen = record(a);
    const elsewhere = [[], ['b'], ['ab'], ['', 'a'], ['b', 'a'], ['a', 'b'], ['a', ''], ['a:'], ['a\0'], ['\u6161']];
    for (const parts of elsewhere) {
      const view = cache.namespace(...parts);
      view.set('k', 1);
      view.get('k');
      view.get('absent');
      view.delete('k');
      view.clear();
    }
    expect(seen).toEqual([]);
    a.set('own', 3);
    cache.namespace('a').get('own');
    expect(seen).toEqual([
      ['set', { key: 'own', value: 3 }],
      ['hit', { key: 'own', stale: false }],
    ]);
  });

  test('of a namespace is told of removals by others: eviction, a clear above', () => {
    const cache = openCache<number>({ maxEntries: 2, policy: 'lru' });
    const a = cache.namespace('a');
    const seen: unknown[] = [];
    a.on('remove', (payload) => seen.push(payload));
    a.set('k', 1);
    cache.set('x', 1);
    cache.set('y', 1);
    a.set('j', 2);
    cache.clear();
    expect(seen).toEqual([
      { key: 'k', value: 1, cause: 'size' },
      { key: 'j', value: 2, cause: 'clear' },
    ]);
  });

  test('in bytes mode gets a copy of its own', () => {
    const cache = openCache<{ n: number }>({ values: 'bytes' });
    const value = { n: 1 };
    cache.on('set', (payload) => {
      payload.value.n = 7;
    });
    cache.on('remove', (payload) => {
      payload.value.n++;
    });
    const seen: unknown[] = [];
    cache.on('remove', (payload) => seen.push(payload.value));
    cache.set('a', value);
    expect(cache.get('a')).toEqual({ n: 1 });
    cache.delete('a');
    expect(seen).toHaveLength(1);
  });
});
