/** A generator that gives the same numbers for the same seed (mulberry32). */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** From 0 to 1, exclusive. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** UTF-16 units of any kind, lone surrogates among them; half of the strings fit Latin-1. */
  string(maxLength: number): string {
    const limit = this.chance(0.5) ? 0x100 : 0x10000;
    let text = '';
    for (let left = this.below(maxLength + 1); left > 0; left--) text += String.fromCharCode(this.below(limit));
    return text;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

/** How often something random is tried: fewer times where `TIERCEL_SHARE`, from 0 to 1, says that there is less time. */
export function times(count: number): number {
  return Math.ceil(count * Number(process.env.TIERCEL_SHARE ?? 1));
}

/** The seeds of a randomised test; `TIERCEL_SEED` replays a single one. */
function seedsOf(count: number): number[] {
  const replay = process.env.TIERCEL_SEED;
  return replay === undefined ? Array.from({ length: times(count) }, (_, i) => i + 1) : [Number(replay)];
}

function failureOf(seed: number, cause: unknown): Error {
  const text = cause instanceof Error ? cause.message : String(cause);
  return new Error(`With seed ${seed} (replay: TIERCEL_SEED=${seed}): ${text}`, { cause });
}

/** Runs `sequence` with `count` seeds, one after the other; a failure names its seed. */
export function forEachSeed(count: number, sequence: (random: Random, seed: number) => void): void {
  for (const seed of seedsOf(count)) {
    try {
      sequence(new Random(seed), seed);
    } catch (cause) {
      throw failureOf(seed, cause);
    }
  }
}

/** As {@link forEachSeed}, for sequences that wait. */
export async function forEachSeedAsync(
  count: number,
  sequence: (random: Random, seed: number) => Promise<void>,
): Promise<void> {
  for (const seed of seedsOf(count)) {
    try {
      await sequence(new Random(seed), seed);
    } catch (cause) {
      throw failureOf(seed, cause);
    }
  }
}
