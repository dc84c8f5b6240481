// One version, one ABI version, wherever they are written.
import { version } from 'tiercel';
import { packageJson, rule, source } from './rule.mjs';

const first = (pattern, path) => pattern.exec(source(path).text)?.[1];

const disagreeing = (found) =>
  new Set(Object.values(found)).size === 1 && Object.values(found)[0] !== undefined ? [] : [JSON.stringify(found)];

rule('all agree on the version', {
  find: disagreeing,
  here: () => ({
    'package.json': packageJson().version,
    'package-lock.json': JSON.parse(source('package-lock.json').text).version,
    'the newest release in CHANGELOG.md': first(/^## \[(\d[^\]]*)\]/m, 'CHANGELOG.md'),
    'CMakeLists.txt': first(/project\([^)]*\sVERSION\s+([\d.]+)/, 'CMakeLists.txt'),
    'the export of the package': version,
  }),
  planted: [
    { a: '0.1.0', b: '0.2.0' },
    { a: '0.1.0', b: undefined },
    { a: undefined, b: undefined },
  ],
});

rule('the facade was built for the ABI version of the core', {
  find: disagreeing,
  here: () => ({
    'abi.h': first(/#define TIERCEL_ABI_VERSION (\d+)/, 'core/include/tiercel/abi.h'),
    'generated TypeScript': first(/\bABI_VERSION\b[^=]*= (\d+)/, 'js/src/generated/abi.ts'),
  }),
  planted: [{ 'abi.h': '1', 'generated TypeScript': '2' }],
});
