import { TiercelError, type TiercelErrorCode } from '../errors.js';

/** What a loader threw, as far as JSON carries it from one thread to another. */
interface Thrown {
  /** Of an error. */
  name?: string;
  message?: string;
  stack?: string | undefined;
  code?: unknown;
  /** Whether it is one of ours. */
  isOwn?: boolean;
  /** Anything else. */
  value?: unknown;
}

/** The text for what was thrown: of an error its name, message, stack and `code`, else what JSON makes of it. */
export function textOf(thrown: unknown): string {
  try {
    if (!(thrown instanceof Error)) return JSON.stringify({ value: thrown });
    const { name, message, stack, code } = thrown as Error & { code?: unknown };
    const isOwn = thrown instanceof TiercelError;
    return JSON.stringify({
      name,
      message,
      stack,
      code: typeof code === 'number' ? code : code && String(code),
      isOwn,
    });
  } catch {
    return JSON.stringify({
      name: 'Error',
      message: 'the loader of another thread failed; what it threw cannot be told',
    });
  }
}

/** What was thrown, as well as it can be told: an error of the same name, or an equal value. */
export function errorFrom(text: string): unknown {
  const { name, message = '', stack, code, isOwn, value } = JSON.parse(text) as Thrown;
  if (name === undefined) return value;
  const error = isOwn ? new TiercelError(code as TiercelErrorCode, message) : new Error(message);
  if (name !== error.name) Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true });
  if (code !== undefined && !(error instanceof TiercelError)) Object.assign(error, { code });
  if (stack !== undefined) error.stack = stack;
  return error;
}
