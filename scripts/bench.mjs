// npm run bench [NAME...] [-- OPTION...]: runs the benchmarks of bench/ (all, or those named), each in a process of its
// own. bench/options.mjs has the options.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { options } from '../bench/options.mjs';
import { makeReady } from './lib/ready.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const args = process.argv.slice(2);
const flags = args.filter((arg) => !options.names.includes(arg)).join(' ');
const known = readdirSync(join(root, 'bench'))
  .filter((name) => name.endsWith('.bench.mjs'))
  .map((name) => name.slice(0, -'.bench.mjs'.length));
const unknown = options.names.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`there is no benchmark ${unknown.join(', ')}; there are: ${known.join(', ')}`);
  process.exit(1);
}

// Some need a server, as tests do.
await makeReady({ tests: true });
console.log(
  `${new Date().toISOString()}  Node ${process.version}  ${cpus().length} x ${cpus()[0]?.model ?? 'unknown CPU'}`,
);
for (const name of options.names.length > 0 ? options.names : known) {
  console.log(`\n# ${name}   (npm run bench ${name}${flags && ` -- ${flags}`})`);
  // The JavaScript caches need more heap at the largest sizes than Node gives by itself.
  const nodeFlags = ['--expose-gc', '--max-old-space-size=8192'];
  const { status } = spawnSync(process.execPath, [...nodeFlags, join(root, 'bench', `${name}.bench.mjs`), ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) process.exitCode = 1;
}
