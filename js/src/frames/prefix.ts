import { invalidOption } from '../errors.js';
import type { Reader } from '../memory/readers.js';

/** What all names in a second tier begin with. */
export const prefix: Reader<string> = (value, name) => {
  if (typeof value === 'string' && /^[\w.:/-]{1,128}$/.test(value)) return value;
  throw invalidOption(name, value, '1 to 128 characters out of A-Z a-z 0-9 _ . : / -');
};
