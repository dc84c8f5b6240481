// Fleets that are used again: to start one costs as much as several rounds of a fault.
import { Fleet } from './fleet.mjs';
import { violationsOf } from './report.mjs';
import { suffer } from './rounds.mjs';

/** @typedef {Parameters<typeof suffer>[2]} Rounds */

export class Pool {
  /** @type {Fleet[]} */
  #idle = [];
  #options;

  /** @param {import('./fleet.mjs').FleetOptions} [options] of all fleets */
  constructor(options = {}) {
    this.#options = options;
  }

  /** One that broke a promise, or broke itself, is not used again. @param {string} fault @param {Rounds} rounds */
  async suffer(fault, rounds) {
    const fleet = this.#idle.pop() ?? (await Fleet.open(this.#options));
    let isRight = false;
    try {
      const outcome = await suffer(fleet, fault, rounds);
      isRight = violationsOf([outcome]).length === 0;
      return outcome;
    } finally {
      if (isRight) this.#idle.push(fleet);
      else await fleet.close();
    }
  }

  async close() {
    await Promise.all(this.#idle.splice(0).map((fleet) => fleet.close()));
  }
}
