// What the default policy needs for each entry, beside key and value, when it has also evicted as many: resident in a
// process that holds N keys of 30 bytes and values of 24 in blocks of 32, of which 8 count as metadata; and as `bytes`
// accounts for it.
import { count, Table } from './measure.mjs';
import { engines, options } from './options.mjs';
import { inProcess } from './processes/process.mjs';

// Below, the process itself makes more of a difference.
const SIZES = options.quick ? [100_000] : [100_000, 1_000_000, 4_000_000];

const table = new Table('N', ...engines.flatMap((engine) => [`${engine}: resident bytes`, 'accounted']));
for (const entries of SIZES) {
  const cells = engines.flatMap((engine) => {
    const { resident, payload, accounted } = inProcess('memory', `tiercel ${engine}`, 'short', entries);
    return [resident, accounted].map((bytes) => ((bytes - payload) / entries).toFixed(1));
  });
  table.row(count(entries), ...cells);
}
table.print();
