import type { Milliseconds } from '../duration.js';
import type { EngineChoice } from '../engine/platform.js';
import { MAX_SHARDS } from '../engine/sharding.js';
import { invalidOption, TiercelError } from '../errors.js';
import { MAX_NAMES, MAX_TAGS } from '../generated/abi.js';
import {
  callback,
  duration,
  flag,
  integer,
  number,
  oneOf,
  type Reader,
  type Readers,
  read,
  size,
  text,
} from './readers.js';
import { type ReadTtlContext, type ReadTtlRules, readTtlContext, readTtlRules } from './ttl-rules.js';
import type { GetOrSetOptions, MemoryCacheOptions, Serializer, SetOptions, TtlContext, TtlRules } from './types.js';
import type { Note } from './values.js';

/** Tags of an entry, keys that it depends on, or the arguments of a call that takes tags. */
export function readTags(value: unknown, name: string, invalid = invalidOption, most = MAX_TAGS): readonly string[] {
  if (!Array.isArray(value)) throw invalid(name, value, `an array of at most ${most} strings`);
  for (let i = 0; i < value.length; i++) {
    if (typeof value[i] !== 'string') throw invalid(`${name}[${i}]`, value[i], 'a string');
  }
  return value as string[];
}

// ---- Options of a cache

const MAX_ENTRIES = 2 ** 31 - 1;
/** That of the core, where it has to be divided. */
const DEFAULT_ENTRIES = 10_000;
const LONGEST_NAME = 256;

const CACHE_READERS: Readers<MemoryCacheOptions<unknown>> = {
  maxEntries: integer(0, MAX_ENTRIES),
  maxBytes: size,
  policy: oneOf('adaptive', 'lru', 'sieve', 's3fifo'),
  values: oneOf('reference', 'bytes'),
  serializer: (value, name) => {
    const { serialize, deserialize } = (
      typeof value === 'object' && value !== null ? value : {}
    ) as Partial<Serializer>;
    if (typeof serialize === 'function' && typeof deserialize === 'function') return value as Serializer;
    throw invalidOption(name, value, 'an object with functions serialize and deserialize');
  },
  ttl: duration,
  stale: duration,
  jitter: number(0, 1),
  ttlRules: readTtlRules as Reader<TtlRules>,
  engine: oneOf<EngineChoice>('auto', 'native', 'wasm'),
  sizeOf: callback('a function of value and key that returns a number of bytes'),
  maxKeyBytes: integer(1, 2 ** 20),
  seed: (value, name) => {
    if (value instanceof Uint8Array && value.length === 16) return value.slice();
    throw invalidOption(name, value, 'a Uint8Array of 16 bytes');
  },
  now: callback('a function that returns milliseconds of a monotonic clock'),
  shared: (value, name) => {
    if (typeof value === 'string' && value !== '' && value.length <= LONGEST_NAME) return value;
    throw invalidOption(name, value, `a string of 1 to ${LONGEST_NAME} characters`);
  },
  shards: (value, name) => {
    const isPower = typeof value === 'number' && Number.isInteger(value) && (value & (value - 1)) === 0;
    if (isPower && value >= 1 && value <= MAX_SHARDS) return value;
    throw invalidOption(name, value, `a power of two from 1 to ${MAX_SHARDS}`);
  },
};

export type ReadCacheOptions<V> = Partial<Omit<MemoryCacheOptions<V>, 'ttl' | 'stale' | 'maxBytes' | 'ttlRules'>> & {
  ttl?: Milliseconds;
  ttlRules?: ReadTtlRules;
  stale?: Milliseconds;
  maxBytes?: number;
};

/** Reads the options of a cache, and refuses those that do not go together. */
export function readCacheOptions<V>(options: unknown): ReadCacheOptions<V> {
  const result = read<MemoryCacheOptions<unknown>>(options, CACHE_READERS, 'options') as ReadCacheOptions<V>;
  refuseUnbounded(result.maxEntries, result.maxBytes);
  if (result.shared !== undefined) readShared(result);
  else if (result.shards !== undefined)
    throw new TiercelError('ERR_TIERCEL_INVALID_OPTION', 'shards: only with shared; other caches have one thread');
  const isBytes = result.values === 'bytes';
  if (result.serializer !== undefined && !isBytes) {
    throw new TiercelError(
      'ERR_TIERCEL_INVALID_OPTION',
      'serializer: only with values: "bytes"; in reference mode nothing is serialised',
    );
  }
  if (result.sizeOf !== undefined && isBytes) {
    throw new TiercelError(
      'ERR_TIERCEL_INVALID_OPTION',
      'sizeOf: only with values: "reference"; in bytes mode sizes are measured',
    );
  }
  return result;
}

