// What a second tier is told that remembers something for a cache that hears of changes, and when it is read through that.

import type { RemoteFollower, RemoteTier } from 'tiercel';
import { type Bus, type BusListener, type CacheOptions, type Change, MemoryCache, memoryRemote } from 'tiercel';
import { isShared } from './support/cache.js';
import { deferred, settled } from './support/deferred.js';
import { openTiers } from './support/tiers.js';

/** A bus that says what a test says. */
class SaidBus implements Bus {
  listener!: BusListener;
  readonly published: Change[] = [];
  keepsMemory = false;
  /** What a look at it finds out. */
  found: ((listener: BusListener) => void) | undefined;

  open(listener: BusListener): void {
    this.listener = listener;
  }

  async publish(changes: readonly Change[]): Promise<void> {
    this.published.push(...changes);
  }

  check(): void {
    const { found } = this;
    this.found = undefined;
    found?.(this.listener);
  }

  close(): void {
    // Nothing is open.
  }
}

/** A second tier that notes by which way it is read, and in what order it is told of things. */
function followed() {
  const inner = memoryRemote();
  const log: string[] = [];
  let hears!: () => boolean;
  const follower: RemoteFollower = {
    read: (reads, call) => {
      log.push('read by follower');
      return inner.read(reads, call);
    },
    changed: (changes) => void log.push(`changed ${changes.map(({ kind }) => kind).join()}`),
    forget: () => void log.push('forget'),
    health: () => ({ known: 7 }),
  };
  const tier: RemoteTier = {
    read: (reads, call) => {
      log.push('read');
      return inner.read(reads, call);
    },
    write: (writes, call) => {
      log.push('write');
      return inner.write(writes, call);
    },
    change: async (changes, call) => {
      log.push('change');
      return inner.change(changes, call);
    },
    health: () => ({ from: 'the tier' }),
    follow: (asked) => {
      hears = asked;
      return follower;
    },
  };
  return { inner, tier, log, hears: () => hears(), take: () => log.splice(0) };
}

async function opened(options: CacheOptions = {}) {
  const remote = followed();
  const bus = new SaidBus();
  const cache = await openTiers({ remote: remote.tier, bus, ...options });
  return { cache, bus, ...remote };
}

const NS = ['default'];
const tags: Change = { kind: 'tags', namespace: NS, tags: ['t'] };
/** Of caches whose memory threads share none hears all that others have heard. */
const BY = isShared ? 'read' : 'read by follower';

