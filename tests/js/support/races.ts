import {
  type BatchContext,
  type Bus,
  type Cache,
  createCache,
  type Duration,
  type LoadContext,
  type LoadOptions,
  type MemoryRemote,
  memoryBus,
  memoryRemote,
  type RemoteTier,
  TiercelError,
} from 'tiercel';
import { FakeClock } from './clock.js';
import { type Deferred, deferred, settled } from './deferred.js';
import { Random } from './random.js';

/** How values come into the caches; each is raced against invalidations of every kind. */
export const MODES = [
  'foreground',
  'stale',
  'impatient',
  'eager',
  'batch',
  'warm-up',
  'remote fill',
  'bus',
  'values',
] as const;
export type Mode = (typeof MODES)[number];

/** Whether messages are late as well. */
const isOverBus = (mode: Mode) => mode === 'bus' || mode === 'values';

const FAILED = 'the source failed';
const isTimeout = (error: Error) => error instanceof TiercelError && error.code === 'ERR_TIERCEL_TIMEOUT';

interface Value {
  place: string;
  version: number;
}

const KEYS = ['p:0', 'p:1', 'q:0'];
const TAGS = ['t0', 't1'];
const tagsOf = (key: string) => [TAGS[Number(key.endsWith('1'))] as string];

/** No other timer is as long: these run when they are let go, as answers come. */
const SOFT = 7_001;
const HARD = 7_002;

/** Has timers of impatient callers run when they are let go. Returns what ends that. */
function letTimersWait(gates: Deferred<void>[]): () => void {
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  const waiting = new Map<object, () => void>();
  const setWaiting = (callback: (...args: unknown[]) => void, delay?: number, ...args: unknown[]) => {
    if (delay !== SOFT && delay !== HARD) return set(callback, delay, ...args);
    const timer = {};
    const gate = deferred();
    gates.push(gate);
    waiting.set(timer, callback);
    void gate.promise.then(() => {
      if (waiting.delete(timer)) callback();
    });
    return timer;
  };
  const clearWaiting = (timer: object) => {
    if (!waiting.delete(timer)) clear(timer as NodeJS.Timeout);
  };
  Object.assign(globalThis, { setTimeout: setWaiting, clearTimeout: clearWaiting });
  return () => Object.assign(globalThis, { setTimeout: set, clearTimeout: clear });
}

/** Caches that share a second tier and a bus; used by many trials, each in a namespace of its own. */
export interface Fleet {
  readonly caches: readonly Cache<Value>[];
  readonly clock: FakeClock;
  /** What is on its way: answers of loaders, of the second tier, and messages, which come when they are let go. */
  readonly gates: Deferred<void>[];
  readonly hub: ReturnType<typeof memoryBus>;
  readonly remote: MemoryRemote;
  /** Messages that have not come yet. */
  undelivered: number;
  random: Random;
  mode: Mode;
  /** Whether calls of the second tier made now are to go through at once. */
  isQuiet: boolean;
}

/** What a message brings is not kept for as long as it may have been on its way; impatience is about what is stale. */
const TTL: Partial<Record<Mode, Duration>> = { values: '1d', impatient: 4 };

/** Makes something worse of what a cache is given, to show that this is noticed. */
export interface Broken {
  remote?: (tier: RemoteTier) => RemoteTier;
  bus?: (bus: Bus) => Bus;
}

