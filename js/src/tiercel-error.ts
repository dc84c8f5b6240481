/** Each code stands for one thing that the caller can do something about; the message tells what. */
export type TiercelErrorCode =
  | 'ERR_TIERCEL_INVALID_ARGUMENT'
  | 'ERR_TIERCEL_INVALID_OPTION'
  | 'ERR_TIERCEL_UNKNOWN_OPTION'
  | 'ERR_TIERCEL_KEY_TOO_LONG'
  | 'ERR_TIERCEL_LIMIT'
  | 'ERR_TIERCEL_NO_LOADER'
  | 'ERR_TIERCEL_QUEUE_FULL'
  | 'ERR_TIERCEL_TIMEOUT'
  | 'ERR_TIERCEL_LOCKED'
  | 'ERR_TIERCEL_UNAVAILABLE'
  | 'ERR_TIERCEL_CLOCK'
  | 'ERR_TIERCEL_NOT_SERIALIZABLE'
  | 'ERR_TIERCEL_CORRUPT_VALUE'
  | 'ERR_TIERCEL_OUT_OF_MEMORY'
  | 'ERR_TIERCEL_CLOSED'
  | 'ERR_TIERCEL_SHARED_OPTIONS'
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
