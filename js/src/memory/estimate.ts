/** Members looked at before the rest is taken to be like them. */
const MOST = 256;

/**
 * About how many bytes of heap a value takes: strings, binary data and numbers as V8 lays them out, objects
 * as the sum of their members. Looks at no more than 256 members: what a large collection holds beyond that
 * is taken to be like what was seen.
 */
export function estimateSize(value: unknown): number {
  try {
    return new Estimate().of(value);
  } catch {
    // A proxy that refuses to be looked at.
    return 64;
  }
}

class Estimate {
  #left = MOST;
  readonly #seen = new Set<object>();

  of(value: unknown): number {
    this.#left--;
    switch (typeof value) {
      case 'string':
        // One byte a unit if all fit, two otherwise; which of them is not worth a pass.
        return 16 + value.length;
      case 'bigint':
        return 24;
      case 'object':
        return value === null ? 0 : this.#ofObject(value);
      case 'function':
        return 64;
      default:
        return 8;
    }
  }

  #ofObject(value: object): number {
    if (this.#seen.has(value)) return 8;
    this.#seen.add(value);
    if (ArrayBuffer.isView(value)) return 96 + value.byteLength;
    if (value instanceof ArrayBuffer) return 64 + value.byteLength;
    if (Array.isArray(value)) return 32 + this.#ofMembers(value, value.length);
    if (value instanceof Map) return 64 + this.#ofMembers([...firstOf(value.entries())].flat(), 2 * value.size);
    if (value instanceof Set) return 64 + this.#ofMembers([...firstOf(value.values())], value.size);
    const names = Object.keys(value);
    // Descriptors, so that no getter runs.
    const members = names.slice(0, MOST).map((name) => Object.getOwnPropertyDescriptor(value, name)?.value);
    return 32 + this.#ofMembers(members, names.length);
  }

  #ofMembers(members: readonly unknown[], count: number): number {
    let bytes = 0;
    let looked = 0;
    for (; looked < members.length && this.#left > 0; looked++) bytes += 8 + this.of(members[looked]);
    return looked === 0 ? 8 * count : Math.round((bytes / looked) * count);
  }
}

function* firstOf<T>(items: Iterable<T>): Generator<T> {
  let left = MOST;
  for (const item of items) {
    if (left-- === 0) return;
    yield item;
  }
}
