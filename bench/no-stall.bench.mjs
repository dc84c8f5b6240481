// What concerns a million entries at once: the call itself, and the slices in which its work is done after, by `sweep` or
// by `set`. And each `set` while a cache grows to 4M entries.
import { count, Table } from './measure.mjs';
import { engines, options, rounds } from './options.mjs';
import { inProcess } from './processes/process.mjs';

const ENTRIES = options.quick ? 100_000 : 1_000_000;
const GROWTH = 4 * ENTRIES;

for (const engine of engines) {
  console.log(`\ntiercel ${engine}; microseconds, less what the thread waited for a processor`);
  const table = new Table('', 'calls', 'median', 'p99', 'longest', 'with waiting', 'without garbage collection');
  for (const [name, title] of [
    ['tag', 'invalidateTags'],
    ['prefix', 'invalidatePrefix'],
    ['clear', 'clear'],
    ['resize', 'resize to 10 %'],
    ['expiry', 'expiry at once'],
    ['growth', `growth to ${count(GROWTH)}`],
  ]) {
    const entries = name === 'growth' ? GROWTH : ENTRIES;
    const results = inProcess('stall', engine, name, entries, name === 'growth' ? 1 : 4 * rounds);
    const row = (
      /** @type {string} */ what,
      /** @type {any} */ { calls, median, p99, longest, withWaiting, withoutGc },
    ) =>
      table.row(
        what,
        count(calls),
        ...[median, p99, longest, withWaiting, withoutGc].map((ms) => (ms * 1000).toFixed(1)),
      );
    if (name === 'growth') {
      row(`${title}: set`, results.fill);
      continue;
    }
    if (name !== 'expiry') row(`${title}, ${count(entries)} entries`, results.act);
    if (results.again.calls > 0) row(' not for the first time', results.again);
    row(`${name === 'expiry' ? `${title}, ${count(entries)} entries` : ''} then sweep`, results.sweep);
    row(' then set', results.set);
  }
  table.print();
}
