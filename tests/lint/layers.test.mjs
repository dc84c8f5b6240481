// The direction of dependency: each file uses only what is on a floor below its own.
import { basename, dirname, join } from 'node:path/posix';
import { rule, sources } from './rule.mjs';

// From the ground up. A name stands for its header and its sources: `cache` for cache.h, cache.cpp, cache_store.cpp.
const CORE_FLOORS = [
  ['memory', 'siphash', 'group', 'names', 'rounds', 'per_call', 'json_document'],
  ['key', 'changes', 'block_table', 'json_reader'],
  ['slab', 'deadlines', 'index_table', 'packed', 'removal_log', 'glob', 'snapshot', 'history', 'ghost', 'ttl_rules'],
  ['frame'],
  ['entry', 'list', 'handle', 'index'],
  ['policy', 'loads', 'scopes', 'barriers'],
  ['policy_lru', 'policy_sieve', 'policy_s3fifo', 'policy_adaptive', 'options', 'stats'],
  ['cache'],
  ['abi'],
];

// Directories and files of js/src; the files of a directory that is named as a whole may use each other.
const JS_FLOORS = [
  ['tiercel-error', 'generated'],
  ['errors'],
  ['duration', 'engine/port', 'engine/text', 'engine/sharding'],
  ['timers', 'backoff', 'engine/native', 'engine/wasm', 'engine/buffer', 'engine/failures'],
  ['engine/shared'],
  ['runtime'],
  ['engine/platform'],
  ['engine/engine', 'engine/info', 'engine/frame'],
  ['memory'],
  ['cache-like', 'listeners', 'tiers'],
  ['cache-view', 'turns'],
  ['keys'],
  ['invalidation', 'ttl', 'config'],
  ['frames'],
  ['decorators', 'patterns', 'warming', 'redis', 'edge'],
  ['index'],
];
// What only engine/ and the entry points know, so that all above is the same for both engines.
const ENGINES = ['engine/port', 'engine/buffer', 'engine/native', 'engine/wasm', 'engine/shared', 'runtime'];

const floorOf = (floors, name) => floors.findIndex((floor) => floor.includes(name));
const isBelow = (floors, lower, upper) => {
  const floor = floorOf(floors, lower);
  return floor >= 0 && floor < floorOf(floors, upper);
};

/** The name in CORE_FLOORS of a file: the longest that its own begins with. */
function coreName(path) {
  const stem = basename(path).replace(/\.(h|cpp)$/, '');
  const names = CORE_FLOORS.flat().filter((name) => stem === name || stem.startsWith(`${name}_`));
  return names.sort((a, b) => b.length - a.length)[0];
}

