import { TiercelError } from 'tiercel';

/** What `action` throws. Fails if it returns. */
export function thrownBy(action: () => unknown): unknown {
  let result: unknown;
  try {
    result = action();
  } catch (error) {
    return error;
  }
  throw new Error(`Expected an error; it returned ${typeof result}.`);
}

/** What `action` throws or rejects with. Fails if it returns or fulfils. */
export async function failureOf(action: () => unknown): Promise<unknown> {
  try {
    await action();
  } catch (error) {
    return error;
  }
  throw new Error('Expected an error; it went through.');
}

/** Checks the type, code and text of an error, and returns it. */
export function expectTiercelError(error: unknown, code: string, message?: RegExp): TiercelError {
  if (!(error instanceof TiercelError)) {
    throw new Error(`Expected a TiercelError ${code}, not ${String(error)}.`, { cause: error });
  }
  expect(error).toBeInstanceOf(Error);
  expect(error.name).toBe('TiercelError');
  expect(error.code).toBe(code);
  if (message) expect(error.message).toMatch(message);
  return error;
}

export function expectThrow(action: () => unknown, code: string, message?: RegExp): TiercelError {
  return expectTiercelError(thrownBy(action), code, message);
}

export async function expectFailure(action: () => unknown, code: string, message?: RegExp): Promise<TiercelError> {
  return expectTiercelError(await failureOf(action), code, message);
}
