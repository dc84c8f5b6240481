// The memory of a process, once every thread of it has collected what it does not use: what only one has collected looks, in
// what the process has, as if the others had kept theirs.
import { setTimeout as pause } from 'node:timers/promises';
import { BroadcastChannel } from 'node:worker_threads';

const CHANNEL = 'collect what is not used';
/** What was collected is given back to the system by other threads, some time later. */
const INTERVAL = 50;
/** Who has that many bytes more than before is looked at again, as often as this. */
const MORE = 2 * 2 ** 20;
const SAMPLES = 4;
let before = 0;

/** Has this thread collect when another one measures. */
export function collectWhenAsked() {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = () => globalThis.gc?.();
  channel.unref();
}

/** Bytes that the process has in memory; the least of some samples, if it seems to have more than when it was last measured. */
export async function memoryUsed() {
  const channel = new BroadcastChannel(CHANNEL);
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < SAMPLES && least > before + MORE; i++) {
    channel.postMessage(null);
    globalThis.gc?.();
    await pause(INTERVAL);
    least = Math.min(least, process.memoryUsage.rss());
  }
  channel.close();
  before = least;
  return least;
}
