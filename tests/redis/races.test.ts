import type { MemoryRemote, RemoteCall, RemoteOperation, RemoteTier } from 'tiercel';
import { type RedisClient, redisTier } from 'tiercel/redis';
import { closeFleet, MODES, openFleet, race } from '../js/support/races.js';
import { Random } from '../js/support/random.js';
import { CLIENTS } from './support/jest-clients.js';

/** Trials of each mode. */
const TRIALS = Number(process.env.TIERCEL_TRIALS ?? 400);
const PER_FLEET = 100;

/** What is said to go wrong with a second tier in memory, goes wrong with the one in Redis. */
function withFaults({ fault }: { fault: () => MemoryRemote['fault'] }, tier: RemoteTier): RemoteTier {
  const through = async <T>(operation: RemoteOperation, call: RemoteCall, make: () => Promise<T>): Promise<T> => {
    const { before, after, error, lost } = fault()?.(operation, call) ?? {};
    if (before !== undefined) await before;
    if (error !== undefined) throw error;
    const result = await make();
    if (after !== undefined) await after;
    if (lost !== undefined) throw lost;
    return result;
  };
  return {
    read: (reads, call) => through('read', call, () => tier.read(reads, call)),
    write: (writes, call) => through('write', call, () => tier.write(writes, call)),
    change: (changes, call) => through('change', call, () => tier.change(changes, call)),
  };
}

let eager: jest.SpyInstance;
beforeEach(() => {
  let i = 0;
  eager = jest.spyOn(Math, 'random').mockImplementation(() => (++i % 2) * 0.999_999);
});
afterEach(() => eager.mockRestore());

describe.each(Object.entries(CLIENTS))('a second tier in Redis over %s', (name, connect) => {
  test.each(MODES)(`gives no value after it was invalidated, in ${TRIALS} trials of %s loads`, async (mode) => {
    const client = await connect();
    for (let seed = 1; seed < 1 + TRIALS; seed += PER_FLEET) {
      // One tier for both caches, so that calls reach Redis in the order in which they are made, as in memory.
      const tier = redisTier(client, { prefix: `tiercel:${name}:${mode.replace(' ', '-')}:${seed}`, timeout: '1m' });
      await tier.touch([{ namespace: [], key: 'none', ttl: 1 }], { signal: new AbortController().signal });
      const fleet = await openFleet(mode, new Random(seed), {
        remote: (memory) => withFaults({ fault: () => (memory as MemoryRemote).fault }, tier),
      });
      for (let i = seed; i < seed + PER_FLEET; i++) {
        const violations = await race(fleet, new Random(i), `trial ${i}`);
        if (violations.length > 0)
          throw new Error(`seed ${i} (fleet of ${seed}): ${violations.slice(0, 3).join('; ')}`);
      }
      await closeFleet(fleet);
      expect((tier.health() as { calls: number }).calls).toBeGreaterThan(PER_FLEET);
    }
  });
});

test('the oracle of these races catches a tier that takes values without a lease', async () => {
  const tier = redisTier(await (CLIENTS.ioredis as () => Promise<RedisClient>)(), {
    prefix: 'tiercel:broken',
    timeout: '1m',
  });
  await tier.touch([{ namespace: [], key: 'none', ttl: 1 }], { signal: new AbortController().signal });
  const fleet = await openFleet('foreground', new Random(1), {
    remote: (memory) => ({
      ...withFaults({ fault: () => (memory as MemoryRemote).fault }, tier),
      write: (writes, call) =>
        tier.write(
          writes.map(({ lease: _, ...write }) => write),
          call,
        ),
    }),
  });
  let count = 0;
  for (let i = 1; count === 0 && i <= 10_000; i++) count += (await race(fleet, new Random(i), `trial ${i}`)).length;
  await closeFleet(fleet);
  expect(count).toBeGreaterThan(0);
});
