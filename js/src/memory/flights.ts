import type { Flight } from './flight.js';

/** A power of two, as loads are found by the last bits of their numbers. */
const FEWEST_BUCKETS = 16;

/**
 * Loads in flight, by their numbers: a hash table with chains. A Map would do, but for what its tables cost the garbage
 * collector: see docs/decisions/0030.
 */
export class Flights<V> {
  #buckets = emptyBuckets<V>(FEWEST_BUCKETS);
  #size = 0;

  get(load: number): Flight<V> | undefined {
    let flight = this.#buckets[this.#bucketOf(load)];
    while (flight !== undefined && flight.load !== load) flight = flight.next;
    return flight;
  }

  /** @param flight of a load that none is there of */
  add(flight: Flight<V>): void {
    if (this.#size === this.#buckets.length) this.#grow();
    this.#size++;
    this.#chain(flight);
  }

  delete(load: number): void {
    const bucket = this.#bucketOf(load);
    let before: Flight<V> | undefined;
    let flight = this.#buckets[bucket];
    while (flight !== undefined && flight.load !== load) {
      before = flight;
      flight = flight.next;
    }
    if (flight === undefined) return;
    if (before === undefined) this.#buckets[bucket] = flight.next;
    else before.next = flight.next;
    // What is gone leads to nothing that is there.
    flight.next = undefined;
    this.#size--;
  }

  clear(): void {
    this.#buckets = emptyBuckets(FEWEST_BUCKETS);
    this.#size = 0;
  }

  all(): Flight<V>[] {
    const flights: Flight<V>[] = [];
    for (const head of this.#buckets)
      for (let flight = head; flight !== undefined; flight = flight.next) flights.push(flight);
    return flights;
  }

  // Numbers of loads are integers up to 2^53, of which `&` takes the last 32 bits.
  #bucketOf(load: number): number {
    return load & (this.#buckets.length - 1);
  }

  #chain(flight: Flight<V>): void {
    const bucket = this.#bucketOf(flight.load);
    flight.next = this.#buckets[bucket];
    this.#buckets[bucket] = flight;
  }

  #grow(): void {
    const flights = this.all();
    this.#buckets = emptyBuckets(2 * this.#buckets.length);
    for (const flight of flights) this.#chain(flight);
  }
}

function emptyBuckets<V>(count: number): (Flight<V> | undefined)[] {
  return new Array<Flight<V> | undefined>(count).fill(undefined);
}
