import type { Milliseconds } from '../duration.js';
import type { Validators } from '../memory/types.js';
import type { Change } from './change.js';
import type { RemotePoint } from './remote.js';

/** What may go with changes, for those who can make use of it. */
export interface Carried {
  /** Where the changes stand in the order of the second tier. */
  readonly point: RemotePoint;
  /** What keys were set to: one for each change, where that may be told. */
  readonly values: readonly (CarriedValue | undefined)[];
}

/** Times are lengths, as of when it was sent. */
export interface CarriedValue extends Validators {
  readonly json: string;
  /** 0: for ever. */
  readonly ttl: Milliseconds;
  readonly stale: Milliseconds;
  readonly tags: readonly string[];
  /** How long it took to load. */
  readonly took?: Milliseconds;
}

/**
 * Carries changes to the other caches that share a second tier, or a source. A message may be late, doubled or lost;
 * a bus must notice if one was lost, or might have been, and say so: then what memory holds is in doubt.
 */
export interface Bus {
  /** For health and errors. Default: `'bus'`. */
  readonly name?: string;
  /** Begins to listen, once. Need not wait for a connection: {@link BusListener.live} tells when there is one. */
  open(listener: BusListener): void | Promise<void>;
  /**
   * Resolves when it is certain that those who are live will hear of the changes, or notice that they did not.
   * @param carried to be told along with them, or left out
   */
  publish(changes: readonly Change[], carried?: Carried): Promise<void>;
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
  /**
   * Others changed this. Not to be called for changes of one's own.
   * @param age how long ago it was sent at most: what is carried is of no use without that
   */
  changed(changes: readonly Change[], carried?: Carried, age?: Milliseconds): void;
  /** From now on all changes are heard of. */
  live(): void;
  /** Changes were lost, but none from now on. */
  missed(reason: string): void;
  /** Changes may be being lost, until {@link live}; again if there is another reason. */
  down(reason: string): void;
}
