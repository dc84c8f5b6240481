import { prefix } from '../frames/prefix.js';
import { integer, positiveDuration } from '../memory/readers.js';

/** What all that talks to Redis can be told. */
export const COMMAND_READERS = { prefix, timeout: positiveDuration, maxInFlight: integer(1, 2 ** 20) };
