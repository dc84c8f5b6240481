import type { Milliseconds } from '../duration.js';
import { invalidOption } from '../errors.js';
import { MemoryCache } from '../memory/memory-cache.js';
import {
  GET_OR_SET_READERS,
  type ReadGetOrSetOptions,
  type ReadSetOptions,
  refuseLoneContext,
  SET_READERS,
} from '../memory/options.js';
import {
  callback,
  duration,
  flag,
  integer,
  nested,
  number,
  oneOf,
  type Reader,
  type Readers,
  read,
  size,
  text,
} from '../memory/readers.js';
import type { MemoryCacheOptions } from '../memory/types.js';
import type { Bus } from './bus.js';
import type { RemoteTier } from './remote.js';
import type { CacheOptions, LoadOptions, LockOptions, Logger, PublishOptions, StoreOptions } from './types.js';

// ---- Options of calls

const STORE_READERS: Readers<StoreOptions> = { ...SET_READERS, grace: duration, jitter: number(0, 1) };

export interface ReadStoreOptions extends ReadSetOptions {
  grace?: Milliseconds;
  jitter?: number;
}

export function readStoreOptions(options: unknown): ReadStoreOptions {
  return refuseLoneContext(read(options, STORE_READERS, 'options') as ReadStoreOptions);
}

const LOAD_READERS: Readers<LoadOptions> = {
  ...STORE_READERS,
  ...GET_OR_SET_READERS,
  graceBackoff: duration,
  softTimeout: duration,
  hardTimeout: duration,
  abortOnTimeout: flag,
  eagerRefresh: number(0, 1),
  negativeTtl: duration,
  lock: oneOf('process', 'fleet'),
};

export interface ReadLoadOptions extends ReadStoreOptions, Omit<ReadGetOrSetOptions, keyof ReadSetOptions> {
  graceBackoff?: Milliseconds;
  softTimeout?: Milliseconds;
  hardTimeout?: Milliseconds;
  abortOnTimeout?: boolean;
  eagerRefresh?: number;
  negativeTtl?: Milliseconds;
  lock?: 'process' | 'fleet';
}

export function readLoadOptions(options: unknown): ReadLoadOptions {
  return refuseLoneContext(read(options, LOAD_READERS, 'options') as ReadLoadOptions);
}

const LOCK_READERS: Readers<LockOptions> = { ttl: duration, wait: duration, signal: GET_OR_SET_READERS.signal };

export function readLockOptions(options: unknown): { ttl?: Milliseconds; wait?: Milliseconds; signal?: AbortSignal } {
  const read_ = read(options, LOCK_READERS, 'options') as ReturnType<typeof readLockOptions>;
  if (read_.ttl === 0) throw invalidOption('ttl', 0, 'more than 0: a lock that nobody releases must end');
  return read_;
}

// ---- Options of a cache

/** Each cache reads each message. */
const MOST_PUBLISHED = 2 ** 20;

const { forceRefresh: _, signal: __, waitUntil: ___, ...DEFAULT_READERS } = LOAD_READERS;

/** An object with these methods. */
const withMethods =
  <T>(accepted: string, ...methods: string[]): Reader<T> =>
  (value, name) => {
    const has = (method: string) => typeof (value as Record<string, unknown>)[method] === 'function';
    if (typeof value === 'object' && value !== null && methods.every(has)) return value as T;
    throw invalidOption(name, value, accepted);
  };

const publishing = nested<PublishOptions>({
  maxBytes: (value, name) => {
    const bytes = size(value, name);
    if (bytes >= 1 && bytes <= MOST_PUBLISHED) return bytes;
    throw invalidOption(name, value, '1 byte to 1 MiB');
  },
  loads: flag,
});

const CACHE_READERS: Readers<CacheOptions> = {
  memory: (value, name) => {
    if (typeof value === 'object' && value !== null) return value as MemoryCacheOptions | MemoryCache;
    throw invalidOption(name, value, 'a MemoryCache, or options for one');
  },
  remote: withMethods<RemoteTier>('a RemoteTier: an object with read, write and change', 'read', 'write', 'change'),
  bus: withMethods<Bus>('a Bus: an object with open, publish and close', 'open', 'publish', 'close'),
  name: text,
  namespace: (value, name) => {
    if (Array.isArray(value) && value.every((part) => typeof part === 'string')) return [...(value as string[])];
    throw invalidOption(name, value, 'an array of strings');
  },
  defaults: nested(DEFAULT_READERS) as Reader<NonNullable<CacheOptions['defaults']>>,
  remoteTimeout: (value, name) => {
    const timeout = duration(value, name);
    if (timeout > 0) return timeout;
    throw invalidOption(name, value, 'more than 0: without a limit a second tier that hangs would hang the cache');
  },
  breaker: nested({ failures: integer(1, 1_000_000), reset: duration }),
  onDoubt: oneOf('flush', 'revalidate'),
  publishValue: (value, name) => {
    if (typeof value === 'boolean') return value;
    if (typeof value === 'object' && value !== null) return publishing(value, name) as PublishOptions;
    throw invalidOption(name, value, 'true, false or an object');
  },
  maxPending: integer(1, 2 ** 20),
  logger: withMethods<Logger>('an object with a function warn', 'warn'),
  now: callback('a function that returns milliseconds of a monotonic clock'),
};

export interface ReadTierOptions<V> {
  memory?: MemoryCacheOptions<V> | MemoryCache<V>;
  remote?: RemoteTier;
  bus?: Bus;
  name?: string;
  namespace?: readonly string[];
  defaults?: ReadLoadOptions;
  remoteTimeout?: Milliseconds;
  breaker?: { failures?: number; reset?: Milliseconds };
  onDoubt?: 'flush' | 'revalidate';
  publishValue?: boolean | { maxBytes?: number; loads?: boolean };
  maxPending?: number;
  logger?: Logger;
  now?: () => Milliseconds;
}

export function readTierOptions<V>(options: unknown): ReadTierOptions<V> {
  const result = read(options, CACHE_READERS, 'options') as ReadTierOptions<V>;
  if (result.defaults !== undefined) refuseLoneContext(result.defaults);
  return result;
}

export function isMemoryCache<V>(memory: MemoryCacheOptions<V> | MemoryCache<V> | undefined): memory is MemoryCache<V> {
  return memory instanceof MemoryCache;
}
