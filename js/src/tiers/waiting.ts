import type { Milliseconds } from '../duration.js';
import { TiercelError } from '../errors.js';
import { GET_PEEK, GET_STALE } from '../generated/abi.js';
import { type Flight, ignore, type Offer } from '../memory/flight.js';
import type { Request } from '../memory/loading.js';
import type { Count } from '../memory/types.js';
import { startTimer } from '../timers.js';
import type { ReadLoadOptions } from './options.js';
import type { Tiers } from './tiers.js';

/**
 * One call that waits for a load, for as long as its own options say: it may leave with a stale value, or with nothing,
 * while the load and the others go on. Whether a stale value may be served is decided when it is, so that none is that
 * was invalidated meanwhile.
 */
export class Waiting<V> {
  readonly promise: Promise<V>;
  readonly #tiers: Tiers<V>;
  readonly #request: Request<V>;
  readonly #options: ReadLoadOptions;
  #resolve!: (value: V) => void;
  #reject!: (reason: unknown) => void;
  /** How many flights had begun when it was called. */
  readonly #asked: Count;
  #flight: Flight<V> | undefined;
  #soft: ReturnType<typeof setTimeout> | undefined;
  #hard: ReturnType<typeof setTimeout> | undefined;
  #isLate = false;
  #isOver = false;

  /** Whether these options leave nothing to do but to wait. */
  static isPlain(options: ReadLoadOptions): boolean {
    return !(options.stale || options.grace || options.softTimeout || options.hardTimeout || options.signal);
  }

  constructor(tiers: Tiers<V>, request: Request<V>, options: ReadLoadOptions) {
    this.#tiers = tiers;
    this.#request = request;
    this.#options = options;
    this.promise = new Promise<V>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const { loading } = tiers.shared;
    this.#asked = loading.begun;
    const left = () => this.#isOver;
    const entered = (flight: Flight<V>) => this.#enter(flight);
    const value = loading.load({ ...request, asked: this.#asked, left, entered });
    value.then(
      (loaded) => {
        if (this.#end()) this.#resolve(loaded);
      },
      (error: unknown) => this.#fail(error),
    );
    options.waitUntil?.(value.then(ignore, ignore));
    if (!this.#isOver) this.#listen(options);
  }

  #listen({ softTimeout = 0, hardTimeout = 0, signal }: ReadLoadOptions): void {
    if (softTimeout > 0) this.#soft = startTimer(this.#onSoft, softTimeout);
    if (hardTimeout > 0) this.#hard = startTimer(this.#onHard, hardTimeout);
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    // The loader may have done that.
    if (signal?.aborted) this.#onAbort();
  }

  #enter(flight: Flight<V>): void {
    this.#flight?.onOffer?.delete(this.#onOffer);
    this.#flight = flight;
    // It has left already, and this is another load that somebody else waits for.
    if (this.#isOver) return;
    if (flight.offer !== undefined) this.#onOffer(flight.offer);
    flight.onOffer ??= new Set();
    flight.onOffer.add(this.#onOffer);
  }

  /** Whether it was not over before. */
  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    clearTimeout(this.#soft);
    clearTimeout(this.#hard);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#flight?.onOffer?.delete(this.#onOffer);
    return true;
  }

  /** The second tier has a stale value: taken at once if it may be, else if the load takes too long or fails. */
  readonly #onOffer = ({ age, value }: Offer<V>): void => {
    const isWelcome = age < (this.#options.stale ?? 0) || (this.#isLate && age < this.#longest);
    if (!isWelcome || !this.#mayServe || !this.#end()) return;
    if (this.#isLate) this.#tiers.counts.softTimeouts++;
    this.#resolve(value());
  };

  readonly #onSoft = (): void => {
    this.#isLate = true;
    const found = this.#stale();
    if (found === undefined || !this.#end()) return;
    this.#tiers.counts.softTimeouts++;
    this.#resolve(found.value());
  };

  readonly #onHard = (): void => {
    const { hardTimeout, abortOnTimeout } = this.#options;
    const error = new TiercelError(
      'ERR_TIERCEL_TIMEOUT',
      `the load took longer than the hardTimeout of ${hardTimeout} ms`,
    );
    this.#tiers.counts.hardTimeouts++;
    this.#fail(error);
    if (abortOnTimeout) this.#leave(error);
  };

  readonly #onAbort = (): void => {
    const reason: unknown = this.#options.signal?.reason;
    if (!this.#end()) return;
    this.#reject(reason);
    this.#leave(reason);
  };

  #leave(reason: unknown): void {
    if (this.#flight !== undefined) this.#tiers.shared.loading.leave(this.#flight, reason);
  }

  /** The load failed, or might as well have: a stale value is better than an error. */
  #fail(error: unknown): void {
    if (this.#isOver) return;
    const found = this.#stale();
    this.#end();
    if (found === undefined) {
      this.#reject(error);
      return;
    }
    this.#tiers.counts.graced++;
    this.#tiers.events.emit('grace', { key: this.#request.key, error });
    this.#resolve(found.value());
  }

  get #longest(): Milliseconds {
    return Math.max(this.#options.stale ?? 0, this.#options.grace ?? 0);
  }

  /**
   * Whether what its flight has come across may be served: while invalidations are not heard of, no flight that had begun
   * before it was asked, as what that found may have been invalidated before.
   */
  get #mayServe(): boolean {
    return (this.#flight !== undefined && this.#flight.before >= this.#asked) || this.#tiers.trusted;
  }

  /** A value that these options allow where a fresh one cannot be had, as of now. */
  #stale(): { readonly value: () => V } | undefined {
    const { shared } = this.#tiers;
    const { ns, key } = this.#request;
    if (shared.closed || this.#longest === 0) return undefined;
    const { engine, values } = shared;
    const slot = engine.get(ns, key, shared.now(), GET_PEEK | GET_STALE);
    if (slot >= 0 && (this.#tiers.servesStale || (this.#flight?.isKept && this.#mayServe))) {
      const age = (values.note(slot)?.age ?? 0) - engine.ttl;
      if (age < this.#longest) return { value: values.reader(ns, slot) };
    }
    const flight = this.#flight;
    if (flight?.offer === undefined || flight.offer.age >= this.#longest || !this.#mayServe) return undefined;
    return shared.loading.isCurrent(flight, this.#request) ? flight.offer : undefined;
  }
}