const includes = (text, pattern) => [...text.matchAll(pattern)].map((match) => match[1]);
const ownIncludes = (text) => includes(text, /^\s*#\s*include\s+"([^"]+)"/gm);
const systemIncludes = (text) => includes(text, /^\s*#\s*include\s+<([^>]+)>/gm);

const core = () => sources(/^core\/src\//);

rule('every file of the core has a floor', {
  find: (paths) => paths.filter((path) => coreName(path) === undefined),
  here: () => core().map(({ path }) => path),
  planted: [['core/src/cache.cpp', 'core/src/new_idea.cpp']],
});

rule('the core includes only downwards', {
  find: (files) =>
    files.flatMap(({ path, text }) =>
      ownIncludes(text)
        .filter((included) => included !== 'tiercel/abi.h' && coreName(included) !== coreName(path))
        .filter((included) => included.includes('/') || !isBelow(CORE_FLOORS, coreName(included), coreName(path)))
        .map((included) => `${path} includes ${included}`),
    ),
  here: core,
  planted: [
    [{ path: 'core/src/key.h', text: '#include "cache.h"\n#include "memory.h"' }],
    [{ path: 'core/src/loads.h', text: '#include "scopes.h"' }],
    [{ path: 'core/src/policy.h', text: '#include "policy_lru.h"' }],
    [{ path: 'core/src/cache.cpp', text: '#include "../../node/addon.h"' }],
  ],
});

// No threads, no input or output, no clock, no randomness, no exceptions; no JavaScript engine.
const FORBIDDEN_HEADERS =
  /^(napi|node_api|js_native_api|node|uv|v8)\.h$|^(napi|emscripten)|^(c?time|chrono|random|c?stdio|[io]?f?stream|iostream|fstream|filesystem|thread|mutex|shared_mutex|condition_variable|future|atomic|barrier|latch|semaphore|stop_token|stdexcept|exception)(\.h)?$|^(pthread|unistd|sys\/.*)(\.h)?$/;

rule('the core includes no header of a platform', {
  find: (files) =>
    files.flatMap(({ path, text }) =>
      systemIncludes(text)
        .filter((header) => FORBIDDEN_HEADERS.test(header))
        .map((header) => `${path} includes <${header}>`),
    ),
  here: () => sources(/^core\//),
  planted: [
    'napi.h',
    'emscripten.h',
    'emscripten/heap.h',
    'thread',
    'chrono',
    'iostream',
    'mutex',
    'random',
    'ctime',
    'time.h',
  ].map((header) => [{ path: 'core/src/key.h', text: `#include <cstdint>\n#  include <${header}>\n` }]),
});

rule('bindings see nothing of the core but its boundary', {
  find: (files) =>
    files.flatMap(({ path, text }) =>
      [...ownIncludes(text), ...systemIncludes(text)]
        .filter((included) => /(^|\/)(tiercel|core)\//.test(included) || /^\.\.\//.test(included))
        .filter((included) => included !== 'tiercel/abi.h')
        .map((included) => `${path} includes ${included}`),
    ),
  here: () => sources(/^(node|wasm)\/.*\.(c|h|cpp)$/),
  planted: [
    [{ path: 'node/addon.cpp', text: '#include "tiercel/abi.h"\n#include "../core/src/cache.h"' }],
    [{ path: 'wasm/stubs.c', text: '#include <tiercel/cache.h>' }],
  ],
});

rule('one file includes <napi.h>', {
  find: (texts) => {
    const users = texts.filter((text) => systemIncludes(text).includes('napi.h')).length;
    return users === 1 ? [] : [`${users} files do`];
  },
  here: () => sources(/^node\/.*\.(h|cpp)$/).map(({ text }) => text),
  planted: [['#include <napi.h>', '#include <napi.h>'], ['#include <node_api.h>']],
});

/** The name in JS_FLOORS of a file: itself, without extension, or its directory. */
function jsName(path) {
  const name = path.replace(/^js\/src\//, '').replace(/\.ts$/, '');
  return floorOf(JS_FLOORS, name) < 0 ? dirname(name) : name;
}

/** The files, as paths, that a module of js/src imports from there. */
function imports({ path, text }) {
  return [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']+)'/g)]
    .map((match) => join(dirname(path), match[1]))
    .map((imported) => imported.replace(/\.js$/, '.ts'));
}

const facade = () => sources(/^js\/src\/.*\.ts$/);

rule('every file of the facade has a floor', {
  find: (paths) => paths.filter((path) => floorOf(JS_FLOORS, jsName(path)) < 0),
  here: () => facade().map(({ path }) => path),
  planted: [['js/src/errors.ts', 'js/src/strange/a.ts']],
});

rule('the facade imports only downwards', {
  find: (files) =>
    files.flatMap((file) =>
      imports(file)
        .filter((imported) => jsName(imported) !== jsName(file.path))
        .filter((imported) => !isBelow(JS_FLOORS, jsName(imported), jsName(file.path)))
        .map((imported) => `${file.path} imports ${imported}`),
    ),
  here: facade,
  planted: [
    [{ path: 'js/src/engine/wasm.ts', text: "import { a } from '../memory/memory-cache.js';\nimport '../errors.js';" }],
    [{ path: 'js/src/errors.ts', text: "import type { Duration } from './duration.js';" }],
    [{ path: 'js/src/memory/a.ts', text: "const x = await import('../index.js');" }],
    [{ path: 'js/src/memory/a.ts', text: "export * from '../../elsewhere.js';" }],
  ],
});

rule('above the engines, nothing knows which one it has', {
  find: (files) =>
    files.flatMap((file) =>
      imports(file)
        .filter((imported) => ENGINES.includes(jsName(imported)))
        .map((imported) => `${file.path} imports ${imported}`),
    ),
  here: () => sources(/^js\/src\/(?!engine\/|runtime\/|generated\/).*\.ts$/),
  planted: [[{ path: 'js/src/memory/a.ts', text: "import { openWasm } from '../engine/wasm.js';" }]],
});
