// The longest delay of the event loop while a cache of 2M entries of text is filled, and in 30 s of load after: 94.5 %
// get-else-set, 5 % set, 0.5 % delete, Zipf 0.9 over 4M keys. Each turn of the loop does 50 operations. `nothing` does
// the same without a cache: the part that the making of keys and values has in the delays.
import { count, Table } from './measure.mjs';
import { engines, options } from './options.mjs';
import { inProcess } from './processes/process.mjs';

const ENTRIES = options.quick ? 200_000 : 2_000_000;
const SECONDS = options.quick ? 3 : 30;

const results = ['nothing', 'lru-cache', ...engines.map((engine) => `tiercel ${engine}`)].map((name) => ({
  name,
  ...inProcess('event-loop', name, ENTRIES, SECONDS),
}));
for (const [phase, title] of [
  ['filling', `Filling ${count(ENTRIES)} entries`],
  ['mixed', `Mixed load of ${SECONDS} s`],
]) {
  console.log(`\n${title}; delays in milliseconds, less what the thread waited for a processor`);
  const table = new Table('', 'median', '99.99 %', 'longest', 'longest with waiting');
  for (const {
    name,
    [phase]: { median, p9999, longest, withWaiting },
  } of results)
    table.row(name, ...[median, p9999, longest, withWaiting].map((ms) => ms.toFixed(2)));
  table.print();
}
console.log(`\nOperations: ${results.map(({ name, operations }) => `${name} ${count(operations)}`).join(', ')}`);
