import type { Milliseconds } from '../duration.js';

/** Whether the thread hears of all changes, of all but perhaps some, or is not there any more. */
export const DOWN = 0;
export const LIVE = 1;
export const ENDED = 2;

/** Places of numbers. */
const STATE = 0;
const TURNS = 1;
const HEARD_UNTIL = 2;
const COUNTS = 3;
const COMPLETE = 13;
const ROWS = 14;
const REASON_LENGTH = 15;
const REASON = 16;
const MOST_REASON = 200;
const COVERS = REASON + MOST_REASON;
/** Most caches that can tell of what they have on its way: each has a row of counts. */
const MOST_ROWS = 64;
/** Of a row: changes of more than a key, those of keys, and from here on those of keys whose hash it is. */
const SCOPES = 0;
const KEYS = 1;
const HASHES = 2;
const ROW = 1_024;

/** What is counted, in the order of its places. */
const COUNTED = ['applied', 'received', 'gaps', 'late', 'unreadable', 'silences', 'senders'] as const;
export type Counts = Record<(typeof COUNTED)[number], number>;

/** The largest difference of two times that can be told. */
const FURTHEST: Milliseconds = 2 ** 30;

/** What the thread of a bus tells all threads, in memory that they have in common: to look at it takes no event loop. */
export class Board {
  readonly memory: SharedArrayBuffer;
  readonly #numbers: Int32Array;

  constructor(memory = new SharedArrayBuffer(4 * (COVERS + MOST_ROWS * ROW))) {
    this.memory = memory;
    this.#numbers = new Int32Array(memory);
  }

  get state(): number {
    return this.#get(STATE);
  }

  /** Another number each time that the state was told, be it the same: then something was missed. */
  get turns(): number {
    return this.#get(TURNS);
  }

  get reason(): string {
    return String.fromCharCode(...Array.from({ length: this.#get(REASON_LENGTH) }, (_, i) => this.#get(REASON + i)));
  }

  get counts(): Counts {
    return Object.fromEntries(COUNTED.map((name, i) => [name, this.#get(COUNTS + i)])) as Counts;
  }

  get applied(): number {
    return this.#get(COUNTS);
  }

  /** Whether what was heard of last was sent longer ago than that. */
  isSilent(limit: Milliseconds): boolean {
    // Of times only the last 32 bits are there.
    const age = ((commonNow() | 0) - this.#get(HEARD_UNTIL)) | 0;
    return Math.abs(age) > Math.min(limit, FURTHEST);
  }

  // ---- What is on its way to the second tier, of each cache

  /** @param place of a key, or of more */
  cover(row: number, place: string | undefined, more: 1 | -1): void {
    if (place === undefined) this.#add(row, SCOPES, more);
    else {
      this.#add(row, KEYS, more);
      this.#add(row, hashOf(place), more);
    }
  }

  /** Whether any has a change of the place on its way; true of some others as well. @param row not to be looked at */
  covers(place: () => string, row: number): boolean {
    if (this.#any(SCOPES, row)) return true;
    return this.#any(KEYS, row) && this.#any(hashOf(place()), row);
  }

  /** Whether all that have the memory, as far as that is known, are here. */
  get isComplete(): boolean {
    return this.#get(COMPLETE) === 1;
  }

  coversKeys(row: number): boolean {
    return this.#any(KEYS, row);
  }

  #any(column: number, but: number): boolean {
    const rows = this.#get(ROWS);
    for (let row = 0; row < rows; row++) if (row !== but && this.#get(COVERS + row * ROW + column) !== 0) return true;
    return false;
  }

  #add(row: number, column: number, more: number): void {
    Atomics.add(this.#numbers, COVERS + row * ROW + column, more);
  }

  // ---- For the thread alone

  set isComplete(is: boolean) {
    this.#set(COMPLETE, +is);
  }

  /** A row that nobody has; -1 if there is none. */
  takeRow(taken: ReadonlySet<number>): number {
    let row = 0;
    while (taken.has(row)) row++;
    if (row === MOST_ROWS) return -1;
    this.#set(ROWS, Math.max(this.#get(ROWS), row + 1));
    return row;
  }

  /** Nothing of it is on its way any more, or ever will be. */
  emptyRow(row: number): void {
    for (let column = 0; row >= 0 && column < ROW; column++) this.#set(COVERS + row * ROW + column, 0);
  }

  turn(state: number, reason: string): void {
    const length = Math.min(reason.length, MOST_REASON);
    for (let i = 0; i < length; i++) this.#set(REASON + i, reason.charCodeAt(i));
    this.#set(REASON_LENGTH, length);
    this.#set(STATE, state);
    Atomics.add(this.#numbers, TURNS, 1);
  }

  /** @param until by the clock of `performance` of this thread */
  heard(until: Milliseconds, counts: Counts): void {
    this.#set(HEARD_UNTIL, (until + offset()) | 0);
    for (const [i, name] of COUNTED.entries()) this.#set(COUNTS + i, counts[name]);
  }

  #get(place: number): number {
    return Atomics.load(this.#numbers, place);
  }

  #set(place: number, value: number): void {
    Atomics.store(this.#numbers, place, value);
  }
}

/** FNV-1a. */
function hashOf(place: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < place.length; i++) hash = Math.imul(hash ^ place.charCodeAt(i), 0x01000193);
  return HASHES + ((hash >>> 0) % (ROW - HASHES));
}

let known: Milliseconds | undefined;

/** How far the clock of `performance`, which begins with each thread, is behind that of the process. */
function offset(): Milliseconds {
  if (known === undefined) {
    const [seconds, nanoseconds] = process.hrtime();
    known = seconds * 1_000 + nanoseconds / 1e6 - performance.now();
  }
  return known;
}

/** Milliseconds of a clock that is the same in all threads. */
function commonNow(): Milliseconds {
  return performance.now() + offset();
}
