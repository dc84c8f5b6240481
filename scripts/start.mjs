// `npm start`: makes the checkout ready, then runs examples/markdown-service with the arguments that follow `--`.
import { parseOptions } from '../examples/markdown-service/options.mjs';
import { asCommand } from './lib/command.mjs';
import { makeReady } from './lib/ready.mjs';

/** @param {string[]} args */
async function start(...args) {
  // npm changes to the repository; a folder is meant from where the user stands.
  const cwd = process.env.INIT_CWD ?? process.cwd();
  if (needsBuild(args, cwd)) await makeReady({ tests: false });
  // Imported only now: it uses what is built.
  const { main } = await import('../examples/markdown-service/main.mjs');
  await main(args, cwd);
}

/**
 * Whether there is anything to build for: wrong arguments are refused before minutes of set-up.
 *
 * @param {string[]} args
 * @param {string} cwd
 */
function needsBuild(args, cwd) {
  try {
    return parseOptions(args, process.env, cwd).command !== 'help';
  } catch {
    return false;
  }
}

await asCommand(import.meta, start);
