// What the package brings to those who install it: nothing but itself.
import { packageJson, rule, sources } from './rule.mjs';

const LIFECYCLE =
  /^(pre|post)?(install|pack|prepare|publish|version)$|^(prepublishOnly|dependencies)$|^(pre|post)(test|start|build)$/;

rule('package.json has no lifecycle script', {
  find: ({ scripts }) => Object.keys(scripts).filter((name) => LIFECYCLE.test(name)),
  here: packageJson,
  planted: [
    { scripts: { test: '', postinstall: '' } },
    { scripts: { install: '' } },
    { scripts: { prepare: '' } },
    { scripts: { prepublishOnly: '' } },
    { scripts: { pretest: '' } },
  ],
});

const RUNTIME = ['dependencies', 'optionalDependencies', 'bundledDependencies', 'bundleDependencies'];

rule('package.json has no runtime dependency', {
  find: (json) => RUNTIME.filter((field) => json[field] !== undefined),
  here: packageJson,
  planted: [{ dependencies: { x: '1.0.0' } }, { optionalDependencies: {} }],
});

rule('development dependencies are pinned to one version', {
  find: ({ devDependencies }) =>
    Object.entries(devDependencies)
      .filter(([, version]) => !/^(npm:[\w-]+@)?\d+\.\d+\.\d+$/.test(version))
      .map(([name, version]) => `${name}@${version}`),
  here: packageJson,
  planted: ['^1.0.0', 'latest', '', 'npm:y@^1.0.0'].map((x) => ({ devDependencies: { x } })),
});

/** All that any lock file of the repository installs. */
const lock = () => ({
  packages: Object.assign({}, ...sources(/(^|\/)package-lock\.json$/).map(({ text }) => JSON.parse(text).packages)),
});

/** `[name, package]` of all that the lock file installs. */
function locked({ packages }) {
  return Object.entries(packages)
    .filter(([path]) => path !== '')
    .map(([path, content]) => [path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length), content]);
}

rule('the lock file names no host, so that any registry will do', {
  find: (json) =>
    locked(json)
      .filter(([, { resolved }]) => resolved !== undefined)
      .map(([name]) => name),
  here: lock,
  planted: [{ packages: { '': {}, 'node_modules/x': { version: '1.0.0', resolved: 'https://example.org/x.tgz' } } }],
});

// Optional packages for other machines may lack one: who made the lock file could not always fetch them.
const isForOtherMachines = ({ optional, os, cpu, libc }) =>
  optional === true &&
  (os?.includes('linux') === false ||
    (cpu !== undefined && !cpu.includes('x64') && !cpu.includes('arm64')) ||
    libc?.includes('glibc') === false);

rule('the lock file has a checksum for each package for Linux on x64 and arm64', {
  find: (json) =>
    locked(json)
      .filter(([, content]) => !content.integrity?.startsWith('sha512-') && !isForOtherMachines(content))
      .map(([name]) => name),
  here: lock,
  planted: [
    { packages: { '': {}, 'node_modules/x': { version: '1.0.0' } } },
    { packages: { 'node_modules/x': { version: '1.0.0', integrity: 'sha1-abc' } } },
    { packages: { 'node_modules/x': { version: '1.0.0', optional: true } } },
    { packages: { 'node_modules/x': { version: '1.0.0', optional: true, os: ['linux'], cpu: ['x64'] } } },
  ],
});

rule('the lock file has all that its packages want, so that npm ci accepts it', {
  find: (json) => {
    const names = new Set(locked(json).map(([name]) => name));
    return locked(json).flatMap(([, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies }).filter((name) => !names.has(name)),
    );
  },
  here: lock,
  planted: [
    { packages: { 'node_modules/x': { version: '1.0.0', optionalDependencies: { 'x-darwin': '1.0.0' } } } },
    { packages: { 'node_modules/x': { version: '1.0.0', dependencies: { y: '1.0.0' } } } },
  ],
});

// Published on 2026-08-04 with malicious code.
const TROJANISED = new Set([
  'keyv@6.0.0',
  'cacheable@2.5.1',
  'cache-manager@7.2.10',
  'cacheable-request@13.0.20',
  'flat-cache@6.1.24',
  'file-entry-cache@11.1.6',
]);

rule('the lock file has none of the trojanised versions', {
  find: (json) =>
    locked(json)
      .map(([name, { version }]) => `${name}@${version}`)
      .filter((id) => TROJANISED.has(id)),
  here: lock,
  planted: [
    { packages: { 'node_modules/keyv': { version: '6.0.0' } } },
    { packages: { 'node_modules/a/node_modules/cacheable-request': { version: '13.0.20' } } },
  ],
});
