// The memory of a process, once every thread of it has collected what it does not use: what only one has collected looks, in
// what the process has, as if the others had kept theirs.
import { setTimeout as pause } from 'node:timers/promises';
import { BroadcastChannel } from 'node:worker_threads';

const CHANNEL = 'collect what is not used';
/** What was collected is given back to the system by other threads, some time later. */
const SAMPLES = 3;
const INTERVAL = 50;

/** Has this thread collect when another one measures. */
export function collectWhenAsked() {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = () => globalThis.gc?.();
  channel.unref();
}

/** Bytes that the process has in memory, the least of some samples. */
export async function memoryUsed() {
  const channel = new BroadcastChannel(CHANNEL);
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < SAMPLES; i++) {
    channel.postMessage(null);
    globalThis.gc?.();
    await pause(INTERVAL);
    least = Math.min(least, process.memoryUsage.rss());
  }
  channel.close();
  return least;
}
