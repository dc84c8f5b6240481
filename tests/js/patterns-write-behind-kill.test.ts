import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Random } from './support/random.js';

const INTERVAL = 20;
const KEYS = 40;
const MAX_QUEUE = 64;

/**
 * A process that accepts a write in each millisecond, by a clock of its own, for a store that takes one turn of the event
 * loop, and says at once what it accepted, what is pending, and what the store has. It is killed after so many writes.
 */
async function killedAfter(accepts: number, options: string) {
  const program = `
    import { writeSync } from 'node:fs';
    import { MemoryCache } from 'tiercel';
    import { writeBehind } from 'tiercel/patterns';
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const say = (line) => writeSync(1, line + '\\n');
    let now = 0;
    const timers = new Set();
    const store = writeBehind(MemoryCache.createSync(), {
      write: async (operations) => {
        await turn();
        for (const { key, value } of operations) say(['wrote', key, value].join(' '));
      },
      deadLetter: () => say('gave up'),
      interval: ${INTERVAL},
      maxQueue: ${MAX_QUEUE},
      timers: {
        now: () => now,
        setTimeout: (callback, delay) => {
          const timer = { callback, due: now + delay };
          timers.add(timer);
          return timer;
        },
        clearTimeout: (timer) => timers.delete(timer),
      },
      ${options}
    });
    for (let i = 0; ; i++) {
      await store.set('k' + (i % ${KEYS}), i);
      say(['accepted', 'k' + (i % ${KEYS}), i, store.stats().pending].join(' '));
      now++;
      for (const timer of timers) if (timer.due <= now && timers.delete(timer)) timer.callback();
      await turn();
    }
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  let count = 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    count += text.split('accepted').length - 1;
    if (count >= accepts) child.kill('SIGKILL');
  });
  const [, endedBy] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  expect(endedBy).toBe('SIGKILL');
  const lines = output.split('\n').map((line) => line.split(' '));
  const accepted = lines.filter(([what]) => what === 'accepted');
  const written = lines.filter(([what]) => what === 'wrote').map(([, key, value]) => ({ key, value: Number(value) }));
  const lost = accepted.map(([, , i]) => Number(i)).filter((i) => !written.some(({ value }) => value === i));
  expect(lines.some(([what]) => what === 'gave')).toBe(false);
  return { accepted: accepted.length, written, lost, pending: Number(accepted.at(-1)?.[3]) };
}

describe('write-behind in a process that is killed', () => {
  it('loses the last interval at most, in the order of each key, and as many as it had said were pending', async () => {
    const random = new Random(1);
    let losses = 0;
    for (let i = 0; i < 4; i++) {
      const { accepted, written, lost, pending } = await killedAfter(100 + random.below(400), '');
      expect(accepted).toBeGreaterThanOrEqual(100);
      // What was accepted in an interval, and while a batch is being written.
      expect(lost.length).toBeLessThanOrEqual(INTERVAL + 4);
      expect(lost.length).toBeLessThanOrEqual(pending);
      losses += lost.length;
      // Nothing older than that: what is lost are the last.
      expect(Math.min(...lost, accepted)).toBeGreaterThanOrEqual(accepted - INTERVAL - 4);
      for (let key = 0; key < KEYS; key++) {
        const values = written.filter((operation) => operation.key === `k${key}`).map(({ value }) => value);
        expect(values).toEqual(values.map((_, nth) => key + nth * KEYS));
      }
    }
    // One that is killed when all is written loses nothing, not all of them.
    expect(losses).toBeGreaterThan(0);
  });

  it('loses what its queue can hold at most, if the store does not keep up', async () => {
    const { accepted, lost, pending } = await killedAfter(MAX_QUEUE, 'write: () => new Promise(() => undefined),');
    expect({ accepted, pending, lost: lost.length }).toEqual({
      accepted: MAX_QUEUE,
      pending: MAX_QUEUE,
      lost: MAX_QUEUE,
    });
  });
});
