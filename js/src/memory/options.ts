import { type Milliseconds, toBytes, toMilliseconds } from '../duration.js';
import type { EngineChoice } from '../engine/platform.js';
import { describe, invalidArgument, invalidOption, TiercelError } from '../errors.js';
import { MAX_TAGS } from '../generated/abi.js';
import type { GetOrSetOptions, MemoryCacheOptions, Serializer, SetOptions } from './types.js';

/** Reads one option: returns it in the form it is used in, or throws. Not called for `undefined`. */
type Reader<T> = (value: unknown, name: string) => T;
type Readers<T> = { [name in keyof T]-?: Reader<T[name]> };

/**
 * Reads an options object by a table of readers. Names that are not in the table are errors.
 * @param what the argument's name, for messages
 */
function read<T extends object>(options: unknown, readers: Readers<T>, what: string): Partial<T> {
  if (options === undefined) return {};
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw invalidArgument(what, options, 'an object');
  const result: Partial<T> = {};
  try {
    for (const name of Object.keys(options)) {
      if (!Object.hasOwn(readers, name)) throw unknownOption(name, Object.keys(readers), what);
      const value = (options as Record<string, unknown>)[name];
      const key = name as keyof T;
      if (value !== undefined) result[key] = readers[key](value, name);
    }
  } catch (cause) {
    if (cause instanceof TiercelError) throw cause;
    throw new TiercelError('ERR_TIERCEL_INVALID_OPTION', `${what}: could not be read`, { cause });
  }
  return result;
}

function unknownOption(name: string, known: readonly string[], what: string): TiercelError {
  const nearest = known.reduce((best, candidate) =>
    distance(name, candidate) < distance(name, best) ? candidate : best,
  );
  return new TiercelError(
    'ERR_TIERCEL_UNKNOWN_OPTION',
    `${what}: there is no option ${describe(name)}; did you mean "${nearest}"? Accepted: ${known.join(', ')}`,
  );
}

/** Insertions, deletions and replacements that make one name of the other, in lower case. */
function distance(from: string, to: string): number {
  const a = from.slice(0, 32).toLowerCase();
  const b = to.toLowerCase();
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

// ---- Readers

const asOption =
  <T>(parse: (value: unknown, name: string) => T): Reader<T> =>
  (value, name) => {
    try {
      return parse(value, name);
    } catch (e) {
      if (e instanceof TiercelError) throw new TiercelError('ERR_TIERCEL_INVALID_OPTION', e.message);
      throw e;
    }
  };

const duration = asOption(toMilliseconds);
const size = asOption(toBytes);

const integer =
  (least: number, most: number): Reader<number> =>
  (value, name) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
    throw invalidOption(name, value, `a whole number from ${least} to ${most}`);
  };

const oneOf =
  <T extends string>(...choices: T[]): Reader<T> =>
  (value, name) => {
    if (choices.includes(value as T)) return value as T;
    throw invalidOption(name, value, choices.map((choice) => `"${choice}"`).join(', '));
  };

const callback =
  <T>(accepted: string): Reader<T> =>
  (value, name) => {
    if (typeof value === 'function') return value as T;
    throw invalidOption(name, value, accepted);
  };

const flag: Reader<boolean> = (value, name) => {
  if (typeof value === 'boolean') return value;
  throw invalidOption(name, value, 'true or false');
};

const weight: Reader<number> = (value, name) => {
  if (typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER) return value;
  throw invalidOption(name, value, 'a number of bytes from 0 to 2^53 - 1');
};

/** Tags of an entry, or the arguments of `invalidateTags`. */
export function readTags(value: unknown, name: string, invalid = invalidOption): readonly string[] {
  if (!Array.isArray(value)) throw invalid(name, value, `an array of at most ${MAX_TAGS} strings`);
  for (let i = 0; i < value.length; i++) {
    if (typeof value[i] !== 'string') throw invalid(`${name}[${i}]`, value[i], 'a string');
  }
  return value as string[];
}

// ---- Options of a cache

const MAX_ENTRIES = 2 ** 31 - 1;

const CACHE_READERS: Readers<MemoryCacheOptions<unknown>> = {
  maxEntries: integer(0, MAX_ENTRIES),
  maxBytes: size,
  policy: oneOf('lru'),
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
  jitter: (value, name) => {
    if (typeof value === 'number' && value >= 0 && value <= 1) return value;
    throw invalidOption(name, value, 'a number from 0 to 1');
  },
  engine: oneOf<EngineChoice>('auto', 'native', 'wasm'),
  sizeOf: callback('a function of value and key that returns a number of bytes'),
  maxKeyBytes: integer(1, 2 ** 20),
  seed: (value, name) => {
    if (value instanceof Uint8Array && value.length === 16) return value.slice();
    throw invalidOption(name, value, 'a Uint8Array of 16 bytes');
  },
  now: callback('a function that returns milliseconds of a monotonic clock'),
};

export type ReadCacheOptions<V> = Partial<Omit<MemoryCacheOptions<V>, 'ttl' | 'stale' | 'maxBytes'>> & {
  ttl?: Milliseconds;
  stale?: Milliseconds;
  maxBytes?: number;
};

/** Reads the options of a cache, and refuses those that do not go together. */
export function readCacheOptions<V>(options: unknown): ReadCacheOptions<V> {
  const result = read<MemoryCacheOptions<unknown>>(options, CACHE_READERS, 'options') as ReadCacheOptions<V>;
  refuseUnbounded(result.maxEntries, result.maxBytes);
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

const SET_READERS: Readers<SetOptions> = {
  ttl: duration,
  stale: duration,
  tags: (value, name) => readTags(value, name),
  weight,
};

export interface ReadSetOptions {
  ttl?: Milliseconds;
  stale?: Milliseconds;
  tags?: readonly string[];
  weight?: number;
}

export function readSetOptions(options: unknown): ReadSetOptions {
  return read(options, SET_READERS, 'options') as ReadSetOptions;
}

const GET_OR_SET_READERS: Readers<GetOrSetOptions> = {
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
  return read(options, GET_OR_SET_READERS, 'options') as ReadGetOrSetOptions;
}
