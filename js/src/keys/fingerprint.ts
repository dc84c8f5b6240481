import { invalidArgument, TiercelError } from '../errors.js';
import { hashText } from './sha256.js';

const ACCEPTED =
  'anything made of primitives, arrays, plain objects, instances with enumerable members or toJSON, Map, Set, Date, RegExp, URLSearchParams, ArrayBuffer and views of it';

/** Values within a value, and how deep: far above what is worth hashing, far below what ends the stack or the memory. */
const MOST_VALUES = 1_048_576;
const DEEPEST = 256;

/**
 * 32 characters (`A-Z a-z 0-9 - _`) that are the same for equal values and differ for others, in every process and
 * runtime. The order of members of objects, of entries of maps and of elements of sets does not matter. Types do: 1,
 * `'1'`, 1n and true are four values, and so are 0 and -0, null and undefined, `{}` and `{ a: undefined }`, a
 * `Uint8Array` and an `Int8Array` of the same bytes. Instances of classes are what their `toJSON` returns, or else their
 * enumerable members; private fields are not seen. Two values of one fingerprint: see {@link hashText} for how unlikely.
 *
 * O(size of the value), plus sorting. @throws TiercelError `ERR_TIERCEL_INVALID_ARGUMENT`, with the place in the value,
 * for cycles, functions, symbols and objects whose state cannot be seen (promises, weak maps, errors, requests);
 * `ERR_TIERCEL_LIMIT` for more than 2^20 values within it, or more than 256 levels
 */
export function fingerprint(value: unknown): string {
  try {
    return hashText(new Canonical().write(value, 'value'));
  } catch (cause) {
    // A proxy that was revoked, or whose handler throws errors of the language.
    if (cause instanceof TypeError)
      throw new TiercelError('ERR_TIERCEL_INVALID_ARGUMENT', 'value: could not be read', { cause });
    throw cause;
  }
}

/**
 * Writes values such that each text is of one value only: what has variable length is preceded by it, or by the number
 * of its parts, and each kind has a letter.
 */
class Canonical {
  /** Objects that are being written, from the outermost. */
  readonly #open = new Set<object>();
  #count = 0;

  /** @param path for messages */
  write(value: unknown, path: string): string {
    if (++this.#count > MOST_VALUES)
      throw new TiercelError('ERR_TIERCEL_LIMIT', `${path}: a limit was reached: ${MOST_VALUES} values in one value`);
    switch (typeof value) {
      case 'string':
        return text(value);
      case 'number':
        return Object.is(value, -0) ? 'd-0;' : `d${value};`;
      case 'bigint':
        return `i${value};`;
      case 'boolean':
        return value ? 't' : 'f';
      case 'undefined':
        return 'u';
      case 'object':
        return value === null ? 'n' : this.#nested(value, path);
      default:
        throw invalidArgument(path, value, ACCEPTED);
    }
  }

  #nested(value: object, path: string): string {
    const open = this.#open;
    if (open.has(value))
      throw new TiercelError('ERR_TIERCEL_INVALID_ARGUMENT', `${path}: a cycle: an object that is within itself`);
    if (open.size === DEEPEST)
      throw new TiercelError('ERR_TIERCEL_LIMIT', `${path}: a limit was reached: ${DEEPEST} levels in one value`);
    open.add(value);
    const written = this.#object(value, path);
    open.delete(value);
    return written;
  }

  #object(value: object, path: string): string {
    if (Array.isArray(value)) return this.#array(value, path);
    if (ArrayBuffer.isView(value)) return bytes(tagOf(value), value.buffer, value.byteOffset, value.byteLength);
    const tag = tagOf(value);
    switch (tag) {
      case 'Date':
        return `D${Date.prototype.getTime.call(value)};`;
      case 'Map':
        return this.#map(value as Map<unknown, unknown>, path);
      case 'Set':
        return this.#set(value as Set<unknown>, path);
      case 'ArrayBuffer':
      case 'SharedArrayBuffer':
        return bytes(tag, value as ArrayBufferLike, 0, (value as ArrayBufferLike).byteLength);
      case 'Number':
      case 'String':
      case 'Boolean':
      case 'BigInt':
        return `b${this.write(value.valueOf(), path)}`;
    }
    if (value instanceof RegExp) return `R${text(String(value))}`;
    if (value instanceof URLSearchParams) return `q${text(String(value))}`;
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === 'function') return `j${this.write(toJSON.call(value, ''), `${path}.toJSON()`)}`;
    return this.#members(value, tag, path);
  }

  #array(array: readonly unknown[], path: string): string {
    let written = `a${array.length}:`;
    for (let i = 0; i < array.length; i++) {
      written += i in array ? this.write(array[i], `${path}[${i}]`) : 'h';
    }
    return written;
  }

  #map(map: Map<unknown, unknown>, path: string): string {
    const written: string[] = [];
    for (const [key, value] of map) {
      written.push(this.write(key, `${path}.keys()`) + this.write(value, `${path}.values()`));
    }
    return `M${written.length}:${written.sort().join('')}`;
  }

  #set(set: Set<unknown>, path: string): string {
    const written: string[] = [];
    for (const value of set) written.push(this.write(value, `${path}.values()`));
    return `S${written.length}:${written.sort().join('')}`;
  }

  #members(value: object, tag: string, path: string): string {
    const names = Object.keys(value).sort();
    // Of what the platform makes (promises, requests, errors) members tell little, of an object without any nothing.
    const isOpaque = tag !== 'Object' || (names.length === 0 && !isPlain(value));
    if (isOpaque) throw invalidArgument(path, value, ACCEPTED);
    for (const symbol of Object.getOwnPropertySymbols(value)) {
      if (Object.prototype.propertyIsEnumerable.call(value, symbol))
        throw invalidArgument(`${path}[${String(symbol)}]`, symbol, 'members with names, not symbols');
    }
    let written = `o${names.length}:`;
    for (const name of names)
      written += text(name) + this.write((value as Record<string, unknown>)[name], `${path}.${name}`);
    return written;
  }
}

function text(value: string): string {
  return `s${value.length}:${value}`;
}

/** Of typed arrays as this machine has them in memory, which is the same on all that are in use. */
function bytes(tag: string, buffer: ArrayBufferLike, at: number, length: number): string {
  let written = '';
  for (const byte of new Uint8Array(buffer, at, length)) written += String.fromCharCode(byte);
  return `B${tag}:${text(written)}`;
}

/** `Map` of a map, and so on, of any realm. */
function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** Literals, of any realm, and objects without a prototype. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
