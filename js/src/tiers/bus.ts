import type { Change } from './change.js';

/**
 * Carries changes to the other caches that share a second tier, or a source. A message may be late, doubled or lost;
 * a bus must notice if one was lost, or might have been, and say so: then what memory holds is in doubt.
 */
export interface Bus {
  /** For health and errors. Default: `'bus'`. */
  readonly name?: string;
  /** Begins to listen, once. Need not wait for a connection: {@link BusListener.live} tells when there is one. */
  open(listener: BusListener): void | Promise<void>;
  /** Resolves when it is certain that those who are live will hear of the changes, or notice that they did not. */
  publish(changes: readonly Change[]): Promise<void>;
  /**
   * Called before memory is served. A process that was stopped, or kept busy, has not noticed yet how long it has heard
   * nothing: where only timers would tell, calls {@link BusListener.down} now. Synchronous, and quick.
   */
  check?(): void;
  /** Facts of the bus's own, for `Cache.health`. */
  health?(): object;
  close(): void | Promise<void>;
}

/** What a bus tells a cache. None of these throws. */
export interface BusListener {
  /** Others changed this. Not to be called for changes of one's own. */
  changed(changes: readonly Change[]): void;
  /** From now on all changes are heard of. */
  live(): void;
  /** Changes were lost, but none from now on. */
  missed(reason: string): void;
  /** Changes may be being lost, until {@link live}. */
  down(reason: string): void;
}