/** Fills in what a shared cache has by default. */
function readShared<V>(options: ReadCacheOptions<V>): void {
  if (options.values === 'reference') {
    throw new TiercelError(
      'ERR_TIERCEL_INVALID_OPTION',
      'values: got "reference"; accepted with shared: "bytes", as threads have no objects in common',
    );
  }
  options.values = 'bytes';
  options.maxEntries ??= options.maxBytes ? 0 : DEFAULT_ENTRIES;
  options.maxBytes ??= 0;
  for (const name of ['maxEntries', 'maxBytes'] as const) {
    const bound = options[name];
    if (options.shards === undefined || bound === undefined || bound === 0 || bound >= options.shards) continue;
    throw invalidOption(name, bound, `at least as many as there are shards, ${options.shards}`);
  }
}

const RESIZE_READERS: Readers<Pick<MemoryCacheOptions, 'maxEntries' | 'maxBytes'>> = {
  maxEntries: CACHE_READERS.maxEntries,
  maxBytes: CACHE_READERS.maxBytes,
};

export function readResizeOptions(options: unknown): { maxEntries?: number; maxBytes?: number } {
  return read(options, RESIZE_READERS, 'bounds') as { maxEntries?: number; maxBytes?: number };
}

/** At least one bound must hold. */
export function refuseUnbounded(maxEntries: number | undefined, maxBytes: number | undefined): void {
  if ((maxEntries === 0 && !maxBytes) || (maxBytes === 0 && maxEntries === 0)) {
    throw new TiercelError(
      'ERR_TIERCEL_INVALID_OPTION',
      'maxEntries: got 0 without maxBytes; accepted: at least one of the two bounds more than 0',
    );
  }
}

// ---- Options of an entry

export const SET_READERS: Readers<SetOptions> = {
  ttl: duration,
  stale: duration,
  tags: (value, name) => readTags(value, name),
  dependsOn: (value, name) => readTags(value, name, invalidOption, MAX_NAMES),
  weight: number(0, Number.MAX_SAFE_INTEGER, ' of bytes'),
  pinned: flag,
  contentType: text,
  context: readTtlContext as Reader<TtlContext>,
};

export interface ReadSetOptions {
  ttl?: Milliseconds;
  stale?: Milliseconds;
  tags?: readonly string[];
  dependsOn?: readonly string[];
  weight?: number;
  pinned?: boolean;
  contentType?: string;
  context?: ReadTtlContext;
  /** No option, but what a load learned of the value. */
  note?: Note;
}

export function readSetOptions(options: unknown): ReadSetOptions {
  return refuseLoneContext(read(options, SET_READERS, 'options') as ReadSetOptions);
}

/** What is known of a value says nothing without what kind of value it is. */
export function refuseLoneContext<T extends ReadSetOptions>(options: T): T {
  if (options.context === undefined || options.contentType !== undefined) return options;
  throw new TiercelError('ERR_TIERCEL_INVALID_OPTION', 'context: only with contentType, whose rule it goes with');
}

export const GET_OR_SET_READERS: Readers<GetOrSetOptions> = {
  ...SET_READERS,
  forceRefresh: flag,
  signal: (value, name) => {
    // By shape: signals of another realm are no instances of this one's class.
    if (typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value)
      return value as AbortSignal;
    throw invalidOption(name, value, 'an AbortSignal');
  },
  waitTimeout: duration,
  waitUntil: callback('a function that takes a promise'),
};

export interface ReadGetOrSetOptions extends ReadSetOptions {
  forceRefresh?: boolean;
  signal?: AbortSignal;
  waitTimeout?: Milliseconds;
  waitUntil?: (load: Promise<void>) => void;
}

export function readGetOrSetOptions(options: unknown): ReadGetOrSetOptions {
  return refuseLoneContext(read(options, GET_OR_SET_READERS, 'options') as ReadGetOrSetOptions);
}
