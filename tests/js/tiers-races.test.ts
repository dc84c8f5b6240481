import { closeFleet, MODES, openFleet, race } from './support/races.js';
import { Random } from './support/random.js';

/** Trials of each mode; `npm run soak` asks for more. */
const TRIALS = Number(process.env.TIERCEL_TRIALS ?? 10_000);
const FIRST = Number(process.env.TIERCEL_SEED ?? 1);
const PER_FLEET = 250;

/** A draw that makes an eager refresh as likely as not. */
let eager: jest.SpyInstance;
beforeEach(() => {
  let i = 0;
  eager = jest.spyOn(Math, 'random').mockImplementation(() => (++i % 2) * 0.999_999);
});
afterEach(() => eager.mockRestore());

// A part of the soak takes an hour.
jest.setTimeout(2 * 3_600_000);

describe('no value is given after it was invalidated', () => {
  test.each(MODES)(`in ${TRIALS} trials of %s loads`, async (mode) => {
    for (let seed = FIRST; seed < FIRST + TRIALS; seed += PER_FLEET) {
      const fleet = await openFleet(mode, new Random(seed));
      for (let i = seed; i < Math.min(seed + PER_FLEET, FIRST + TRIALS); i++) {
        const violations = await race(fleet, new Random(i), `trial ${i}`);
        if (violations.length > 0)
          throw new Error(`seed ${i} (fleet of ${seed}): ${violations.slice(0, 3).join('; ')}`);
      }
      await closeFleet(fleet);
    }
  });
});

describe('the oracle of the races catches', () => {
  const violationsOf = async (mode: (typeof MODES)[number], ...broken: Parameters<typeof openFleet>[2][]) => {
    let count = 0;
    const fleet = await openFleet(mode, new Random(1), ...broken);
    for (let i = 1; i <= 500; i++) count += (await race(fleet, new Random(i), `trial ${i}`)).length;
    await closeFleet(fleet);
    return count;
  };

  test('a second tier that takes values without a lease', async () => {
    const count = await violationsOf('foreground', (tier) => ({
      read: (reads, call) => tier.read(reads, call),
      change: (changes, call) => tier.change(changes, call),
      write: (writes, call) =>
        tier.write(
          writes.map(({ namespace, key, entry }) => ({ namespace, key, entry })),
          call,
        ),
    }));
    expect(count).toBeGreaterThan(0);
  });

  test('a second tier that says it invalidated what it did not', async () => {
    const count = await violationsOf('remote fill', (tier) => ({
      read: (reads, call) => tier.read(reads, call),
      change: async (changes) => changes.map(() => 1),
      write: (writes, call) => tier.write(writes, call),
    }));
    expect(count).toBeGreaterThan(0);
  });
});
