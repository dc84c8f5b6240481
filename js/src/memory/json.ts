import { TiercelError } from '../errors.js';

/** How deep JSON may be. */
export const DEEPEST = 1000;

/** JSON that reads back as an equal value; anything that JSON would drop or change in silence is refused. */
export function toJson(value: unknown): string {
  let lossy: string | undefined;
  try {
    lossy = lossyPath(value, 0);
    if (lossy === undefined) return JSON.stringify(value);
  } catch (cause) {
    throw new TiercelError('ERR_TIERCEL_NOT_SERIALIZABLE', 'value: cannot be written as JSON', { cause });
  }
  const path = lossy.length > 200 ? `${lossy.slice(0, 200)}…` : lossy;
  throw new TiercelError(
    'ERR_TIERCEL_NOT_SERIALIZABLE',
    `value${path}: cannot be kept as bytes; accepted: strings, Uint8Array, and null, booleans, finite numbers, plain objects and arrays of these, at most ${DEEPEST} deep. Give a serializer, or use values: "reference"`,
  );
}

/** Where in a value there is something that JSON cannot carry unchanged: '' for the value itself. */
function lossyPath(value: unknown, depth: number): string | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : '';
  // Too deep, or in itself.
  if (typeof value !== 'object' || depth > DEEPEST) return '';
  if (Array.isArray(value)) {
    // Subclasses and named members would be lost; of holes there is one fewer key than items.
    if (!isPlainArray(value)) return '';
    for (const [i, item] of value.entries()) {
      const path = lossyPath(item, depth + 1);
      if (path !== undefined) return `[${i}]${path}`;
    }
    return undefined;
  }
  if (!isPlain(value) || Object.getOwnPropertySymbols(value).length !== 0) return '';
  for (const name of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[name];
    // An absent member and an undefined one read alike, so this is no loss.
    const path = member === undefined ? undefined : lossyPath(member, depth + 1);
    if (path !== undefined) return `.${name}${path}`;
  }
  return undefined;
}

function isPlainArray(value: unknown[]): boolean {
  // Of any realm: its Array.prototype is itself an array, that of a subclass is not.
  return Array.isArray(Object.getPrototypeOf(value)) && Object.keys(value).length === value.length;
}

function isPlain(value: object): boolean {
  if ('toJSON' in value) return false;
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return true;
  // Plain objects of another realm: a vm context, an iframe, a test runner's sandbox.
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}
