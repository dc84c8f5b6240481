// Threads, and this one, with caches that may have one memory.
import { Worker } from 'node:worker_threads';
import { until } from './server.mjs';
import { openUser } from './thread-user.mjs';

let names = 0;
export const newName = () => `threads ${names++}`;

/** What {@link startUser} and this thread tell each other without an event loop. */
export const newSignal = () => new Int32Array(new SharedArrayBuffer(16));

/**
 * A thread with a cache, whose calls are those of thread-user.mjs.
 * @param {object} user @param {(() => unknown)[]} closing what is to be done at the end
 */
export async function startUser(user, closing, signal = newSignal()) {
  const worker = new Worker(new URL('./thread-user.mjs', import.meta.url), {
    workerData: { user, signal: signal.buffer },
  });
  closing.push(() => worker.terminate());
  /** @type {Map<number, { resolve: (answer: unknown) => void, reject: (error: Error) => void }>} */
  const waiting = new Map();
  worker.on('message', ({ id, answer, error }) => {
    if (error === undefined) waiting.get(id)?.resolve(answer);
    else waiting.get(id)?.reject(new Error(error));
  });
  const answerTo = (id) => new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
  let ids = 0;
  await answerTo(ids++);
  const call = (name, ...args) => {
    const id = ids++;
    worker.postMessage({ id, call: name, args });
    return answerTo(id);
  };
  await until('its bus is live', async () => (await call('state')) === 'live');
  return { worker, call };
}

/** A cache in this thread, and what it says of its bus. @param {Parameters<typeof openUser>[0]} user @param {(() => unknown)[]} closing */
export async function openHere(user, closing) {
  const { cache, close } = await openUser(user);
  const doubts = [];
  cache.on('doubt', ({ state }) => doubts.push(state));
  closing.push(close);
  await until('its bus is live', () => cache.health().bus?.state === 'live');
  return { cache, close, doubts };
}
