import { type Duration, type Milliseconds, toBytes, toMilliseconds } from '../duration.js';
import { describe, invalidArgument, invalidOption, TiercelError } from '../errors.js';

/** Reads one option: returns it in the form it is used in, or throws. Not called for `undefined`. */
export type Reader<T> = (value: unknown, name: string) => T;
export type Readers<T> = { [name in keyof T]-?: Reader<T[name]> };

/**
 * Reads an options object by a table of readers. Names that are not in the table are errors.
 * @param what the argument's name, for messages
 * @param prefix what stands before the names of the options, for messages
 */
export function read<T extends object>(options: unknown, readers: Readers<T>, what: string, prefix = ''): Partial<T> {
  if (options === undefined) return {};
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw invalidArgument(what, options, 'an object');
  const result: Partial<T> = {};
  try {
    for (const name of Object.keys(options)) {
      if (!Object.hasOwn(readers, name)) throw unknownOption(name, Object.keys(readers), what);
      const value = (options as Record<string, unknown>)[name];
      const key = name as keyof T;
      if (value !== undefined) result[key] = readers[key](value, prefix + name);
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
export function distance(from: string, to: string): number {
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

export const asOption =
  <T>(parse: (value: unknown, name: string) => T): Reader<T> =>
  (value, name) => {
    try {
      return parse(value, name);
    } catch (e) {
      if (e instanceof TiercelError) throw new TiercelError('ERR_TIERCEL_INVALID_OPTION', e.message);
      throw e;
    }
  };

export const duration = asOption(toMilliseconds);
export const size = asOption(toBytes);

export const integer =
  (least: number, most: number): Reader<number> =>
  (value, name) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
    throw invalidOption(name, value, `a whole number from ${least} to ${most}`);
  };

export const oneOf =
  <T extends string>(...choices: T[]): Reader<T> =>
  (value, name) => {
    if (choices.includes(value as T)) return value as T;
    throw invalidOption(name, value, choices.map((choice) => `"${choice}"`).join(', '));
  };

export const callback =
  <T>(accepted: string): Reader<T> =>
  (value, name) => {
    if (typeof value === 'function') return value as T;
    throw invalidOption(name, value, accepted);
  };

export const flag: Reader<boolean> = (value, name) => {
  if (typeof value === 'boolean') return value;
  throw invalidOption(name, value, 'true or false');
};

/** Reads an option that is itself an object of options. */
export const nested =
  <T extends object>(readers: Readers<T>): Reader<Partial<T>> =>
  (value, name) => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return read(value, readers, name, `${name}.`);
    throw invalidOption(name, value, 'an object');
  };

export const text: Reader<string> = (value, name) => {
  if (typeof value === 'string') return value;
  throw invalidOption(name, value, 'a string');
};

/** A number from `least` to `most`, both included. */
export const number =
  (least: number, most: number, unit = ''): Reader<number> =>
  (value, name) => {
    if (typeof value === 'number' && value >= least && value <= most) return value;
    const limit = most === Number.MAX_SAFE_INTEGER ? '2^53 - 1' : most;
    throw invalidOption(name, value, `a number${unit} from ${least} to ${limit}`);
  };

/** A duration of which 0 would mean nothing that anybody wants. */
export const positiveDuration: Reader<Milliseconds> = (value, name) => {
  const ms = duration(value, name);
  if (ms > 0) return ms;
  throw invalidOption(name, value, 'a duration of more than 0');
};

/** Options as they were read: durations are milliseconds. */
export type Read<T> = { [name in keyof T]: Duration extends NonNullable<T[name]> ? Milliseconds : T[name] };

/** As {@link read}, of an object that must have some of the options. */
export function readRequiring<T extends object, R extends keyof T & string>(
  options: unknown,
  readers: Readers<T>,
  required: readonly R[],
  what = 'options',
  prefix = '',
): Partial<T> & Pick<T, R> {
  const result = read(options, readers, what, prefix);
  for (const name of required) {
    // Says what would be accepted.
    if (result[name] === undefined) result[name] = readers[name](undefined, prefix + name);
  }
  return result as Partial<T> & Pick<T, R>;
}

/** Options that are handed on as they are, to one that reads them. */
export const handedOn: Reader<never> = (value, name) => {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as never;
  throw invalidOption(name, value, 'an object');
};
