import { invalidArgument } from '../errors.js';
import type { Run } from '../memory/flight.js';
import { contextOf } from '../memory/load-context.js';
import type { LoadContext } from '../memory/types.js';
import { type Aim, Part } from './load.js';
import type { Tiers } from './tiers.js';
import type { BatchContext } from './types.js';

/** Loads the values of several keys; those that it does not find are not in the result. */
export type BatchLoader<V> = (
  keys: string[],
  context: BatchContext<V>,
) => ReadonlyMap<string, V> | PromiseLike<ReadonlyMap<string, V>>;

type Values<V> = ReadonlyMap<string, V>;

interface Member<V> {
  readonly part: Part<V>;
  readonly resolve: (value: V | PromiseLike<V>) => void;
}

/**
 * Keys that are loaded together: one question to the second tier, and one call of the loader for what that does not
 * have. Each key has a load of its own, which other calls may join, and a part in this.
 */
export class Batch<V> {
  readonly #tiers: Tiers<V>;
  readonly #loader: BatchLoader<V>;
  #members: Member<V>[] | undefined = [];

  constructor(tiers: Tiers<V>, loader: BatchLoader<V>) {
    this.#tiers = tiers;
    this.#loader = loader;
  }

  /** The work of one key's load. Before {@link start} it becomes part of the batch. */
  add(run: Run<V>, aim: Aim): Promise<V> {
    return new Promise<V>((resolve) => {
      const member = { part: new Part(this.#tiers, run, aim), resolve };
      if (this.#members === undefined) this.#settle([member]);
      else this.#members.push(member);
    });
  }

  /** To be called once all keys are in. */
  start(): void {
    const members = this.#members ?? [];
    this.#members = undefined;
    if (members.length > 0) this.#settle(members);
  }

  #settle(members: readonly Member<V>[]): void {
    const loads = this.#begin(members.map(({ part }) => part));
    for (const { part, resolve } of members) {
      resolve(
        loads.then(async (begun) => {
          const values = await begun.get(part);
          const value = part.found === undefined ? values?.get(part.aim.key) : part.found.value;
          if (value === undefined) part.run.terms.absent = true;
          return value as V;
        }),
      );
    }
  }

  /** Asks the second tier, and begins to load what that does not have: gives for each such part the load that will bring it. */
  async #begin(parts: readonly Part<V>[]): Promise<ReadonlyMap<Part<V>, Promise<Values<V>>>> {
    if (this.#tiers.remote !== undefined) await Part.consult(this.#tiers, parts);
    const missing = parts.filter(isMissing);
    if (missing.length === 0) return new Map();
    if (!missing.some(({ wantsLock }) => wantsLock)) return new Map(asEach(missing, this.#load(missing)));
    // Who waits for others has let go of what they may be waiting for: so each key that another loads goes on alone.
    const isFree = await Promise.all(missing.map((part) => part.lock(0)));
    const free = missing.filter((_, i) => isFree[i]);
    const taken = missing.filter((_, i) => !isFree[i]);
    return new Map([
      ...asEach(free, this.#loadLocked(free)),
      ...taken.map((part) => [part, this.#loadAfter(part)] as const),
    ]);
  }

  async #loadAfter(part: Part<V>): Promise<Values<V>> {
    await part.lock();
    return this.#loadLocked([part]);
  }

  /** Whoever had a lock before has perhaps brought the value; and a lease must be newer than that. */
  async #loadLocked(parts: readonly Part<V>[]): Promise<Values<V>> {
    const locked = parts.filter(({ isLocked }) => isLocked);
    if (locked.length > 0) await Part.consult(this.#tiers, locked);
    const missing = parts.filter(isMissing);
    return missing.length === 0 ? new Map() : this.#load(missing);
  }

  async #load(parts: readonly Part<V>[]): Promise<Values<V>> {
    for (const part of parts) part.starts();
    const keys = parts.map(({ aim }) => aim.key);
    const values: unknown = await this.#loader(keys, batchContext(parts));
    if (values instanceof Map || isMap(values)) return values as Values<V>;
    throw invalidArgument('loadMissing', values, 'a function that returns a Map of values by key');
  }
}

/** Whether it is still to be loaded, and for somebody. */
function isMissing<V>({ found, run }: Part<V>): boolean {
  return found === undefined && !run.abort.aborted;
}

function asEach<V, T>(parts: readonly Part<V>[], load: T): [Part<V>, T][] {
  return parts.map((part) => [part, load]);
}

/** Maps of another realm are no instances of this one's class. */
function isMap(values: unknown): boolean {
  return Object.prototype.toString.call(values) === '[object Map]';
}

function batchContext<V>(parts: readonly Part<V>[]): BatchContext<V> {
  const contexts = new Map<string, LoadContext<V>>(parts.map(({ run }) => [run.key, contextOf(run)]));
  let signal: AbortSignal | undefined;
  const each = (tell: (context: LoadContext<V>) => void) => {
    for (const context of contexts.values()) tell(context);
  };
  return {
    get signal() {
      signal ??= allOf(parts.map(({ run }) => run.abort.signal));
      return signal;
    },
    for(key) {
      const context = contexts.get(key);
      if (context === undefined) throw invalidArgument('key', key, 'one of the keys that are to be loaded');
      return context;
    },
    setTtl: (ttl) => each((context) => context.setTtl(ttl)),
    setTags: (...tags) => each((context) => context.setTags(...tags)),
    skip: () => each((context) => context.skip()),
    fail(error) {
      throw error;
    },
  };
}

/** Aborted once all of them are. */
function allOf(signals: readonly AbortSignal[]): AbortSignal {
  const controller = new AbortController();
  for (const signal of signals) {
    const look = () => {
      if (signals.every(({ aborted }) => aborted)) controller.abort(signal.reason);
    };
    look();
    signal.addEventListener('abort', look, { once: true });
  }
  return controller.signal;
}
