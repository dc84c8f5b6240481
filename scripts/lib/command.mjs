import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A failure whose message is all a user needs to see. */
export class CommandError extends Error {}

/**
 * Runs `main` if the module is the program that was started. An error ends it with exit code 1; a
 * {@link CommandError} prints no stack.
 *
 * @param {ImportMeta} module `import.meta` of the caller.
 * @param {(...args: string[]) => unknown} main Called with the arguments of the command line.
 */
export async function asCommand(module, main) {
  const started = process.argv[1];
  if (started === undefined || fileURLToPath(module.url) !== realpathSync(started)) return;
  try {
    await main(...process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof CommandError ? error.message : error);
    process.exitCode = 1;
  }
}
