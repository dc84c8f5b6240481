import { type WriteContext, type WriteOperation, writeBehind } from 'tiercel/patterns';
import { openCache } from './support/cache.js';
import { settled } from './support/deferred.js';
import { forEachSeedAsync, type Random } from './support/random.js';
import { FakeTimers } from './support/timers.js';

type Operation = WriteOperation<number>;

/** A store that writes down all that it is told, and fails, dawdles or never answers as chance has it. */
class Store {
  /** Sequences that took effect, by key, in order. */
  readonly applied = new Map<string, number[]>();
  readonly #random: Random;
  readonly #open: (() => void)[] = [];
  readonly #inCall = new Set<string>();
  /** Whether calls may still fail, or never end. */
  isWell = false;

  constructor(random: Random) {
    this.#random = random;
  }

  readonly write = async (operations: readonly Operation[], { fail }: WriteContext<number>): Promise<void> => {
    const keys = operations.map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    for (const key of keys) {
      expect(this.#inCall.has(key)).toBe(false);
      this.#inCall.add(key);
    }
    if (!this.isWell && this.#random.chance(0.6)) await new Promise<void>((resolve) => this.#open.push(resolve));
    const fails = !this.isWell && this.#random.chance(0.4);
    for (const operation of operations) {
      const failsAlone = !this.isWell && this.#random.chance(0.1);
      // What is said to have failed may have been written all the same.
      if (!(fails || failsAlone) || this.#random.chance(0.5)) this.#apply(operation);
      if (failsAlone) fail(operation, new Error('this one'));
    }
    if (!this.isWell && this.#random.chance(0.3)) await new Promise<void>((resolve) => this.#open.push(resolve));
    for (const key of keys) this.#inCall.delete(key);
    if (fails) throw new Error('all of them');
  };

  #apply({ key, sequence }: Operation): void {
    const applied = this.applied.get(key) ?? [];
    // Again, or something newer: never back.
    expect(sequence).toBeGreaterThanOrEqual(applied.at(-1) ?? 0);
    applied.push(sequence);
    this.applied.set(key, applied);
  }

  /** Lets one of the calls that dawdle go on. */
  release(): void {
    this.#open.splice(this.#random.below(this.#open.length), 1)[0]?.();
  }

  releaseAll(): void {
    while (this.#open.length > 0) this.release();
  }
}

interface Run {
  readonly timers: FakeTimers;
  readonly store: Store;
  readonly users: ReturnType<typeof writeBehind<number>>;
  /** Values that were accepted, by key, in order. */
  readonly accepted: Map<string, number[]>;
  readonly dead: Operation[];
  readonly coalesce: boolean;
}

async function randomRun(random: Random): Promise<Run> {
  const timers = new FakeTimers();
  const store = new Store(random);
  const accepted = new Map<string, number[]>();
  const dead: Operation[] = [];
  const coalesce = random.chance(0.5);
  const maxQueue = 1 + random.below(12);
  const whenFull = random.chance(0.5) ? 'wait' : 'throw';
  const seen = new Map<number, number>();
  const users = writeBehind<number>(openCache<number>(), {
    write: (operations, context) => {
      for (const operation of operations) if (operation.type === 'set') seen.set(operation.sequence, operation.value);
      return store.write(operations, context);
    },
    deadLetter: (operations) => {
      if (random.chance(0.3)) throw new Error('not now');
      dead.push(...operations);
    },
    drainOnSignal: false,
    batchSize: 1 + random.below(4),
    interval: random.pick([0, 10, 100]),
    concurrency: 1 + random.below(3),
    attempts: random.pick([0, 1, 3]),
    timeout: random.pick([0, 50]),
    backoff: 20,
    maxQueue,
    whenFull,
    coalesce,
    timers,
  });
  for (let step = 0; step < 120; step++) {
    if (random.chance(0.5)) {
      const key = random.pick(['a', 'b', 'c', 'd']);
      const note = () => accepted.set(key, [...(accepted.get(key) ?? []), step]);
      const set = random.chance(0.9) ? users.set(key, step) : users.delete(key);
      const noted = set.then(note, () => undefined);
      if (whenFull === 'throw') await noted;
    } else if (random.chance(0.4)) store.release();
    else await timers.advance(random.below(60));
    const { pending, inFlight, accepted: count, written, coalesced, dead: buried } = users.stats();
    expect(pending).toBeLessThanOrEqual(maxQueue);
    expect(inFlight).toBeLessThanOrEqual(pending);
    expect(count).toBe(written + coalesced + buried + pending);
  }
  return { timers, store, users, accepted, dead, coalesce };
}

/** The last operation of each key took effect last, unless it is in the hands of the dead letters. */
function expectNothingLost({ users, store, accepted, dead, coalesce }: Run, left: readonly Operation[]): void {
  const { accepted: count, written, coalesced, dead: buried, pending, waiting } = users.stats();
  expect([pending, waiting]).toEqual([0, 0]);
  expect(count).toBe(written + coalesced + buried);
  expect([...accepted.values()].reduce((sum, values) => sum + values.length, 0)).toBe(count);
  const givenUp = new Set([...dead, ...left].map(({ sequence }) => sequence));
  const effective = new Set([...store.applied.values()].flat());
  const lost = Array.from({ length: count }, (_, i) => i + 1).filter(
    (sequence) => !effective.has(sequence) && !givenUp.has(sequence),
  );
  if (coalesce) expect(lost.length).toBeLessThanOrEqual(coalesced);
  else expect(lost).toEqual([]);
}

describe('write-behind, by any schedule of calls, failures and silence', () => {
  it('keeps the order of each key and its bound, and once the store is well has written all', async () => {
    await forEachSeedAsync(120, async (random) => {
      const run = await randomRun(random);
      run.store.isWell = true;
      run.store.releaseAll();
      const closed = run.users.close(0);
      for (let i = 0; i < 60 && run.users.stats().pending > 0; i++) {
        run.store.releaseAll();
        await run.timers.advance(40_000);
      }
      expect(await closed).toEqual([]);
      expectNothingLost(run, []);
      expect(run.timers.pending.size).toBe(0);
    });
  });

  it('hands over all that it has not written if the store stays silent', async () => {
    await forEachSeedAsync(60, async (random) => {
      const run = await randomRun(random);
      const closed = run.users.close('1s');
      await run.timers.advance(1_000);
      await settled();
      expectNothingLost(
        { ...run, accepted: new Map([['all', Array(run.users.stats().accepted).fill(0)]]) },
        await closed,
      );
      expect(run.timers.pending.size).toBe(0);
    });
  });
});
