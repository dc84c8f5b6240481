import { TiercelError } from '../errors.js';
import { R_BINDING, REJECTED } from '../generated/abi.js';
import { type EngineAddon, NativePort, type SharedAddon } from './native.js';
import { OUTCOME_FAILED, OUTCOME_GONE } from './sharding.js';

/** Registers of a shared cache, as in `node/connection.h`. */
export const R_LOAD = R_BINDING;
export const R_OUTCOME = R_BINDING + 1;
export const R_OVERTAKEN = R_BINDING + 2;
export const R_EVENT = R_BINDING + 3;
export const R_COUNT = R_BINDING + 4;

/** What there is but once in a thread, though it may have loaded this module more than once. */
interface Environment {
  /** What is open, by number; held no stronger than by its users. */
  readonly ports: Map<number, WeakRef<SharedPort>>;
  /** Those that must stay, since somebody waits for what they get, or listens. */
  readonly attentive: Set<SharedPort>;
  /** Loads of other threads that are waited for. */
  awaited: number;
}

function environmentOf(addon: SharedAddon & { environment?: Environment }): Environment {
  if (addon.environment !== undefined) return addon.environment;
  const environment: Environment = { ports: new Map(), attentive: new Set(), awaited: 0 };
  addon.onMail(() => {
    for (const port of [...environment.ports.values()]) {
      try {
        port.deref()?.onMail?.();
      } catch (e) {
        // What one cannot take is an uncaught error, and no reason not to tell the others.
        queueMicrotask(() => {
          throw e;
        });
      }
    }
  });
  addon.environment = environment;
  return environment;
}

/** One cache of all threads of the process, as this thread has it open. */
export class SharedPort extends NativePort {
  readonly clock: () => number;
  onMail: (() => void) | undefined;

  readonly #addon: SharedAddon;
  readonly #environment: Environment;
  readonly #id: number;
  #awaited = 0;
  #listens = false;

  constructor(addon: SharedAddon) {
    const environment = environmentOf(addon);
    let id = 0;
    // An object of its own: with that engine the functions know the connection by its number.
    const calls: EngineAddon = {
      ...addon,
      createEngine(registers) {
        const engine = addon.createEngine(registers);
        id = engine.id;
        return engine;
      },
    };
    super(calls);
    this.#addon = addon;
    this.#id = id;
    this.clock = addon.now;
    this.#environment = environment;
    environment.ports.set(id, new WeakRef(this));
  }

  /** @param options of `sharding.ts` */
  override open(options: string): number {
    const root = super.open(options);
    if (root === REJECTED) throw otherOptions(options, this.message());
    return root;
  }

  /** The documents of the shards as one: counts are sums. */
  override message(): string {
    const message = super.message();
    if (!message.startsWith('[')) return message;
    const documents = JSON.parse(message) as Stats[];
    const shared = documents.pop() as Stats;
    const [first = {}, ...others] = documents;
    for (const other of others) add(first, other);
    const { lostEvents, ...rest } = shared;
    return JSON.stringify({ ...first, lostEvents, shared: rest });
  }

  override dispose(): void {
    const { ports } = this.#environment;
    if (ports.get(this.#id)?.deref() === this) ports.delete(this.#id);
    this.#setAwaited(0);
    this.#listens = false;
    this.#attend();
    super.dispose();
  }

  /** Whether there is anybody who listens to what other threads do. */
  listen(on: boolean): void {
    this.#listens = on;
    this.#attend();
  }

  awaitOutcome(more: 1 | -1): void {
    this.#setAwaited(this.#awaited + more);
    this.#attend();
  }

  #setAwaited(count: number): void {
    const environment = this.#environment;
    const before = environment.awaited;
    environment.awaited += count - this.#awaited;
    this.#awaited = count;
    if ((before === 0) === (environment.awaited === 0)) return;
    this.#addon.arguments[1] = environment.awaited === 0 ? 0 : 1;
    this.#addon.keepAwake();
  }

  #attend(): void {
    const { attentive } = this.#environment;
    if (this.#listens || this.#awaited !== 0) attentive.add(this);
    else attentive.delete(this);
  }

  takeOutcome(): number {
    this.#numbers();
    this.#addon.takeOutcome();
    return this.#result();
  }

  /** How many events wait. */
  mail(): number {
    this.#numbers();
    this.#addon.mail();
    return this.#result();
  }

  loadFail(load: number, textAt: number, textLength: number, encoding: number): void {
    const numbers = this.#numbers();
    numbers[1] = load;
    numbers[2] = OUTCOME_FAILED;
    numbers[3] = textAt;
    numbers[4] = textLength;
    numbers[5] = encoding;
    this.#addon.loadEnd();
  }

  override loadEnd(load: number): number {
    const numbers = this.#numbers();
    numbers[1] = load;
    numbers[2] = OUTCOME_GONE;
    this.#addon.loadEnd();
    return this.#result();
  }

  schedule(ns: number, key: string, due: number, now: number): number {
    const numbers = this.#numbers();
    numbers[1] = ns;
    numbers[2] = due;
    numbers[3] = now;
    this.#addon.schedule(key);
    return this.#result();
  }

  #result(): number {
    return this.#addon.arguments[0] as number;
  }

  #numbers(): Float64Array {
    const numbers = this.#addon.arguments;
    numbers[0] = this.#id;
    return numbers;
  }
}

interface Stats {
  [name: string]: number | string | Stats;
}

function add(to: Stats, from: Stats): void {
  for (const [name, value] of Object.entries(from)) {
    const sum = to[name];
    if (typeof value === 'number') to[name] = (sum as number) + value;
    else if (typeof value === 'object') add(sum as Stats, value);
  }
}

/** @param given the options as they were passed to `open` @param there the description of the cache that there is */
function otherOptions(given: string, there: string): TiercelError {
  const [name, wanted] = given.split('\0') as [string, string];
  const a = JSON.parse(wanted) as Record<string, unknown>;
  const b = JSON.parse(there) as Record<string, unknown>;
  const option = Object.keys(b).find((key) => JSON.stringify(a[key]) !== JSON.stringify(b[key])) ?? 'shared';
  const shown = (value: unknown) => (value === null ? 'none' : JSON.stringify(value));
  return new TiercelError(
    'ERR_TIERCEL_SHARED_OPTIONS',
    `${option}: got ${shown(a[option])}; the shared cache ${name} is open with ${shown(b[option])}: open it with the same options, or under another name`,
  );
}