export async function openFleet(mode: Mode, random: Random, broken: Broken = {}): Promise<Fleet> {
  const clock = new FakeClock();
  const remote = memoryRemote(clock.now);
  const hub = memoryBus({ heartbeat: '1h', patience: '1h' });
  const gates: Deferred<void>[] = [];
  const caches: Cache<Value>[] = [];
  // A message can only overtake that of another.
  for (let i = 0; i < (mode === 'values' ? 3 : 2); i++) {
    caches.push(
      await createCache<Value>({
        remote: broken.remote?.(remote) ?? remote,
        bus: broken.bus?.(hub.connect()) ?? hub.connect(),
        now: clock.now,
        remoteTimeout: '1h',
        breaker: { failures: 1_000_000, reset: '1h' },
        memory: { maxEntries: 1000, values: random.pick(['reference', 'bytes'] as const), now: clock.now },
        publishValue: mode === 'values',
        defaults: {
          ttl: TTL[mode] ?? 20,
          stale: mode === 'stale' ? 30 : 0,
          eagerRefresh: mode === 'eager' ? 1 : 0,
        },
      }),
    );
  }
  const fleet: Fleet = { caches, clock, gates, hub, remote, undelivered: 0, random, mode, isQuiet: true };
  const gate = () => {
    const made = deferred();
    gates.push(made);
    return made.promise;
  };
  remote.fault = () => {
    if (fleet.isQuiet || fleet.random.chance(0.4)) return undefined;
    if (fleet.random.chance(fleet.mode === 'values' ? 0.01 : 0.05))
      return fleet.random.chance(0.5) ? { error: new Error('down') } : { lost: new Error('cut') };
    return fleet.random.chance(0.5) ? { before: gate() } : { after: gate() };
  };
  /** What was sent last by each to each. */
  const last = new Map<string, Promise<void>>();
  hub.fault = (text, listener) => {
    if (fleet.isQuiet || !isOverBus(fleet.mode)) return [0];
    const way = `${(JSON.parse(text) as { from: string }).from} ${listener}`;
    // If those of one sender were out of order a message would seem to be lost, and with it whatever is to be raced.
    const before = fleet.mode === 'values' ? last.get(way) : undefined;
    const isLate = !fleet.random.chance(0.3);
    if (!isLate && before === undefined) return [0];
    fleet.undelivered++;
    const late = Promise.all([before, isLate && gate()]).then(() => {
      fleet.undelivered--;
      if (last.get(way) === late) last.delete(way);
    });
    last.set(way, late);
    return fleet.random.chance(0.1) ? [late, late.then()] : [late];
  };
  return fleet;
}

export async function closeFleet({ caches }: Fleet): Promise<void> {
  for (const cache of caches) await cache.close();
}

/** How often a connection ends, or comes back; in other modes 0.04. Nobody takes the value of another for a while after that. */
const DISTURBED: Partial<Record<Mode, number>> = { values: 0.01, impatient: 0.05 };

/**
 * One random interleaving. The source has a version of each key, which grows before the key is invalidated. A cache must
 * not give an older one to a call that began after the invalidation: here from the call on, elsewhere once that said that
 * all know and its message came.
 */
class Trial {
  readonly violations: string[] = [];
  private readonly views: readonly Cache<Value>[];
  private readonly source = new Map<string, number>(KEYS.map((key) => [key, 1]));
  private readonly floors: readonly Map<string, number>[];
  /** Invalidations that all know of, once what is under way has come. */
  private known: (() => void)[] = [];
  private readonly waiting: Promise<unknown>[] = [];
  private readonly cut = new Set<number>();

  constructor(
    private readonly fleet: Fleet,
    name: string,
  ) {
    this.views = fleet.caches.map((cache) => cache.namespace(name));
    this.floors = this.views.map(() => new Map<string, number>());
  }

  private readonly load = async (key: string): Promise<Value> => {
    const { fleet } = this;
    const value = { place: key, version: this.source.get(key) as number };
    const gate = deferred();
    fleet.gates.push(gate);
    fleet.clock.advance(1);
    await gate.promise;
    if (fleet.random.chance(fleet.mode === 'impatient' ? 0.3 : 0.05)) throw new Error(FAILED);
    return value;
  };

  private check(who: number, key: string, how: string): (value: Value | undefined) => void {
    const floor = this.floors[who]?.get(key) ?? 0;
    return (value) => {
      if (value === undefined) return;
      if (value.place !== key) this.violations.push(`${how} of ${key} gave the value of ${value.place}`);
      if (value.version < floor)
        this.violations.push(`${how} of ${key} in ${who} gave version ${value.version} after ${floor} was invalidated`);
    };
  }

  private pick(): string {
    const { random, mode } = this.fleet;
    return random.pick(mode === 'impatient' ? KEYS.slice(0, 1) : KEYS);
  }

  private wait(promise: Promise<unknown>): void {
    this.waiting.push(
      promise.catch((error: unknown) => {
        const isExpected = error instanceof Error && (error.message === FAILED || isTimeout(error));
        if (!isExpected) this.violations.push(String(error));
      }),
    );
  }

