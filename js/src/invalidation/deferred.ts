import type { Milliseconds } from '../duration.js';
import { isRequestScoped } from '../engine/platform.js';
import { type Appointment, Schedule } from '../memory/schedule.js';
import { type Sweepable, Sweeper } from '../memory/sweeper.js';
import type { Target } from './targets.js';

/** Targets to be invalidated at a time. */
interface Deferred extends Appointment {
  readonly targets: readonly Target[];
  /** Again after so long; 0: once. */
  readonly every: Milliseconds;
  /** Whether it still is to be done. */
  isOn(): boolean;
}

/** Those that have something to do: a timer alone would not keep one whose owner was forgotten. */
const busy = new Set<DeferredInvalidations>();

/** Invalidations of the future, with one timer for the next of them; where there are no timers, {@link take} is called. */
export class DeferredInvalidations implements Sweepable {
  readonly #clock: () => Milliseconds;
  readonly #apply: (targets: readonly Target[]) => void;
  readonly #schedule = new Schedule<Deferred>();
  readonly #sweeper: Sweeper;
  /** Ids of targets that wait for the end of their time. */
  readonly #waiting = new Set<string>();
  closed = false;

  /** @param apply for what the timer finds to be due */
  constructor(clock: () => Milliseconds, apply: (targets: readonly Target[]) => void) {
    this.#clock = clock;
    this.#apply = apply;
    this.#sweeper = new Sweeper(this, !isRequestScoped());
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Whether {@link within} was told of it, and it was not done since. @param id as {@link idOf} */
  isWaiting(id: string): boolean {
    return this.#waiting.has(id);
  }

  /** After `delay`. */
  within(delay: Milliseconds, id: string, target: Target): void {
    this.#waiting.add(id);
    this.#add(delay, 0, [target], () => this.#waiting.delete(id));
  }

  /** @returns calls it off */
  after(delay: Milliseconds, every: Milliseconds, targets: readonly Target[]): () => void {
    let isOn = true;
    this.#add(delay, every, targets, () => isOn);
    return () => {
      isOn = false;
    };
  }

  #add(delay: Milliseconds, every: Milliseconds, targets: readonly Target[], isOn: () => boolean): void {
    const due = this.now() + Math.max(0, delay);
    this.#schedule.add({ due, every, targets, isOn });
    busy.add(this);
    if (due < this.#sweeper.armedFor) this.#sweeper.wake(due);
  }

  /** Takes out what is due. */
  take(now: Milliseconds, most = Number.POSITIVE_INFINITY): Target[] {
    const targets: Target[] = [];
    for (let left = most; left > 0; left--) {
      const next = this.#schedule.take(now);
      if (next === undefined) break;
      if (!next.isOn()) continue;
      targets.push(...next.targets);
      if (next.every > 0) this.#schedule.add({ ...next, due: now + next.every });
    }
    if (this.due() === Number.POSITIVE_INFINITY) busy.delete(this);
    return targets;
  }

  /** Takes out all that would have been done once. */
  close(): Target[] {
    const targets: Target[] = [];
    for (let next = this.#schedule.take(Infinity); next !== undefined; next = this.#schedule.take(Infinity)) {
      if (next.isOn() && next.every === 0) targets.push(...next.targets);
    }
    busy.delete(this);
    this.closed = true;
    this.#sweeper.stop();
    return targets;
  }

  now(): Milliseconds {
    return this.#clock();
  }

  due(): Milliseconds {
    return this.#schedule.due;
  }

  sweep(most: number, now: Milliseconds): number {
    const targets = this.take(now, most);
    if (targets.length > 0) this.#apply(targets);
    return targets.length;
  }
}

export function idOf({ kind, text }: Target): string {
  return `${kind} ${text}`;
}
