/** Each code stands for one thing that the caller can do something about; the message tells what. */
export type TiercelErrorCode =
  | 'ERR_TIERCEL_INVALID_ARGUMENT'
  | 'ERR_TIERCEL_INVALID_OPTION'
  | 'ERR_TIERCEL_UNKNOWN_OPTION'
  | 'ERR_TIERCEL_KEY_TOO_LONG'
  | 'ERR_TIERCEL_LIMIT'
  | 'ERR_TIERCEL_NOT_SERIALIZABLE'
  | 'ERR_TIERCEL_CORRUPT_VALUE'
  | 'ERR_TIERCEL_OUT_OF_MEMORY'
  | 'ERR_TIERCEL_CLOSED'
  | 'ERR_TIERCEL_ENGINE_UNAVAILABLE'
  | 'ERR_TIERCEL_ENGINE_FAILED';

/** Every error that Tiercel makes. Errors of loaders and listeners pass through as they are. */
export class TiercelError extends Error {
  readonly code: TiercelErrorCode;

  constructor(code: TiercelErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  // On the prototype, as for the built-in errors, and not the constructor's name, which minifiers change.
  override get name(): string {
    return 'TiercelError';
  }
}

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
