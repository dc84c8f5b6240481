// Size of the wasm module, and the time to a cache that has answered its first get: in a process that has just begun,
// and in one that has done it before.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { MemoryCache } from 'tiercel';
import { count, median, Table, time } from './measure.mjs';
import { engines, options } from './options.mjs';
import { inProcess } from './processes/process.mjs';

const PROCESSES = options.quick ? 5 : 15;
const CACHES = 50;

const wasm = readFileSync(fileURLToPath(import.meta.resolve('tiercel/core.wasm')));
console.log(`core.wasm: ${count(wasm.length)} bytes, ${count(gzipSync(wasm, { level: 9 }).length)} with gzip`);

const table = new Table('', 'import ms', 'new process: cache and first get ms', 'warm ms');
for (const engine of engines) {
  const starts = Array.from({ length: PROCESSES }, () => inProcess('start', engine));
  const warm = Array.from({ length: CACHES }, () =>
    time(() => {
      const cache = MemoryCache.createSync({ engine });
      cache.get('key');
      cache.close();
    }),
  );
  table.row(
    `tiercel ${engine}`,
    median(starts.map(({ load }) => load)).toFixed(2),
    median(starts.map(({ first }) => first)).toFixed(2),
    median(warm).toFixed(3),
  );
}
table.print();
