import type { Milliseconds } from '../duration.js';
import { invalidArgument, TiercelError } from '../errors.js';
import {
  FRAME_DAMAGED,
  FRAME_FOREIGN,
  FRAME_FORMAT,
  FRAME_HEAD,
  FRAME_LENGTHS,
  FRAME_LOADED_AT,
  FRAME_MALFORMED,
  FRAME_MOST_STRINGS,
  FRAME_OTHER_PLACE,
  FRAME_OTHER_VERSION,
  FRAME_SOUND,
  FRAME_STALE,
  FRAME_TOOK,
  FRAME_TRUNCATED,
  FRAME_TTL,
  FRAME_WRITTEN_AT,
} from '../generated/abi.js';
import { DEPENDENCY, putPacked, readPacked, sizeOfList, TAG } from './buffer.js';
import { openEngine } from './platform.js';
import { align, type Port } from './port.js';

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
 * What a second tier stores of an entry. Any JavaScript string is kept as it is. There are at most 1024 tags and
 * dependencies, 512 scopes and 1023 parts of the namespace, and a frame has at most 512 MiB, as a string of Redis.
 */
export interface Frame extends FramePlace {
  /** How the payload is to be read: a number from 0 to 2^32 - 1 that is the writer's own. */
  readonly format: number;
  /** When the load began and when the frame was written, by clocks of the writer's choice: numbers, but not NaN. */
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
 * - `version`: of a version of the format that is not known here, as of a newer release
 * - `truncated`: they end too early
 * - `checksum`: they were changed, or go on where they should end
 * - `malformed`: whoever wrote them did it wrong: the checksum is right
 * - `key`: they are of another key or namespace
 * - `memory`: there is none to look at them
 */
export type FrameFault = 'foreign' | 'version' | 'truncated' | 'checksum' | 'malformed' | 'key' | 'memory';

const FAULTS: Readonly<Record<number, FrameFault>> = {
  [FRAME_FOREIGN]: 'foreign',
  [FRAME_OTHER_VERSION]: 'version',
  [FRAME_TRUNCATED]: 'truncated',
  [FRAME_DAMAGED]: 'checksum',
  [FRAME_MALFORMED]: 'malformed',
  [FRAME_OTHER_PLACE]: 'key',
};

const MOST_BYTES = 512 * 1024 ** 2;

/** Kinds of validators, as in the heads of their list. */
const ETAG = TAG;
const LAST_MODIFIED = DEPENDENCY;

/** One for all frames: they are looked at one after the other, and nothing of them stays. */
let port: Port | undefined;

/** Does something with an engine of `auto`. One that failed is not used again. */
function withPort<T>(use: (port: Port) => T): T {
  port ??= openEngine('auto');
  try {
    return use(port);
  } catch (error) {
    port = undefined;
    throw error;
  }
}

/**
 * The bytes of a frame. O(bytes).
 *
 * @throws TiercelError `ERR_TIERCEL_INVALID_ARGUMENT`, `ERR_TIERCEL_LIMIT` for one that is too large or has too many
 *   strings, `ERR_TIERCEL_OUT_OF_MEMORY`
 */
export function encodeFrame(frame: Frame): Uint8Array {
  check(frame);
  const { scopes, tags, dependsOn, etag, lastModified, payload } = frame;
  const tokens = scopes.flatMap(({ name, token }) => [name, token]);
  const place = placeOf(frame);
  const etags = etag === undefined ? NO_NAMES : [etag];
  const dates = lastModified === undefined ? NO_NAMES : [lastModified];
  let room = FRAME_HEAD + payload.length;
  for (const strings of [tokens, place, tags, dependsOn, etags, dates]) room += roomOf(strings);
  // What it has at most: one that is a little smaller than the limit is refused as well.
  if (room > MOST_BYTES) throw limit(`it would have up to ${room} bytes; accepted: ${MOST_BYTES}`);
  return withPort((engine) => {
    if (!engine.reserve(room)) throw new TiercelError('ERR_TIERCEL_OUT_OF_MEMORY', 'no memory for a frame');
    const { inputs } = engine;
    const head = headOf(inputs);
    head.setUint32(FRAME_FORMAT, frame.format, true);
    head.setFloat64(FRAME_LOADED_AT, frame.loadedAt, true);
    head.setFloat64(FRAME_WRITTEN_AT, frame.writtenAt, true);
    head.setFloat64(FRAME_TTL, frame.ttl, true);
    head.setFloat64(FRAME_STALE, frame.stale, true);
    head.setFloat64(FRAME_TOOK, frame.took, true);
    let at = FRAME_HEAD;
    const end = (part: number, to: number) => {
      head.setUint32(FRAME_LENGTHS + 4 * part, to - at, true);
      at = to;
    };
    end(0, put(inputs, at, TAG, tokens));
    end(1, put(inputs, at, TAG, place));
    end(2, put(inputs, put(inputs, at, TAG, tags), DEPENDENCY, dependsOn));
    end(3, put(inputs, put(inputs, at, ETAG, etags), LAST_MODIFIED, dates));
    inputs.set(payload, at);
    end(4, at + payload.length);
    if (engine.frameSeal(0, at) !== FRAME_SOUND)
      throw limit(`accepted: ${FRAME_MOST_STRINGS} tags and dependencies, ${FRAME_MOST_STRINGS / 2} scopes`);
    return inputs.slice(0, at);
  });
}

/**
 * What bytes say that should be the frame of a place, or why they are not. The payload is a view of the bytes. Whatever
 * the bytes are, nothing is thrown. O(bytes).
 */
export function decodeFrame(bytes: Uint8Array, place: FramePlace): Frame | FrameFault {
  if (!(bytes instanceof Uint8Array)) throw invalidArgument('bytes', bytes, 'a Uint8Array');
  if (bytes.length > MOST_BYTES) return 'foreign';
  const parts = placeOf(place);
  const placeAt = align(bytes.length);
  return withPort((engine) => {
    if (!engine.reserve(placeAt + roomOf(parts))) return 'memory';
    const { inputs } = engine;
    inputs.set(bytes);
    const placeBytes = put(inputs, placeAt, TAG, parts) - placeAt;
    const fault = engine.frameCheck(0, bytes.length, placeAt, placeBytes);
    return fault === FRAME_SOUND ? new ReadFrame(inputs, bytes, place) : (FAULTS[fault] ?? 'malformed');
  });
}

/** A frame that was checked: `inputs` begins with it. A class, as there is one for each key that is read: see memory/flight.ts. */
class ReadFrame implements Frame {
  readonly namespace: readonly string[];
  readonly key: string;
  readonly format: number;
  readonly loadedAt: number;
  readonly writtenAt: number;
  readonly ttl: Milliseconds;
  readonly stale: Milliseconds;
  readonly took: Milliseconds;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  readonly tags: readonly string[];
  readonly dependsOn: readonly string[];
  readonly scopes: readonly FrameScope[];
  readonly payload: Uint8Array;

