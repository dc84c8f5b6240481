import { invalidOption } from '../errors.js';
import { integer, positiveDuration, type Reader } from '../memory/readers.js';

const prefix: Reader<string> = (value, name) => {
  if (typeof value === 'string' && /^[\w.:/-]{1,128}$/.test(value)) return value;
  throw invalidOption(name, value, '1 to 128 characters out of A-Z a-z 0-9 _ . : / -');
};

/** What all that talks to Redis can be told. */
export const COMMAND_READERS = { prefix, timeout: positiveDuration, maxInFlight: integer(1, 2 ** 20) };