  private read(): void {
    const { random, mode } = this.fleet;
    const who = random.below(this.views.length);
    const view = this.views[who] as Cache<Value>;
    const key = this.pick();
    const check = this.check(who, key, mode);
    const load = () => this.load(key);
    const how = random.chance(mode === 'values' ? 0.5 : 0.15) ? 'get' : mode;
    switch (how) {
      case 'get':
        this.wait(view.get(key).then(this.check(who, key, 'get')));
        break;
      case 'batch':
        this.readMany(who);
        break;
      case 'warm-up':
        this.wait(view.getOrSet(key, load, { tags: tagsOf(key), forceRefresh: random.chance(0.7) }).then(check));
        break;
      case 'remote fill':
        if (random.chance(0.5)) this.wait(view.getMany([key]).then((values) => check(values.get(key))));
        else this.wait(view.getOrSet(key, load, { tags: tagsOf(key) }).then(check));
        break;
      default: {
        // Tags that only the loader knows, at times.
        const isLate = random.chance(0.3);
        const loader = async ({ setTags }: LoadContext<Value>) => {
          const value = await load();
          if (isLate) setTags(...tagsOf(key));
          return value;
        };
        const options = { ...(mode === 'impatient' && this.impatience()), ...(!isLate && { tags: tagsOf(key) }) };
        this.wait(view.getOrSet(key, loader, options).then(check));
      }
    }
  }

  /** Who would rather have a stale value than wait, or than nothing. */
  private impatience(): LoadOptions {
    const { random } = this.fleet;
    return {
      stale: random.pick([0, 30]),
      grace: random.pick([0, 60]),
      graceBackoff: random.pick([0, 10]),
      softTimeout: random.pick([0, SOFT]),
      hardTimeout: random.chance(0.2) ? HARD : 0,
      abortOnTimeout: random.chance(0.3),
    };
  }

  private readMany(who: number): void {
    const { random } = this.fleet;
    const checks = new Map(KEYS.map((key) => [key, this.check(who, key, 'batch')]));
    const keys = KEYS.filter(() => random.chance(0.7));
    const loader = async (missing: string[], { for: of }: BatchContext<Value>) => {
      for (const key of missing) of(key).setTags(...tagsOf(key));
      const values = await Promise.all(missing.map((key) => this.load(key)));
      return new Map(values.map((value) => [value.place, value]));
    };
    const view = this.views[who] as Cache<Value>;
    const reading = view.getOrSetMany(keys, loader, random.chance(0.2) ? { forceRefresh: true } : {});
    this.wait(
      reading.then((values) => {
        for (const [key, value] of values) checks.get(key)?.(value);
      }),
    );
  }

  private invalidate(): void {
    const { random } = this.fleet;
    const who = random.below(this.views.length);
    const view = this.views[who] as Cache<Value>;
    const whole = this.fleet.caches[who] as Cache<Value>;
    const key = this.pick();
    const tag = random.pick(TAGS);
    const isPending = () => view.health().pending.changes > 0;
    const kinds: [string[], () => Promise<{ pending: boolean }>][] = [
      [[key], () => view.invalidateKeys(key)],
      [KEYS.filter((each) => tagsOf(each).includes(tag)), () => view.invalidateTags(tag)],
      [KEYS.filter((each) => each.startsWith('p:')), () => view.invalidatePrefix('p:')],
      [KEYS.filter((each) => each.endsWith('0')), () => view.invalidatePattern('*0')],
      [KEYS, () => view.clear().then(() => ({ pending: isPending() }))],
      [KEYS, () => whole.clear().then(() => ({ pending: isPending() }))],
      [[key], () => this.set(view, key).then(() => ({ pending: isPending() }))],
    ];
    const [keys, change] = random.pick(kinds.slice(0, isPending() ? -1 : kinds.length));
    const versions = new Map<string, number>();
    for (const each of keys) {
      versions.set(each, (this.source.get(each) as number) + 1);
      this.source.set(each, versions.get(each) as number);
    }
    const raise = (i: number) => {
      const floors = this.floors[i] as Map<string, number>;
      for (const [each, version] of versions) floors.set(each, Math.max(floors.get(each) ?? 0, version));
    };
    const changing = change();
    raise(who);
    this.wait(
      changing.then(({ pending }) => {
        if (!pending)
          this.known.push(() => {
            for (const i of this.views.keys()) raise(i);
          });
      }),
    );
  }

  /** What it is set to is right only if nobody invalidates it before the second tier has it: that is up to who sets it. */
  private async set(view: Cache<Value>, key: string): Promise<void> {
    this.fleet.isQuiet = true;
    const setting = view.set(key, { place: key, version: this.source.get(key) as number }, { tags: tagsOf(key) });
    this.fleet.isQuiet = false;
    await setting;
  }

