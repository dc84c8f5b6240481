import type { Milliseconds } from '../duration.js';
import { TiercelError } from '../errors.js';

/** Most invalidations that may wait at a time. */
const MOST = 2 ** 20;

/** What is to be invalidated, and when, by some clock. */
export interface Appointment {
  readonly due: Milliseconds;
}

/** Invalidations yet to come: a binary heap, the next one first. Invariant: no item is due before its parent. */
export class Schedule<T extends Appointment> {
  readonly #heap: T[] = [];

  /** When the next is due; infinity if there is none. */
  due: Milliseconds = Number.POSITIVE_INFINITY;

  /** O(log n). */
  add(appointment: T): void {
    const heap = this.#heap;
    if (heap.length === MOST)
      throw new TiercelError('ERR_TIERCEL_LIMIT', 'a limit was reached: 2^20 scheduled invalidations at a time');
    let at = heap.length;
    for (let parent = (at - 1) >> 1; at > 0 && this.#dueAt(parent) > appointment.due; parent = (at - 1) >> 1) {
      heap[at] = heap[parent] as T;
      at = parent;
    }
    heap[at] = appointment;
    this.due = this.#dueAt(0);
  }

  /** Takes out the next, if it is due. O(log n). */
  take(now: Milliseconds): T | undefined {
    const heap = this.#heap;
    if (this.due > now) return undefined;
    const first = heap[0];
    const last = heap.pop();
    if (last !== undefined && heap.length > 0) this.#sink(last);
    this.due = this.#dueAt(0);
    return first;
  }

  clear(): void {
    this.#heap.length = 0;
    this.due = Number.POSITIVE_INFINITY;
  }

  /** Puts an item where the first was, and down from there as far as it must. */
  #sink(item: T): void {
    const heap = this.#heap;
    let at = 0;
    while (true) {
      let child = 2 * at + 1;
      if (this.#dueAt(child + 1) < this.#dueAt(child)) child++;
      if (this.#dueAt(child) >= item.due) break;
      heap[at] = heap[child] as T;
      at = child;
    }
    heap[at] = item;
  }

  /** Infinity beyond the last. */
  #dueAt(i: number): Milliseconds {
    return this.#heap[i]?.due ?? Number.POSITIVE_INFINITY;
  }
}
