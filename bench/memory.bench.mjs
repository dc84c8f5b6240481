// Memory of a process that holds N entries of a 30-byte key and 200 bytes of text, or JSON of about 180 bytes (which
// lru-cache keeps as the objects that it was parsed to). Tiercel keeps bytes.
import { count, inTurns, ratio, Table } from './measure.mjs';
import { engines, options } from './options.mjs';
import { inProcess } from './processes/process.mjs';

const ENTRIES = options.quick ? 100_000 : 1_000_000;
const names = ['lru-cache', ...engines.map((engine) => `tiercel ${engine}`)];

for (const [values, title] of [
  ['text', 'text of 200 bytes'],
  ['json', 'JSON of about 180 bytes'],
]) {
  let payload = 0;
  const accounted = new Map();
  const resident = inTurns(names, (name) => {
    const result = inProcess('memory', name, values, ENTRIES);
    payload = result.payload;
    accounted.set(name, result.accounted);
    return result.resident;
  });
  console.log(`\n${count(ENTRIES)} entries: keys of 30 bytes, ${title}`);
  const table = new Table('', 'resident bytes an entry', 'of keys + values', 'of lru-cache', 'accounted');
  for (const [name, bytes] of resident)
    table.row(
      name,
      (bytes / ENTRIES).toFixed(1),
      ratio(bytes / payload),
      ratio(bytes / resident.get('lru-cache')),
      accounted.get(name) ? (accounted.get(name) / ENTRIES).toFixed(1) : '',
    );
  table.print();
}
