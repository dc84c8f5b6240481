import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/**
 * @typedef {{ name: string, content: string | Uint8Array }} Module The first of a worker is its main module.
 *
 * @typedef {object} WorkerSetup
 * @property {readonly Module[]} modules
 * @property {string} compatibilityDate
 * @property {readonly string[]} [compatibilityFlags]
 * @property {Record<string, string>} [env] Texts.
 * @property {Record<string, string>} [services] Service bindings: `host:port` of an HTTP server for each name.
 * @property {Record<string, string>} [kv] Namespaces of KV, likewise.
 * @property {string} [cache] `host:port` of what has the Cache API.
 *
 * @typedef {{ url: string, log: () => string, stop: () => Promise<void> }} Workerd
 */

/** @type {string} */
const binary = createRequire(import.meta.url)('workerd').default;

/**
 * Runs a worker in workerd, on a free port of the loopback interface. It may connect to that interface only.
 *
 * @param {WorkerSetup} setup
 * @returns {Promise<Workerd>}
 */
export async function startWorkerd(setup) {
  const folder = await mkdtemp(join(tmpdir(), 'tiercel-workerd-'));
  await Promise.all(setup.modules.map(({ content }, i) => writeFile(join(folder, fileOf(i)), content)));
  await writeFile(join(folder, 'config.capnp'), configOf(setup));

  const child = spawn(binary, ['serve', 'config.capnp', '--control-fd=3'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close');
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text) => {
      log += text;
    });
  }
  const stop = async () => {
    child.kill();
    await ended;
    await rm(folder, { recursive: true });
  };

  const control = /** @type {import('node:stream').Readable} */ (child.stdio[3]);
  const listening = once(createInterface(control), 'line', { signal: AbortSignal.timeout(20_000) });
  const nothing = () => undefined;
  const line = await Promise.race([listening.then(([text]) => String(text), nothing), ended.then(nothing)]);
  if (line === undefined) {
    await stop();
    throw new Error(`workerd did not begin to listen.\n${log}`);
  }
  return { url: `http://127.0.0.1:${JSON.parse(line).port}`, log: () => log, stop };
}

/** @param {number} index */
function fileOf(index) {
  return `module-${index}`;
}

/** @param {WorkerSetup} setup */
function configOf({ modules, compatibilityDate, compatibilityFlags = [], env = {}, services = {}, kv = {}, cache }) {
  const text = JSON.stringify;
  const bindings = [
    ...Object.entries(env).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`),
    ...Object.keys(services).map((name) => `(name = ${text(name)}, service = ${text(name)})`),
    ...Object.keys(kv).map((name) => `(name = ${text(name)}, kvNamespace = ${text(name)})`),
  ];
  const externals = { ...services, ...kv, ...(cache === undefined ? {} : { cache }) };
  const embedded = modules.map(({ name }, i) => {
    const kind = name.endsWith('.wasm') ? 'wasm' : 'esModule';
    return `(name = ${text(name)}, ${kind} = embed ${text(fileOf(i))})`;
  });
  return `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [${embedded.join(', ')}],
      compatibilityDate = ${text(compatibilityDate)},
      compatibilityFlags = [${compatibilityFlags.map((flag) => text(flag)).join(', ')}],
      bindings = [${bindings.join(', ')}],
      globalOutbound = "loopback",
      ${cache === undefined ? '' : 'cacheApiOutbound = "cache",'}
    )),
    (name = "loopback", network = (allow = ["local"])),
    ${Object.entries(externals)
      .map(([name, address]) => `(name = ${text(name)}, external = (address = ${text(address)}, http = ())),`)
      .join('\n    ')}
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`;
}
