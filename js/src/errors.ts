import { TiercelError } from './tiercel-error.js';

export { TiercelError, type TiercelErrorCode } from './tiercel-error.js';

export function invalidArgument(name: string, given: unknown, accepted: string): TiercelError {
  return new TiercelError('ERR_TIERCEL_INVALID_ARGUMENT', `${name}: got ${describe(given)}; accepted: ${accepted}`);
}

export function invalidOption(name: string, given: unknown, accepted: string): TiercelError {
  return new TiercelError('ERR_TIERCEL_INVALID_OPTION', `${name}: got ${describe(given)}; accepted: ${accepted}`);
}

/** A callback given as an option returned what it must not. */
export function invalidReturn(name: string, returned: unknown, accepted: string): TiercelError {
  return new TiercelError(
    'ERR_TIERCEL_INVALID_OPTION',
    `${name}: returned ${describe(returned)}; accepted: ${accepted}`,
  );
}

/** A short text for any value, without running code of the value's. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > 48
        ? `${JSON.stringify(value.slice(0, 45))}… (${value.length} characters)`
        : JSON.stringify(value);
    case 'bigint':
      return `${value}n`;
    case 'function':
      return 'a function';
    case 'object':
      if (value === null) return 'null';
      try {
        return Array.isArray(value) ? 'an array' : 'an object';
      } catch {
        return 'a revoked proxy';
      }
    default:
      return String(value);
  }
}
