import { type CacheLike, type MemoryCache, type MemoryCacheOptions, memoryBus, memoryRemote } from 'tiercel';
import { openCache } from './cache.js';
import { openTiers } from './tiers.js';

/** A cache of some kind, and the memory behind it. */
export interface Opened {
  readonly cache: CacheLike;
  readonly memory: MemoryCache;
}

/** What building blocks must work on: a cache that answers at once, one that answers later, and one with all tiers. */
export const KINDS: readonly (readonly [string, (options?: MemoryCacheOptions) => Opened | Promise<Opened>])[] = [
  [
    'a synchronous cache',
    (options) => {
      const memory = openCache(options);
      return { cache: memory, memory };
    },
  ],
  [
    'an asynchronous cache',
    (options) => {
      const memory = openCache(options);
      return { cache: answeringLater(memory), memory };
    },
  ],
  [
    'a cache of two tiers',
    async (options) => {
      const memory = openCache(options);
      const clock = options?.now && { now: options.now };
      const cache = await openTiers({ memory, remote: memoryRemote(), bus: memoryBus().connect(), ...clock });
      return { cache, memory };
    },
  ],
];

/** A cache whose methods take effect, and are answered, some turns of the event loop after the call. */
function answeringLater(memory: MemoryCache): CacheLike {
  return new Proxy(memory, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (name === 'namespace') return (...parts: string[]) => answeringLater(target.namespace(...parts));
      if (typeof member !== 'function') return member;
      if (name === 'on') return member.bind(target) as unknown;
      return async (...args: unknown[]) => {
        await new Promise(setImmediate);
        return Reflect.apply(member, target, args) as unknown;
      };
    },
  }) as unknown as CacheLike;
}
