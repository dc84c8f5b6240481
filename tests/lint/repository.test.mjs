// What holds of every file.
import { basename } from 'node:path';
import { repositoryFiles } from '../../scripts/lib/files.mjs';
import { rule, sources } from './rule.mjs';

// Except what npm writes, and inputs that a fuzzer found.
const all = () => sources(/^(?!package-lock\.json$|tests\/fuzz\/corpus\/)/);
const paths = (files) => files.map(({ path }) => path);

const GENERATED = /^(build|dist|prebuilds|node_modules|js\/src\/generated)\/|\.(node|wasm|o|a|so|tgz|log)$/;

rule('nothing generated is in the repository', {
  find: (files) => files.filter((path) => GENERATED.test(path)),
  here: repositoryFiles,
  planted: [['README.md', 'dist/index.node.js'], ['a/core.wasm'], ['tiercel.node']],
});

rule('nothing makes npm compile at installation', {
  find: (files) => files.filter((path) => basename(path) === 'binding.gyp'),
  here: repositoryFiles,
  planted: [['README.md', 'binding.gyp'], ['node/binding.gyp']],
});

rule('files are text: UTF-8, no byte order mark, no carriage returns', {
  find: (files) => paths(files.filter(({ text }) => /[\0\uFFFD\r]|^\uFEFF/.test(text))),
  here: all,
  planted: [[{ path: 'a', text: 'a\0\n' }], [{ path: 'a', text: 'a\r\n' }], [{ path: 'a', text: '\uFEFFa\n' }]],
});

rule('lines have no white space at their end, and the last line ends', {
  find: (files) => paths(files.filter(({ text }) => /[ \t]$/m.test(text) || (text !== '' && !text.endsWith('\n')))),
  here: all,
  planted: [[{ path: 'a', text: 'a \nb\n' }], [{ path: 'a', text: 'a' }], [{ path: 'a', text: 'a\n\t' }]],
});

const LONGEST_FILE = 450;
const codeLines = (text) => text.split('\n').filter((line) => !/^\s*($|\/\/|\/?\*)/.test(line)).length;

rule(`no source has more than ${LONGEST_FILE} lines of code`, {
  find: (files) =>
    files
      .filter(({ path, text }) => /\.(c|h|cpp|ts|[cm]?js)$/.test(path) && codeLines(text) > LONGEST_FILE)
      .map(({ path, text }) => `${path} has ${codeLines(text)}`),
  here: all,
  planted: [[{ path: 'a.ts', text: 'x;\n'.repeat(LONGEST_FILE + 1) }]],
});

// Written so that this file does not hold the words.
const UNFINISHED = /\b(TO[D]O|FIX[M]E|XX[X]|HA[C]K)\b/;

rule('nothing is left for later', {
  find: (files) => paths(files.filter(({ text }) => UNFINISHED.test(text))),
  here: all,
  planted: [[{ path: 'a.ts', text: `// ${'TO'}${'DO'}: later` }], [{ path: 'b.md', text: `${'FIX'}${'ME'}` }]],
});

// A reason is a text: `skip: 'no such system here'`, `t.skip('...')`.
const SKIPPED =
  /\b(?:it|test|describe)\.(?:skip|todo|only)\(|\bx(?:it|test|describe)\(|\b(?:skip|todo|only): true\b|"\[\.|\[!hide\]/;

rule('no test is switched off without a reason', {
  find: (files) => paths(files.filter(({ path, text }) => /^tests\/(?!lint\/repo)/.test(path) && SKIPPED.test(text))),
  here: all,
  planted: [
    [{ path: 'tests/js/a.test.ts', text: "it.skip('x', () => {})" }],
    [{ path: 'tests/js/a.test.ts', text: "xit('x', () => {})" }],
    [{ path: 'tests/edge/a.test.mjs', text: "test('x', { skip: true }, () => {})" }],
    [{ path: 'tests/core/a_test.cpp', text: 'TEST_CASE("x", "[.]")' }],
  ],
});

// Paths of somebody's machine. URLs have such parts too, but after a host.
const MACHINE = /(?<![\w.*)-])\/(?:home|root|work|Users|tmp)\/\w/;

rule('no file speaks of a path of one machine', {
  find: (files) => paths(files.filter(({ text }) => MACHINE.test(text))),
  here: all,
  planted: [
    [{ path: 'a.mjs', text: `const folder = '/home${'/'}someone/tiercel';` }],
    [{ path: 'a.md', text: `cd /tmp${'/'}x` }],
  ],
});

rule('no file names a package registry', {
  find: (files) => paths(files.filter(({ text }) => /registry\.(npmjs|yarnpkg)\./.test(text))),
  here: all,
  planted: [[{ path: '.npmrc', text: `registry=https://registry${'.'}npmjs.org/` }]],
});
