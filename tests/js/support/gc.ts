import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { settled } from './deferred.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Runs the collector, and what waits for it, until `done` or a few times. */
export async function collectGarbage(done: () => boolean = () => false): Promise<void> {
  for (let i = 0; i < 10 && !done(); i++) {
    await settled();
    collect();
  }
}
