// What must be so of a checkout that is published: the tag is its version, and every platform has its binary.
//   node scripts/release-check.mjs vX.Y.Z
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { asCommand, CommandError } from './lib/command.mjs';
import { platforms } from './lib/platforms.mjs';
import { root } from './lib/run.mjs';

await asCommand(import.meta, (tag) => {
  const { version, repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const wrong = platforms()
    .map((platform) => `prebuilds/${platform}/tiercel.node`)
    .filter((path) => !existsSync(join(root, path)))
    .map((path) => `${path} is missing`);
  if (tag !== `v${version}`) wrong.push(`the tag is ${tag}, the version ${version}`);
  if (repository === undefined) wrong.push('package.json has no repository, which provenance is checked against');
  if (wrong.length > 0) throw new CommandError(wrong.join('\n'));
});
