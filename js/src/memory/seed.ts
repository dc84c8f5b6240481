import type { Engine } from '../engine/engine.js';

/** A seed that nobody can guess; undefined where the platform has no randomness yet: a Worker's module scope. */
export function randomSeed(): Uint8Array | undefined {
  try {
    return crypto.getRandomValues(new Uint8Array(16));
  } catch {
    return undefined;
  }
}

/** Gives an engine such a seed. False where there is none yet. */
export function seedRandomly(engine: Engine): boolean {
  const seed = randomSeed();
  if (seed !== undefined) engine.seed(seed);
  return seed !== undefined;
}
