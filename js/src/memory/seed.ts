import type { Engine } from '../engine/engine.js';

/** Gives an engine a seed that nobody can guess. False where the platform has no randomness yet: a Worker's module scope. */
export function seedRandomly(engine: Engine): boolean {
  const seed = new Uint8Array(16);
  try {
    crypto.getRandomValues(seed);
  } catch {
    return false;
  }
  engine.seed(seed);
  return true;
}
