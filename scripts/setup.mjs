// Brings a checkout to where it can be built: system packages and node_modules. `npm start` and `npm test` call it
// first, so neither it nor what it imports may import a package.
import { asCommand, CommandError } from './lib/command.mjs';
import { installNodeModules } from './lib/node-modules.mjs';
import { installMissingPackages } from './lib/system-packages.mjs';

const OLDEST_NODE = [20, 19];

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const isOld = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
  if (isOld) {
    throw new CommandError(`Node ${OLDEST_NODE.join('.')} or newer is needed; this is ${process.versions.node}`);
  }
}

/**
 * Installs what is missing; a fraction of a second when nothing is.
 *
 * @param {import('./lib/system-packages.mjs').Purpose} purpose
 * @throws {CommandError} naming what is missing and could not be installed.
 */
export function setup(purpose) {
  checkNode();
  installMissingPackages(purpose);
  installNodeModules();
}

await asCommand(import.meta, (...args) => setup({ tests: args.includes('--tests') }));
