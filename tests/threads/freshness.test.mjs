// No thread reads what another has invalidated: a read is wrong if a write of its key lies, as a whole, between the write
// that it saw and its own beginning.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { newName, play } from './support/threads.mjs';

const WORKERS = 8;

async function violations(shards, protect) {
  const signals = new SharedArrayBuffer(4);
  const options = { shared: newName(), maxEntries: 10_000, shards };
  const all = await play('noter', WORKERS, { options, signals, operations: 4000, keys: 12, protect });
  const writes = new Map();
  for (const [key, begin, end] of all.flatMap((noted) => noted.writes)) {
    if (!writes.has(key)) writes.set(key, []);
    writes.get(key).push({ begin, end });
  }
  const newest = new Map();
  for (const [key, of] of writes) {
    of.sort((a, b) => a.end - b.end);
    let max = 0;
    newest.set(
      key,
      of.map(({ begin }) => {
        max = Math.max(max, begin);
        return max;
      }),
    );
  }
  let wrong = 0;
  let reads = 0;
  for (const [key, begin, value] of all.flatMap((noted) => noted.reads)) {
    reads++;
    const of = writes.get(key) ?? [];
    // A value is when its write began, and counts from when that was over; a loaded one from when its loader began.
    const made = of.find((write) => write.begin === value)?.end ?? value;
    let low = 0;
    let high = of.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (of[middle].end < begin) low = middle + 1;
      else high = middle;
    }
    if (low > 0 && newest.get(key)[low - 1] > made) wrong++;
  }
  return { wrong, reads };
}

for (const shards of [1, 4, 16]) {
  it(`holds for eight workers and ${shards} shards`, async () => {
    const { wrong, reads } = await violations(shards, true);
    assert.ok(reads > 1000, `${reads} reads`);
    assert.equal(wrong, 0);
  });
}

it('is a rule that a cache without knowledge of loads breaks', async () => {
  let wrong = 0;
  for (let i = 0; i < 5 && wrong === 0; i++) wrong = (await violations(4, false)).wrong;
  assert.notEqual(wrong, 0);
});
