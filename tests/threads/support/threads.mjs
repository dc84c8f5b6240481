// Starts workers that play one of the parts of parts.mjs.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** For promises, events and errors that nobody is interested in. */
export function ignore() {
  // Nothing is to be done.
}

/** A loader that never comes to an end. */
export const never = () => new Promise(ignore);

let names = 0;

/** A name that no other cache of this process has. */
export const newName = () => `threads ${names++}`;

/** @param {string} part @param {object} [data] what the part gets */
export function start(part, data = {}) {
  return new Worker(new URL('./parts.mjs', import.meta.url), { workerData: { part, ...data } });
}

/** The next message of a worker; its error if it ends by one. @param {Worker} worker */
export async function messageOf(worker) {
  const [message] = await once(worker, 'message');
  return message;
}

/** What all workers say at the end, run at once. @param {string} part @param {number} count @param {object} data */
export function play(part, count, data) {
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const worker = start(part, { ...data, seed: i + 1 });
      const [message] = await Promise.all([messageOf(worker), once(worker, 'exit')]);
      return message;
    }),
  );
}
