import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { CommandError } from './command.mjs';

/**
 * What a checkout needs that npm does not bring. Each is looked for itself, not its Debian package, so that any
 * system which has the tools will do.
 */
const NEEDS = [
  { package: 'g++', for: 'compiles the native addon', isThere: () => compiler() !== undefined },
  { package: 'cmake', for: 'configures the builds', isThere: () => isProgram('cmake') },
  { package: 'ninja-build', for: 'runs the builds', isThere: () => isProgram('ninja') },
  { package: 'emscripten', for: 'compiles the WebAssembly module', isThere: () => isProgram('em++') },
  {
    package: 'nlohmann-json3-dev',
    for: 'JSON at the boundary of the core',
    isThere: () => isHeader('nlohmann/json.hpp'),
  },
];

const TEST_NEEDS = [
  { package: 'catch2', for: 'tests of the core', isThere: () => isHeader('catch2/catch.hpp', 'catch2/catch_all.hpp') },
  { package: 'clang-format', for: 'formatting of C++', isThere: () => isProgram('clang-format') },
  { package: 'clang-tidy', for: 'static analysis of the core', isThere: () => isProgram('clang-tidy') },
  { package: 'chromium', for: 'tests in a browser', isThere: () => isProgram('chromium') },
  { package: 'redis-server', for: 'tests with real servers', isThere: () => isProgram('redis-server') },
];

const FUZZER_NEEDS = [
  { package: 'clang', for: 'fuzzing of the core', isThere: () => isProgram('clang++') },
  { package: 'libclang-rt-dev', for: 'fuzzing of the core', isThere: hasLibFuzzer },
];

function isProgram(name) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      const path = join(folder, name);
      accessSync(path, constants.X_OK);
      return statSync(path).isFile();
    } catch {
      return false;
    }
  });
}

/** The compiler that CMake would take. */
function compiler() {
  return [process.env.CXX, 'c++', 'g++', 'clang++'].find((name) => name && (name.includes('/') || isProgram(name)));
}

/** Whether the compiler finds one of the headers, wherever it looks for them. */
function isHeader(...names) {
  const command = compiler();
  if (command === undefined) return false;
  const condition = names.map((name) => `__has_include(<${name}>)`).join(' || ');
  const input = `#if !(${condition})\n#error missing\n#endif\n`;
  return spawnSync(command, ['-x', 'c++', '-fsyntax-only', '-'], { input }).status === 0;
}

function hasLibFuzzer() {
  const { status, stdout } = spawnSync('clang++', ['-print-runtime-dir'], { encoding: 'utf8' });
  const folder = status === 0 ? stdout.trim() : '';
  return existsSync(folder) && readdirSync(folder).some((name) => name.includes('fuzzer'));
}

/**
 * What is installed: what building takes, and if that is meant what only the tests and the fuzzers need.
 * @typedef {{ tests: boolean, fuzzers?: boolean }} Purpose
 */

/** @param {Purpose} purpose @returns {{ package: string, for: string }[]} */
export function missingPackages({ tests, fuzzers = false }) {
  const needs = [...NEEDS, ...(tests ? TEST_NEEDS : []), ...(fuzzers ? FUZZER_NEEDS : [])];
  return needs.filter((need) => !need.isThere());
}

/**
 * Installs with apt-get what is missing, saying what and why first. Does nothing if nothing is.
 *
 * @param {Purpose} purpose
 * @throws {CommandError} where that is not possible, with the list of packages.
 */
export function installMissingPackages(purpose) {
  const missing = missingPackages(purpose);
  if (missing.length === 0) return;

  const width = Math.max(...missing.map((need) => need.package.length));
  const list = missing.map((need) => `  ${need.package.padEnd(width)}  ${need.for}`).join('\n');
  const names = missing.map((need) => need.package);
  const byHand = `Install ${names.length === 1 ? 'it' : 'them'} and run this again.`;
  if (!isProgram('apt-get')) {
    throw new CommandError(
      `Missing programs or headers (Debian's package names), and no apt-get to install them:\n${list}\n${byHand}`,
    );
  }
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  if (asRoot.length > 0 && spawnSync('sudo', ['-n', 'true']).status !== 0) {
    throw new CommandError(
      `Missing system packages, and neither root nor sudo without a password to install them:\n${list}\n` +
        `Run "apt-get install --no-install-recommends ${names.join(' ')}" as root, then this again.`,
    );
  }

  console.log(`Installing missing system packages with apt-get:\n${list}`);
  aptGet(asRoot, 'update');
  aptGet(asRoot, 'install', '--yes', '--no-install-recommends', ...names);

  const left = missingPackages(purpose).map((need) => need.package);
  if (left.length > 0) {
    throw new CommandError(`apt-get installed ${left.join(', ')}, but what is needed of it was not found afterwards`);
  }
}

function aptGet(asRoot, ...args) {
  const options = ['-qq', '-o', 'Dpkg::Use-Pty=0', '-o', 'DPkg::Lock::Timeout=300'];
  const command = [...asRoot, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...options, ...args];
  const { status, error } = spawnSync(command[0], command.slice(1), { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) {
    throw new CommandError(`apt-get ${args[0]} failed: ${error?.message ?? `exit code ${status}`}`);
  }
}
