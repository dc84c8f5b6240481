import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run.mjs';

/** The platforms that the Node entry loads a native binary on, as `linux-x64`. @returns {string[]} */
export function platforms() {
  const entry = readFileSync(join(root, 'js/src/runtime/node.ts'), 'utf8');
  return [...entry.matchAll(/case '([\w-]+)':/g)].map(([, platform]) => platform);
}
