import { invalidArgument } from './errors.js';

export type Milliseconds = number;

/** Milliseconds, or a number and a unit: `'500ms' '30s' '5m' '2h' '1d'`. */
export type Duration = Milliseconds | string;

const UNITS: Readonly<Record<string, Milliseconds>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZES: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 };

const DURATION = 'a number of milliseconds from 0 to 2^53 - 1, or a string such as "500ms", "30s", "5m", "2h" or "1d"';
const SIZE = 'a whole number of bytes from 0 to 2^53 - 1, or a string such as "512kb", "64mb" or "2gb"';

/**
 * Milliseconds of a {@link Duration}. Infinity is 0, "none", as everywhere in Tiercel.
 * @throws TiercelError `ERR_TIERCEL_INVALID_ARGUMENT` naming `name`.
 */
export function toMilliseconds(value: unknown, name: string): Milliseconds {
  if (value === Number.POSITIVE_INFINITY) return 0;
  return parse(value, name, UNITS, DURATION);
}

/**
 * Bytes of a {@link Size}, a whole number.
 * @throws TiercelError `ERR_TIERCEL_INVALID_ARGUMENT` naming `name`.
 */
export function toBytes(value: unknown, name: string): number {
  const bytes = parse(value, name, SIZES, SIZE);
  if (!Number.isInteger(bytes)) throw invalidArgument(name, value, SIZE);
  return bytes;
}

function parse(value: unknown, name: string, units: Readonly<Record<string, number>>, accepted: string): number {
  let result = Number.NaN;
  if (typeof value === 'number') result = value;
  else if (typeof value === 'string') {
    // Capped so that a hostile string costs nothing; the pattern has no nested repetition.
    const match = value.length <= 32 ? /^(\d+(?:\.\d+)?) ?([a-z]{1,2})$/i.exec(value) : null;
    const unit = match?.[2]?.toLowerCase();
    if (match && unit !== undefined && Object.hasOwn(units, unit)) result = Number(match[1]) * (units[unit] as number);
  }
  if (!(result >= 0 && result <= Number.MAX_SAFE_INTEGER)) throw invalidArgument(name, value, accepted);
  return result;
}
