import { TiercelError } from '../errors.js';
import {
  BAD_ARGUMENT,
  BAD_HANDLE,
  BAD_OPTION,
  LIMIT,
  MAX_DEPTH,
  MAX_NAMES,
  MAX_TAGS,
  NO_MEMORY,
} from '../generated/abi.js';

export function keyTooLong(name: string, bytes: number, most: number): TiercelError {
  return new TiercelError(
    'ERR_TIERCEL_KEY_TOO_LONG',
    `${name}: has at least ${bytes} bytes as stored; accepted: at most ${most} (option maxKeyBytes). Hash long keys`,
  );
}

/**
 * The one place where a status becomes an error.
 * @param message gives the engine's last message, a JSON document
 */
export function errorOf(status: number, message: () => string): TiercelError {
  switch (status) {
    case NO_MEMORY:
    case 0:
      return new TiercelError(
        'ERR_TIERCEL_OUT_OF_MEMORY',
        'the engine got no memory for this, although it evicted entries: give it a lower maxBytes',
      );
    case LIMIT:
      return new TiercelError(
        'ERR_TIERCEL_LIMIT',
        `a limit was reached: ${MAX_TAGS} tags, ${MAX_NAMES} tags and dependencies of an entry, ${MAX_DEPTH} namespaces deep, or 2^20 namespaces and loads at a time`,
      );
    case BAD_HANDLE:
      // Namespaces were looked for again, so it is the engine that is gone: closed by a callback of this call.
      return new TiercelError('ERR_TIERCEL_CLOSED', 'the cache is closed: create a new one');
    case BAD_OPTION:
      return new TiercelError('ERR_TIERCEL_INVALID_OPTION', faultOf(message));
    case BAD_ARGUMENT:
      return new TiercelError('ERR_TIERCEL_INVALID_ARGUMENT', `the engine refused an argument: ${faultOf(message)}`);
    default:
      return new TiercelError(
        'ERR_TIERCEL_ENGINE_FAILED',
        `the engine answered with status ${status}: please report this`,
      );
  }
}

function faultOf(message: () => string): string {
  return (JSON.parse(message()) as { message: string }).message;
}
