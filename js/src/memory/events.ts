import type { Namespace } from '../engine/engine.js';
import { invalidArgument, TiercelError } from '../errors.js';
import type { CacheEvents } from './types.js';

type EventName = keyof CacheEvents<unknown>;
type Listener = (payload: never) => void;

/** Bits of {@link Events.wanted}. */
export enum Wanted {
  Hit = 1,
  Miss = 2,
  Set = 4,
  Clear = 8,
  /** Removals of any kind: the core has to keep what is removed until it was told. */
  Remove = 16,
}

const BIT: Readonly<Record<EventName, Wanted>> = {
  hit: Wanted.Hit,
  miss: Wanted.Miss,
  set: Wanted.Set,
  clear: Wanted.Clear,
  remove: Wanted.Remove,
  expire: Wanted.Remove,
  evict: Wanted.Remove,
};

const NAMES = Object.keys(BIT) as EventName[];

interface Subscription {
  readonly name: EventName;
  readonly ns: Namespace;
  readonly listener: Listener;
  /** Whether the listener wants events of this key. */
  readonly matches: (key: string) => boolean;
  active: boolean;
}

interface Queued {
  readonly name: EventName;
  readonly id: string;
  readonly payload: unknown;
}

/**
 * Listeners of a cache. Events are queued while an operation is under way and delivered, in order, when the
 * cache is consistent again; a listener may call the cache, whose events then follow. What a listener throws
 * is reported as an uncaught error and disturbs nothing.
 */
export class Events {
  /** Which events have a listener: looked at before an event is made. */
  wanted = 0;
  #subscriptions: Subscription[] = [];
  #queue: Queued[] = [];
  #delivering = false;
  readonly #onWanted: (wanted: number) => void;

  /** @param onWanted called when {@link wanted} changes */
  constructor(onWanted: (wanted: number) => void) {
    this.#onWanted = onWanted;
  }

  /**
   * @param ns the namespace that events must come from
   * @param matches which keys the listener wants events of; all if left out
   */
  on(name: unknown, ns: Namespace, listener: unknown, matches?: (key: string) => boolean): () => void {
    if (!NAMES.includes(name as EventName)) throw invalidArgument('event', name, NAMES.map((n) => `"${n}"`).join(', '));
    if (typeof listener !== 'function') throw invalidArgument('listener', listener, 'a function');
    if (matches !== undefined && name === 'clear')
      throw new TiercelError('ERR_TIERCEL_INVALID_ARGUMENT', 'pattern: not for "clear", which is of no key');
    const subscription: Subscription = {
      name: name as EventName,
      ns,
      listener: listener as Listener,
      matches: matches ?? anyKey,
      active: true,
    };
    // A new array: the old one may be being gone through.
    this.#subscriptions = [...this.#subscriptions, subscription];
    this.#update();
    return () => {
      if (!subscription.active) return;
      subscription.active = false;
      this.#subscriptions = this.#subscriptions.filter((s) => s !== subscription);
      this.#update();
    };
  }

  /** The namespaces that such events are listened for in. @param wanted bits */
  watched(wanted: number): Namespace[] {
    return this.#subscriptions.filter((s) => (BIT[s.name] & wanted) !== 0).map((s) => s.ns);
  }

  /** @param id of the namespace the event comes from */
  push<N extends EventName>(name: N, id: string, payload: CacheEvents<unknown>[N]): void {
    this.#queue.push({ name, id, payload });
  }

  deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    // The queue grows while listeners call the cache; the iterator comes to what is added.
    for (const { name, id, payload } of this.#queue) {
      for (const s of this.#subscriptions) {
        if (s.active && s.name === name && s.ns.id === id && s.matches((payload as { key: string }).key))
          report(s.listener, payload);
      }
    }
    this.#queue = [];
    this.#delivering = false;
  }

  clear(): void {
    for (const s of this.#subscriptions) s.active = false;
    this.#subscriptions = [];
    this.wanted = 0;
  }

  #update(): void {
    let wanted = 0;
    for (const { name } of this.#subscriptions) wanted |= BIT[name];
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    this.#onWanted(wanted);
  }
}

function anyKey(): boolean {
  return true;
}

/** Calls a listener; what it throws is an uncaught error, and nobody else is disturbed. */
export function report(listener: Listener, payload: unknown): void {
  try {
    listener(payload as never);
  } catch (e) {
    queueMicrotask(() => {
      throw e;
    });
  }
}
