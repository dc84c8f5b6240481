import type { Milliseconds } from '../duration.js';
import type { Frame, FrameFault, FramePlace, FrameScope } from '../engine/frame.js';
import type { RemoteEntry } from '../tiers/remote.js';
import type { Payload, PayloadFault } from './payload.js';

/** Why an entry that is there cannot be read. */
export type TierFault = FrameFault | PayloadFault;

/** As good as for ever: 317 years. */
export const MOST_STALE: Milliseconds = 1e13;

/**
 * What is stored of an entry.
 * @param now the wall clock: when it is written
 * @param scopes with their tokens, if nothing else keeps them beside the frame
 */
export function frameOf(
  { namespace, key }: FramePlace,
  entry: RemoteEntry,
  { format, payload }: Payload,
  now: Milliseconds,
  scopes: readonly FrameScope[] = [],
): Frame {
  const { ttl, stale, tags, dependsOn, etag, lastModified, took = 0 } = entry;
  return {
    namespace,
    key,
    format,
    payload,
    loadedAt: now - took,
    writtenAt: now,
    ttl: Math.max(0, ttl),
    stale: Math.min(stale, MOST_STALE),
    took,
    etag,
    lastModified,
    tags,
    dependsOn,
    scopes,
  };
}

/** Most are of this kind. A class, as there is one for each key that is read: see memory/flight.ts. */
class Entry implements RemoteEntry {
  readonly value: unknown;
  readonly ttl: Milliseconds;
  readonly stale: Milliseconds;
  readonly tags: readonly string[];
  readonly dependsOn: readonly string[];

  constructor(
    value: unknown,
    ttl: Milliseconds,
    stale: Milliseconds,
    tags: readonly string[],
    dependsOn: readonly string[],
  ) {
    this.value = value;
    this.ttl = ttl;
    this.stale = stale;
    this.tags = tags;
    this.dependsOn = dependsOn;
  }
}

/** The entry that a frame is of. @param ttl how long it is still fresh */
export function entryOf(frame: Frame, ttl: Milliseconds, value: unknown): RemoteEntry {
  const { stale, tags, dependsOn, etag, lastModified, took } = frame;
  if (etag === undefined && lastModified === undefined && !(took > 0))
    return new Entry(value, ttl, stale, tags, dependsOn);
  return {
    value,
    ttl,
    stale,
    tags,
    dependsOn,
    ...(etag !== undefined && { etag }),
    ...(lastModified !== undefined && { lastModified }),
    ...(took > 0 && { took }),
  };
}

/** Codecs answer at once where nothing has to be awaited. */
export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function';
}