describe('a second tier that follows a cache', () => {
  test('is read through what follows as long as the cache hears of all changes', async () => {
    const { cache, bus, hears, take } = await opened();
    await cache.get('k');
    expect(take()).toEqual(['read']);
    bus.listener.live();
    expect(take()).toEqual(['forget']);
    await cache.get('k');
    await cache.getMany(['k', 'l']);
    await cache.getOrSet('k', () => 1);
    await cache.getOrSetMany(['l', 'm'], (keys) => new Map(keys.map((key) => [key, 1])));
    expect(take().filter((line) => line.startsWith('read'))).toEqual([BY, BY, BY, BY]);
    expect(hears()).toBe(!isShared);
    bus.listener.down('cut');
    expect(take()).toEqual(['forget']);
    expect(hears()).toBe(false);
    await cache.get('n');
    expect(take()).toEqual(['read']);
  });

  test('is told to forget at every doubt, and of a silence as soon as anybody reads', async () => {
    const { cache, bus, hears, take } = await opened({ onDoubt: 'revalidate' });
    bus.listener.live();
    bus.listener.missed('a gap');
    bus.listener.down('cut');
    bus.listener.down('for another reason');
    bus.listener.live();
    expect(take()).toEqual(Array(5).fill('forget'));
    bus.found = (listener) => listener.down('silence');
    await cache.get('k');
    expect(take()).toEqual(['forget', 'read']);
    bus.listener.live();
    bus.found = (listener) => listener.down('silence');
    expect(hears()).toBe(false);
  });

  test('is told of what others changed before anything else, and of what memory refuses to apply', async () => {
    const { bus, take } = await opened({ memory: { maxKeyBytes: 10 } });
    bus.listener.live();
    take();
    bus.listener.changed([tags, { kind: 'clear', namespace: NS }]);
    expect(take()).toEqual(['changed tags,clear']);
    bus.listener.changed([{ kind: 'delete', namespace: NS, key: 'x'.repeat(100) }]);
    expect(take()[0]).toBe('changed delete');
  });

  test('is told of own changes before the tier is, and once it knows', async () => {
    const { cache, bus, take } = await opened();
    bus.listener.live();
    for (const [change, told] of [
      [() => cache.invalidateTags('t'), 'tags'],
      [() => cache.invalidatePrefix('p'), 'prefix'],
      [() => cache.invalidatePattern('p*'), 'pattern'],
      [() => cache.namespace('n').clear(), 'clear'],
    ] as const) {
      take();
      await change();
      expect(take()).toEqual([`changed ${told}`, 'change', `changed ${told}`]);
    }
  });

  test('is told before of an own change that fails, and again when it is made up for', async () => {
    const { cache, bus, inner, take } = await opened();
    bus.listener.live();
    take();
    inner.fault = () => ({ error: new Error('down') });
    expect((await cache.invalidateTags('t')).pending).toBe(true);
    expect(take()).toEqual(['changed tags', 'change']);
    inner.fault = undefined;
    bus.listener.down('cut');
    bus.listener.live();
    await settled();
    expect(take()).toEqual(['forget', 'forget', 'change', 'changed tags']);
  });

  test('is not read through what follows by one of several caches that have one memory', async () => {
    const memory = MemoryCache.createSync();
    const { cache, bus, hears, take } = await opened({ memory });
    bus.listener.live();
    const other = await openTiers({ memory });
    take();
    await cache.get('k');
    expect(take()).toEqual(['read']);
    expect(hears()).toBe(false);
    await other.close();
    await cache.get('k');
    expect(take()).toEqual(['read by follower']);
  });

  test('is not read through what follows if the bus applies changes by itself', async () => {
    const { cache, bus, hears, take } = await opened();
    bus.keepsMemory = true;
    bus.listener.live();
    take();
    await cache.get('k');
    expect(take()).toEqual(['read']);
    expect(hears()).toBe(false);
  });

  test('follows no cache without a bus', async () => {
    const { tier, take } = followed();
    const cache = await openTiers({ remote: { ...tier, follow: () => expect(true).toBe(false) as never } });
    await cache.get('k');
    expect(take()).toEqual(['read']);
  });

  test('may have nothing that follows', async () => {
    const { tier, take } = followed();
    const bus = new SaidBus();
    const cache = await openTiers({ remote: { ...tier, follow: () => undefined }, bus });
    bus.listener.live();
    bus.listener.changed([tags]);
    bus.listener.missed('a gap');
    await cache.invalidateTags('t');
    await cache.get('k');
    expect(take()).toEqual(['change', 'read']);
    expect(cache.health().remote?.details).toEqual({ from: 'the tier' });
  });

  test('has what follows tell of itself as well', async () => {
    const { cache } = await opened();
    expect(cache.health().remote?.details).toEqual({ from: 'the tier', known: 7 });
  });

  test('a value that comes after a change was heard of is not kept', async () => {
    const { cache, bus, inner } = await opened();
    bus.listener.live();
    await cache.set('k', 'old', { tags: ['t'] });
    cache.memory.delete('k');
    const answer = deferred<void>();
    inner.fault = (operation) => (operation === 'read' ? { after: answer.promise } : undefined);
    const reading = cache.get('k');
    await settled();
    bus.listener.changed([tags]);
    answer.resolve();
    await reading;
    expect(cache.memory.get('k')).toBeUndefined();
  });
});
