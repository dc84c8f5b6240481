import type { Milliseconds } from '../duration.js';

/** A scope that an entry belongs to, and the token that it had before the entry's value was loaded. */
export interface FrameScope {
  readonly name: string;
  readonly token: string;
}

/** Where an entry is: a frame that was written for another place is never taken for it. */
export interface FramePlace {
  readonly namespace: readonly string[];
  readonly key: string;
}

/**
 * What a second tier stores of an entry, in bytes. Any JavaScript string is kept as it is. No list has more than
 * 1024 strings, where a scope counts as two, and a frame has at most 512 MiB.
 */
export interface Frame extends FramePlace {
  /** How the payload is to be read: a number from 0 to 2^32 - 1 that is the writer's own. */
  readonly format: number;
  /** When the load began and when the frame was written, by a clock of the writer's choice; numbers, but not NaN. */
  readonly loadedAt: number;
  readonly writtenAt: number;
  /** How long the value stays fresh as of `writtenAt`, from 0 to Infinity; and may be served as stale after that. */
  readonly ttl: Milliseconds;
  readonly stale: Milliseconds;
  /** How long the load took, 0 if that is not known. */
  readonly took: Milliseconds;
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
  readonly tags: readonly string[];
  readonly dependsOn: readonly string[];
  readonly scopes: readonly FrameScope[];
  readonly payload: Uint8Array;
}

/**
 * Why bytes are no frame, or not the one that was looked for:
 * - `foreign`: something else wrote them
 * - `version`: a version of the format that is not known here, as of a newer release
 * - `truncated`: they end too early
 * - `checksum`: they were changed, or go on where they should end
 * - `malformed`: whoever wrote them did it wrong: the checksum is right
 * - `key`: they are of another key or namespace
 */
export type FrameFault = 'foreign' | 'version' | 'truncated' | 'checksum' | 'malformed' | 'key';

/*
 * The two calls, of which `tiercel` exports both, and which never let an error of the bytes through:
 *
 *   encodeFrame(frame: Frame): Uint8Array                           ERR_TIERCEL_LIMIT, ERR_TIERCEL_INVALID_ARGUMENT
 *   decodeFrame(bytes: Uint8Array, place: FramePlace): Frame | FrameFault
 *
 * The bytes begin with a head of 72 bytes, in little-endian, at whose fixed places a script may look:
 *    0  'TCF' and the version, 1
 *    4  u32 format
 *    8  u64 checksum of all the rest
 *   16  f64 loadedAt, writtenAt, ttl, stale, took
 *   56  u32 length in bytes of each of: scopes, place, names, payload
 *   72  those, the first three as packed lists (convention 6 of abi.h): for each string a u32 of
 *       (bytes * 4 + kind * 2 + encoding), its bytes, and zeros up to a multiple of 4; Latin-1 where it fits
 * Scopes are name, token, name, token. So in Lua: struct.unpack('<I4', frame, 57) bytes of scopes from index 73 on.
 */
