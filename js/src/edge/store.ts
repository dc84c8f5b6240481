import type { Milliseconds } from '../duration.js';

/** Bytes under names, somewhere else. What it has may be gone at any time, or be what it was a while ago. */
export interface Store {
  get(name: string): Promise<Uint8Array | undefined>;
  /** @param life how long it is of use: it may be kept for longer, and for less */
  put(name: string, bytes: Uint8Array, life: Milliseconds): Promise<void>;
}

/** Whether something that was given is an object with these methods. */
export function hasMethods(value: unknown, ...names: readonly string[]): boolean {
  return names.every(
    (name) => typeof (value as Readonly<Record<string, unknown>> | null | undefined)?.[name] === 'function',
  );
}
