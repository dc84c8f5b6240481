import type { Milliseconds } from '../duration.js';
import type { Opening } from '../memory/sharing.js';
import type { Count, Validators } from '../memory/types.js';
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

/** A cache's part of a memory that all threads of the process have, as another thread can come by it: a message may have it. */
export interface CommonMemory {
  /** How the memory is opened. */
  readonly opening: Opening;
  /** That of the cache, which its changes begin with. */
  readonly name: string;
  /** The namespace of memory that the cache is in front of. */
  readonly root: readonly string[];
  /** Whether entries are dropped as soon as changes may be being lost, or not before they are heard of again. */
  readonly isEmptied: boolean;
}

/** Tells others that have the memory of a change, while it is on its way to the second tier. */
export interface Cover {
  /** Whether all of them were told all the time, so that none has read there what was changed since memory was. */
  holds(): boolean;
  end(): void;
}

/**
 * Carries changes to the other caches that share a second tier, or a source. A message may be late, doubled or lost;
 * a bus must notice if one was lost, or might have been, and say so: then what memory holds is in doubt.
 */
export interface Bus {
  /** For health and errors. Default: `'bus'`. */
  readonly name?: string;
  /**
   * Begins to listen, once. Need not wait for a connection: {@link BusListener.live} tells when there is one.
   * @param memory of a cache whose memory all threads have: may be kept by the bus itself, see {@link keepsMemory}
   */
  open(listener: BusListener, memory?: CommonMemory): void | Promise<void>;
  /**
   * Resolves when it is certain that those who are live will hear of the changes, or notice that they did not.
   * @param carried to be told along with them, or left out
   */
  publish(changes: readonly Change[], carried?: Carried): Promise<void>;
  /**
   * Called before memory is served, and whenever that is considered. A process that was stopped, or kept busy, has not noticed yet how long it has heard
   * nothing: where only timers would tell, calls {@link BusListener.down} now. Synchronous, and quick.
   */
  check?(): void;
  /**
   * Whether changes are applied by the bus, in whatever thread, so that the listener is not told of them; and whether it has
   * emptied the memory, as far as it must be, before it tells the listener that it is live, missed something or is down.
   */
  readonly keepsMemory?: boolean;
  /**
   * Called before memory, and the second tier, are changed, if others have that memory.
   * @returns undefined if not all of them can be told: then it is to be changed again once the second tier knows
   */
  cover?(change: Change): Cover | undefined;
  /** Whether others that have the memory have such a change on its way: what the second tier has is not to be read. */
  covers?(namespace: readonly string[], key: string): boolean;
  /** Whether others that have the memory have changes of keys on their way, on which anything may depend. */
  readonly isUnsettled?: boolean;
  /** Changes of others that it has applied by itself. */
  readonly heard?: Count;
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
