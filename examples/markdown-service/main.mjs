// The command: serves a folder until it is told to end, or drives itself with --load.
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CommandError } from './errors.mjs';
import { parseOptions, usage } from './options.mjs';

/**
 * Sets the exit code of the process; returns when the service listens, or when the load is done.
 *
 * @param {readonly string[]} args
 * @param {string} cwd What a relative FOLDER is relative to.
 */
export async function main(args, cwd) {
  try {
    const options = parseOptions(args, process.env, cwd);
    if (options.command === 'help') console.log(usage);
    else if (options.command === 'serve') await serve(options);
    else {
      const { runLoad } = await import('./load/run.mjs');
      if (!(await runLoad(options.requests))) process.exitCode = 1;
    }
  } catch (error) {
    console.error(error instanceof CommandError ? `markdown-service: ${error.message}` : error);
    process.exitCode = 1;
  }
}

/** @param {import('./options.mjs').ServeOptions} options */
async function serve(options) {
  const { startService } = await import('./service.mjs');
  const service = await startService(options);
  console.log(`serving ${service.root}`);
  console.log(`engine ${service.engine}`);
  console.log(`listening on ${service.url}`);

  let closing = false;
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGINT'])) {
    process.on(signal, () => {
      // A second one is npm passing on a Ctrl-C that this process has got as well.
      if (closing) return;
      closing = true;
      console.log(`${signal}: finishing the requests in flight`);
      void service.close().then(() => console.log('closed'));
    });
  }
}

const started = process.argv[1];
if (started !== undefined && realpathSync(started) === fileURLToPath(import.meta.url)) {
  await main(process.argv.slice(2), process.cwd());
}
