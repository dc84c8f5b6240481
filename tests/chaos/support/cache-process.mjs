// One process of a fleet: an actor, or threads with an actor each, whose messages it passes on with their number. Its options
// are its argument, as JSON.
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { act } from './actor.mjs';
import { collectWhenAsked, memoryUsed } from './memory.mjs';

/** Not without whoever started it. */
const endsAlone = () => process.exit(1);

if (isMainThread) {
  process.on('disconnect', endsAlone);
  process.on('message', async (/** @type {any} */ { measure, actor }) => {
    if (measure !== undefined) process.send?.({ actor, measured: measure, memory: await memoryUsed() });
  });
  const { threads, ...options } = JSON.parse(process.argv[2] ?? '{}');
  if (threads === undefined) actAlone(options);
  else passOn(threads, options);
} else {
  collectWhenAsked();
  void act(workerData, {
    send: (message) => parentPort?.postMessage(message),
    listen: (listener) => parentPort?.on('message', listener).unref(),
  });
}

function leave() {
  process.off('disconnect', endsAlone);
  process.disconnect();
}

function actAlone(options) {
  void act(options, {
    send(message) {
      process.send?.({ actor: 0, ...message });
      if ('stopped' in message) leave();
    },
    listen: (listener) => process.on('message', listener),
  });
}

function passOn(threads, options) {
  /** @type {Map<number, Worker>} */
  const workers = new Map();

  function start(actor, name) {
    const worker = new Worker(new URL(import.meta.url), { workerData: { ...options, name } });
    workers.set(actor, worker);
    worker.on('message', (message) => {
      process.send?.({ actor, ...message });
      if (!('stopped' in message)) return;
      workers.delete(actor);
      if (workers.size === 0) leave();
    });
    worker.on('error', (error) => {
      throw error;
    });
  }

  for (const [actor, name] of threads.entries()) start(actor, name);
  process.on('message', async (/** @type {any} */ message) => {
    if (message.terminate === undefined) workers.get(message.actor)?.postMessage(message);
    else {
      await workers.get(message.terminate)?.terminate();
      process.send?.({ actor: message.terminate, terminated: true });
      start(message.terminate, message.name);
    }
  });
}
