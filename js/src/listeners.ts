import { invalidArgument } from './errors.js';

/** Who listens to the events of one object. `Events` has the payload of each event by its name. */
export class Listeners<Events extends object> {
  readonly #byEvent: ReadonlyMap<keyof Events, Set<(payload: never) => void>>;

  constructor(...names: (keyof Events & string)[]) {
    this.#byEvent = new Map(names.map((name) => [name, new Set()]));
  }

  /** Returns the end of the subscription. */
  on<N extends keyof Events & string>(event: N, listener: (payload: Events[N]) => void): () => void {
    const listeners = this.#byEvent.get(event);
    if (listeners === undefined)
      throw invalidArgument('event', event, [...this.#byEvent.keys()].map((name) => `"${String(name)}"`).join(', '));
    if (typeof listener !== 'function') throw invalidArgument('listener', listener, 'a function');
    // One of its own, so that a listener that is given twice is two.
    const own = (payload: never) => listener(payload);
    listeners.add(own);
    return () => void listeners.delete(own);
  }

  /** Tells all that listen. What they throw is reported as uncaught and disturbs nothing. */
  emit<N extends keyof Events & string>(event: N, payload: Events[N]): void {
    for (const listener of this.#byEvent.get(event) ?? []) {
      try {
        listener(payload as never);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