  constructor(inputs: Uint8Array, bytes: Uint8Array, { namespace, key }: FramePlace) {
    const head = headOf(inputs);
    this.namespace = namespace;
    this.key = key;
    this.format = head.getUint32(FRAME_FORMAT, true);
    this.loadedAt = head.getFloat64(FRAME_LOADED_AT, true);
    this.writtenAt = head.getFloat64(FRAME_WRITTEN_AT, true);
    this.ttl = head.getFloat64(FRAME_TTL, true);
    this.stale = head.getFloat64(FRAME_STALE, true);
    this.took = head.getFloat64(FRAME_TOOK, true);
    const place = FRAME_HEAD + head.getUint32(FRAME_LENGTHS, true);
    const names = place + head.getUint32(FRAME_LENGTHS + 4, true);
    const validators = names + head.getUint32(FRAME_LENGTHS + 8, true);
    const payload = validators + head.getUint32(FRAME_LENGTHS + 12, true);
    this.scopes = place === FRAME_HEAD ? NO_SCOPES : scopesOf(readPacked(inputs, FRAME_HEAD, place));
    this.tags = names === validators ? NO_NAMES : readPacked(inputs, names, validators, TAG);
    this.dependsOn = names === validators ? NO_NAMES : readPacked(inputs, names, validators, DEPENDENCY);
    this.etag = validators === payload ? undefined : readPacked(inputs, validators, payload, ETAG)[0];
    this.lastModified = validators === payload ? undefined : readPacked(inputs, validators, payload, LAST_MODIFIED)[0];
    this.payload = bytes.subarray(payload);
  }
}

const NO_NAMES: readonly string[] = Object.freeze([]);
const NO_SCOPES: readonly FrameScope[] = Object.freeze([]);

/** @param strings name, token, name, token */
function scopesOf(strings: readonly string[]): FrameScope[] {
  const scopes: FrameScope[] = [];
  for (let i = 0; i < strings.length; i += 2)
    scopes.push({ name: strings[i] as string, token: strings[i + 1] as string });
  return scopes;
}

/** The last that was made, as it is mostly the next as well. */
let head: DataView = new DataView(new ArrayBuffer(0));

/** A view of the head of a frame that a buffer begins with. */
function headOf(inputs: Uint8Array): DataView {
  if (head.buffer !== inputs.buffer || head.byteOffset !== inputs.byteOffset)
    head = new DataView(inputs.buffer, inputs.byteOffset, FRAME_HEAD);
  return head;
}

/** The parts of a namespace and the key, which together are no other place's. */
const placeOf = ({ namespace, key }: FramePlace): readonly string[] => [...namespace, key];

/** An upper bound of the bytes of a packed list; the first thing that is asked of strings from outside. */
function roomOf(strings: readonly string[]): number {
  for (const text of strings)
    if (typeof text !== 'string') throw invalidArgument('namespace, key, scopes, tags, dependsOn', text, 'strings');
  return sizeOfList(strings);
}

function put(inputs: Uint8Array, at: number, kind: number, strings: readonly string[]): number {
  let end = at;
  for (const text of strings) end = putPacked(inputs, end, text, kind, Number.POSITIVE_INFINITY);
  return end;
}

function check({ format, loadedAt, writtenAt, ttl, stale, took, payload }: Frame): void {
  if (format >>> 0 !== format) throw invalidArgument('format', format, 'an integer from 0 to 2^32 - 1');
  checkStamp('loadedAt', loadedAt);
  checkStamp('writtenAt', writtenAt);
  checkLength('ttl', ttl);
  checkLength('stale', stale);
  checkLength('took', took);
  if (!(payload instanceof Uint8Array)) throw invalidArgument('payload', payload, 'a Uint8Array');
}

function checkStamp(name: string, stamp: number): void {
  if (typeof stamp !== 'number' || Number.isNaN(stamp)) throw invalidArgument(name, stamp, 'a number');
}

function checkLength(name: string, length: number): void {
  if (!(typeof length === 'number' && length >= 0)) throw invalidArgument(name, length, 'milliseconds from 0');
}

function limit(what: string): TiercelError {
  return new TiercelError('ERR_TIERCEL_LIMIT', `a frame is too large: ${what}`);
}
