/** How many searches are shown, the newest at the right. */
const SHOWN = 60;

/** The scale is logarithmic, from the first to the second. */
const LEAST_MS = 0.01;
const MOST_MS = 1_000;

/** A bar for the time of each search, in the colour of its outcome. */
export class Chart {
  #root;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
  }

  /** @param {import('./search.js').Answer} answer */
  add({ outcome, milliseconds }) {
    const bar = document.createElement('span');
    bar.className = outcome;
    const height = Math.log(milliseconds / LEAST_MS) / Math.log(MOST_MS / LEAST_MS);
    // Through the object model: the policy of the page forbids style attributes in markup.
    bar.style.setProperty('--height', `${Math.min(100, Math.max(2, 100 * height))}%`);
    bar.title = `${outcome}, ${formatTime(milliseconds)}`;
    this.#root.append(bar);
    if (this.#root.childElementCount > SHOWN) this.#root.firstElementChild?.remove();
    const count = this.#root.querySelectorAll('.miss').length;
    const all = this.#root.childElementCount;
    this.#root.ariaLabel = `The last ${all} searches: ${count} went to the server, ${all - count} did not. Last: ${bar.title}`;
  }
}

/** @param {number} milliseconds */
export function formatTime(milliseconds) {
  if (milliseconds < 1) return `${Math.round(milliseconds * 1000)} µs`;
  return `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`;
}
