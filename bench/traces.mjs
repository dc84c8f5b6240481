// Access traces, which are no part of the project, and the hit ratios of the literature's policies on them.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { options } from './options.mjs';

const folder = options.traces ?? fileURLToPath(new URL('../../shared/traces', import.meta.url));

/** The folder of the traces, or undefined. */
export const tracesFolder = existsSync(join(folder, 'expected.csv')) ? folder : undefined;

/** @param {string} file */
function numbers(file) {
  const bytes = gunzipSync(readFileSync(join(folder, file)));
  return Uint32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32LE(4 * i));
}

/** The key of each request: a number, dense from 0. @param {string} name */
export const requests = (name) => numbers(`${name}.u32.gz`);

/** Names of traces whose objects have sizes. @returns {string[]} */
export function sized() {
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  return manifest.filter(({ sizes }) => sizes).map(({ trace }) => trace);
}

/** The size of each key of a trace: what its first request says, at least 1. @param {string} name */
export function sizes(name) {
  const keys = requests(name);
  const bytes = numbers(`${name}.sizes.u32.gz`);
  const first = new Map();
  for (const [at, key] of keys.entries()) if (!first.has(key)) first.set(key, Math.max(1, bytes[at]));
  return Float64Array.from({ length: first.size }, (_, key) => first.get(key));
}

/** @typedef {Record<string, string> & { trace: string, entries: string }} Cell */

/** The rows of expected.csv. @returns {Cell[]} */
export function expected() {
  const [head, ...rows] = readFileSync(join(folder, 'expected.csv'), 'utf8').trim().split('\n');
  const names = head.split(',');
  return rows.map(
    (row) => /** @type {Cell} */ (Object.fromEntries(row.split(',').map((value, i) => [names[i], value]))),
  );
}
