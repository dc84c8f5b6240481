// `npm run format`: brings all sources into the one format.
import { asCommand, CommandError } from './lib/command.mjs';
import { cSources } from './lib/files.mjs';
import { bin } from './lib/node-modules.mjs';
import { run } from './lib/run.mjs';
import { setup } from './setup.mjs';

await asCommand(import.meta, async () => {
  setup({ tests: true });
  for (const { command, args } of [
    { command: 'clang-format', args: ['-i', ...cSources()] },
    { command: bin('biome'), args: ['check', '--write'] },
  ]) {
    const { ok, output } = await run(command, args);
    if (!ok) throw new CommandError(output.trimEnd());
  }
});
