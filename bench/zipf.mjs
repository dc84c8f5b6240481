/** Numbers in [0, 1), the same for the same seed: xorshift32 (Marsaglia 2003). @param {number} seed */
export function random(seed) {
  let x = seed | 0 || 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
}

/** The item of a rank: no two have the same, and neighbours are far apart. @param {number} rank */
export const item = (rank) => Math.imul(rank, 0x9e3779b1) >>> 0;

/**
 * Ranks, from 0, drawn from a Zipf distribution.
 * @param {number} items
 * @param {number} exponent
 * @param {number} count
 * @param {number} seed
 */
export function zipfRanks(items, exponent, count, seed) {
  const sums = new Float64Array(items);
  let sum = 0;
  for (let i = 0; i < items; i++) sums[i] = sum += (i + 1) ** -exponent;
  const next = random(seed);
  const draws = new Uint32Array(count);
  for (let n = 0; n < count; n++) {
    const at = next() * sum;
    let low = 0;
    let high = items - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (/** @type {number} */ (sums[middle]) < at) low = middle + 1;
      else high = middle;
    }
    draws[n] = low;
  }
  return draws;
}

/** As {@link zipfRanks}, but {@link item}s. @type {typeof zipfRanks} */
export const zipf = (...args) => zipfRanks(...args).map(item);