  /** Ends the connection of a cache to the others, or gives it back: meanwhile it hears of nothing. */
  private disturb(): void {
    const { hub, random } = this.fleet;
    const who = random.below(this.views.length);
    if (this.cut.delete(who)) hub.heal(who);
    else {
      this.cut.add(who);
      hub.cut(who);
    }
  }

  private async settle(): Promise<void> {
    await settled();
    if (this.fleet.undelivered > 0) return;
    for (const raise of this.known.splice(0)) raise();
  }

  async run(): Promise<void> {
    const { fleet } = this;
    const { random, gates } = fleet;
    fleet.isQuiet = false;
    // What is served in doubt is what impatient callers are about.
    const isDoubtful = fleet.mode === 'impatient';
    if (isDoubtful && random.chance(0.5)) this.disturb();
    for (let steps = 6 + random.below(10); steps > 0; steps--) {
      const action = random.below(10);
      if (action < 4) this.read();
      else if (action < 6) this.invalidate();
      else if (action < 8) gates.splice(random.below(gates.length), 1)[0]?.resolve();
      else if (action === 8) fleet.clock.advance(random.below(25));
      else await this.settle();
      if (isDoubtful) {
        fleet.clock.advance(random.below(4));
        // Most likely the timer of the last to call.
        if (random.chance(0.3)) gates.pop()?.resolve();
        await this.settle();
      }
      if (random.chance(DISTURBED[fleet.mode] ?? 0.04)) this.disturb();
      for (let i = random.below(4); i > 0; i--) await Promise.resolve();
    }
    fleet.isQuiet = true;
    for (const who of this.cut) fleet.hub.heal(who);
    await this.drain();
    // What was pending goes with the next change.
    for (const view of this.views) {
      const { pending } = await view.invalidateKeys('none');
      if (pending) this.violations.push('a change is pending though all is well');
    }
    await this.settle();
    for (const [who, view] of this.views.entries()) {
      for (const [key, version] of this.source) {
        // By now every invalidation is known everywhere.
        const floors = this.floors[who] as Map<string, number>;
        if (version > 1) floors.set(key, version);
        this.check(who, key, 'the last get')(await view.get(key));
      }
      // A load may go on that nobody waits for.
      for (let turns = 0; view.stats().loading !== 0 && turns < 10_000; turns++) {
        for (const gate of fleet.gates.splice(0)) gate.resolve();
        await settled();
      }
      if (view.stats().loading !== 0) this.violations.push('a load is in flight at the end');
    }
  }

  private async drain(): Promise<void> {
    let isOver = false;
    const all = Promise.all(this.waiting).then(() => {
      isOver = true;
    });
    while (!isOver || this.fleet.gates.length > 0) {
      for (const gate of this.fleet.gates.splice(0)) gate.resolve();
      await settled();
    }
    await all;
  }
}

/** Trials that share a fleet. */
const PER_FLEET = 250;

/**
 * Runs trials, one for each seed, on a new fleet now and then.
 * @param until asked before each fleet whether to stop
 * @returns how many were run
 * @throws Error naming the seed, and what went wrong
 */
export async function races(mode: Mode, first: number, trials: number, until = () => false): Promise<number> {
  let done = 0;
  while (done < trials && !until()) {
    const begin = first + done;
    const fleet = await openFleet(mode, new Random(begin));
    for (const end = Math.min(begin + PER_FLEET, first + trials); first + done < end; done++) {
      const seed = first + done;
      const violations = await race(fleet, new Random(seed), `trial ${seed}`);
      if (violations.length > 0)
        throw new Error(`seed ${seed} (fleet of ${begin}), ${mode}: ${violations.slice(0, 3).join('; ')}`);
    }
    await closeFleet(fleet);
  }
  return done;
}

/** For `Math.random`: a draw that makes an eager refresh as likely as not. */
export function eagerDraws(): () => number {
  let i = 0;
  return () => (++i % 2) * 0.999_999;
}

/** Runs a trial; returns what went wrong. */
export async function race(fleet: Fleet, random: Random, name: string): Promise<string[]> {
  fleet.random = random;
  // What earlier trials left there only costs time.
  if (fleet.mode !== 'values' || random.chance(0.3)) fleet.remote.wipe();
  const trial = new Trial(fleet, name);
  const over = letTimersWait(fleet.gates);
  try {
    await trial.run();
  } finally {
    over();
  }
  return trial.violations;
}
