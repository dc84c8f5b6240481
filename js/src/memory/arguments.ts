import { invalidArgument } from '../errors.js';

export function asKey(key: unknown): string {
  if (typeof key !== 'string') throw invalidArgument('key', key, 'a string');
  return key;
}

export function refuseUndefined(value: unknown): void {
  if (value === undefined) throw invalidArgument('value', value, 'anything but undefined; use delete to remove a key');
}

export function listOf(items: unknown, name: string): unknown[] {
  let iterates = false;
  try {
    // A string would be taken for a list of characters, which nobody means.
    iterates = typeof items === 'object' && !(items instanceof String) && isIterable(items);
  } catch {
    // A revoked proxy, which is refused like all else that cannot be iterated.
  }
  if (!iterates) throw invalidArgument(name, items, 'an iterable, but no string');
  return [...(items as Iterable<unknown>)];
}

function isIterable(items: unknown): boolean {
  return typeof (items as Partial<Iterable<unknown>> | null)?.[Symbol.iterator] === 'function';
}

export function asPrefix(prefix: unknown): string {
  if (typeof prefix !== 'string') throw invalidArgument('prefix', prefix, 'a string');
  return prefix;
}

/** Of a pattern only that it is a string: the core knows the rest. */
export function asPattern(pattern: unknown): string {
  if (typeof pattern !== 'string') throw invalidArgument('pattern', pattern, 'a glob such as "user:*"');
  return pattern;
}

export function asFunction<F>(value: unknown, name: string): F {
  if (typeof value !== 'function') throw invalidArgument(name, value, 'a function');
  return value as F;
}

/** Milliseconds for {@link MemoryCache.sweep}: any number of them, or for ever. */
export function asBudget(budget: unknown): number {
  if (typeof budget === 'number' && budget >= 0) return budget;
  throw invalidArgument('budgetMs', budget, 'a number of milliseconds from 0');
}

/** Milliseconds since 1970 of a Date or such a number, as far as a Date goes. */
export function asInstant(at: unknown, name: string, invalid = invalidArgument): number {
  const instant = timeOf(at);
  if (typeof instant === 'number' && Math.abs(instant) <= 8.64e15) return instant;
  throw invalid(name, at, 'a Date, or milliseconds since 1970');
}

/** Of a Date of any realm; anything else as it is. */
function timeOf(at: unknown): unknown {
  try {
    return Date.prototype.getTime.call(at);
  } catch {
    return at;
  }
}

export function asSnapshot(bytes: unknown): Uint8Array {
  // A revoked proxy is no view, and throws if it is asked what it is.
  if (ArrayBuffer.isView(bytes) && bytes instanceof Uint8Array) return bytes;
  throw invalidArgument('bytes', bytes, 'a Uint8Array that snapshot returned');
}
