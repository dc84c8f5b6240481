import { report } from '../memory/events.js';
import type { TierEvents } from './types.js';

export type OwnEvent = Exclude<keyof TierEvents<unknown>, keyof import('../memory/types.js').CacheEvents<unknown>>;
type Listener = (payload: never) => void;

export const OWN_EVENTS: readonly OwnEvent[] = ['error', 'grace', 'breaker', 'doubt'];

/** Listeners to what happens to the tiers. What one throws is reported as uncaught and disturbs nothing. */
export class Emitter {
  readonly #listeners = new Map<OwnEvent, Set<Listener>>();

  on(event: OwnEvent, listener: Listener): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    // One function may be subscribed more than once.
    const own: Listener = (payload) => listener(payload);
    this.#listeners.set(event, listeners.add(own));
    return () => void listeners.delete(own);
  }

  emit<N extends OwnEvent>(event: N, payload: TierEvents<unknown>[N]): void {
    for (const listener of this.#listeners.get(event) ?? []) report(listener, payload);
  }

  clear(): void {
    this.#listeners.clear();
  }
}
