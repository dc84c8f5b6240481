import type { Bus, RemoteTier } from 'tiercel';
import { type Broken, closeFleet, eagerDraws, MODES, type Mode, openFleet, race, races } from './support/races.js';
import { Random, times } from './support/random.js';

/** Trials of each mode; `npm run soak` has a million. */
const TRIALS = times(10_000);

let draws: jest.SpyInstance;
beforeEach(() => {
  draws = jest.spyOn(Math, 'random').mockImplementation(eagerDraws());
});
afterEach(() => draws.mockRestore());

describe('no value is given after it was invalidated', () => {
  test.each(MODES)(`in ${TRIALS} trials of %s loads`, async (mode) => {
    expect(await races(mode, Number(process.env.TIERCEL_SEED ?? 1), TRIALS)).toBe(TRIALS);
  });
});

describe('nor in trials that once found one:', () => {
  test.each<[number, string]>([
    [197_045, 'an invalidation that was long on its way took the place of a newer one'],
    [401_200, 'a change that a newer one of the key, still on its way, was to make up for did not count as pending'],
  ])('seed %d, %s', async (seed) => {
    expect(await races('foreground', seed, 1)).toBe(1);
  });
});

test('values that others tell of are taken, and are refused, in these races', async () => {
  const fleet = await openFleet('values', new Random(1));
  for (let i = 1; i <= 200; i++) await race(fleet, new Random(i), `trial ${i}`);
  const counts = fleet.caches.map((cache) => cache.stats());
  await closeFleet(fleet);
  expect(Math.min(...counts.map(({ valuesTaken }) => valuesTaken))).toBeGreaterThan(20);
  expect(Math.min(...counts.map(({ valuesRefused }) => valuesRefused))).toBeGreaterThan(20);
});

test('impatient callers leave in every way, in these races', async () => {
  const fleet = await openFleet('impatient', new Random(1));
  for (let i = 1; i <= 1_000; i++) await race(fleet, new Random(i), `trial ${i}`);
  const counts = fleet.caches.map((cache) => cache.stats());
  await closeFleet(fleet);
  for (const { graced, softTimeouts, hardTimeouts } of counts)
    expect(Math.min(graced, softTimeouts, hardTimeouts)).toBeGreaterThan(2);
});

describe('the oracle of the races catches', () => {
  /** What is found first. */
  const violationsOf = async (mode: Mode, broken: Broken) => {
    const fleet = await openFleet(mode, new Random(1), broken);
    let found: string[] = [];
    for (let i = 1; i <= 5_000 && found.length === 0; i++) found = await race(fleet, new Random(i), `trial ${i}`);
    await closeFleet(fleet);
    return found;
  };
  const worse = (changes: (tier: RemoteTier) => Partial<RemoteTier>): Broken => ({
    remote: (tier) => ({
      read: (reads, call) => tier.read(reads, call),
      write: (writes, call) => tier.write(writes, call),
      change: (made, call) => tier.change(made, call),
      ...changes(tier),
    }),
  });

  test('a second tier that takes values without a lease', async () => {
    const naive = worse((tier) => ({
      write: (writes, call) =>
        tier.write(
          writes.map(({ namespace, key, entry }) => ({ namespace, key, entry })),
          call,
        ),
    }));
    expect(await violationsOf('foreground', naive)).not.toEqual([]);
  });

  test('a second tier that says it invalidated what it did not', async () => {
    const idle = worse(() => ({ change: async (changes) => changes.map(() => 1) }));
    expect(await violationsOf('remote fill', idle)).not.toEqual([]);
  });

  test('a bus that says of values that they are newer than they are', async () => {
    let later = 0;
    const hasty = (bus: Bus): Bus => ({
      open: (listener) =>
        bus.open({
          changed: (changes, carried, age) => {
            const { point, values = [] } = carried ?? {};
            const isLater = point !== undefined && values.some((value) => value != null);
            later += 1_000_000;
            listener.changed(changes, isLater ? { values, point: { ...point, at: point.at + later } } : carried, age);
          },
          missed: (reason) => listener.missed(reason),
          down: (reason) => listener.down(reason),
          live: () => listener.live(),
        }),
      publish: (changes, carried) => bus.publish(changes, carried),
      close: () => bus.close(),
    });
    expect(await violationsOf('values', { bus: hasty })).not.toEqual([]);
  });

  test('a second tier that says of changes that they came before everything else', async () => {
    const blind = worse((tier) => ({
      change: (changes, call) =>
        tier.change(changes, { signal: call.signal, ordered: ({ epoch }) => call.ordered?.({ epoch, at: 0 }) }),
    }));
    expect(await violationsOf('values', blind)).not.toEqual([]);
  });

  test('a bus that does not say that it was cut off', async () => {
    const silent = (bus: Bus): Bus => ({
      open: (listener) => {
        let isUp = false;
        return bus.open({
          changed: (changes) => listener.changed(changes),
          missed: () => undefined,
          down: () => undefined,
          live: () => {
            if (!isUp) listener.live();
            isUp = true;
          },
        });
      },
      publish: (changes) => bus.publish(changes),
      close: () => bus.close(),
    });
    expect(await violationsOf('bus', { bus: silent })).not.toEqual([]);
  });
});
