import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/**
 * Serves the page, the script that esbuild makes of it, and a search that is slow on purpose.
 *
 * @typedef {object} ServerOptions
 * @property {string} [host] Default `127.0.0.1`.
 * @property {number} [port] Default 8788. 0: any free one.
 * @property {number} [delay] Milliseconds that a search takes at least; at most twice that. Default 150.
 * @property {string} [policy] The Content-Security-Policy of the page. Default {@link POLICY}.
 *
 * @typedef {{ url: string, searches: () => number, close: () => Promise<void> }} Server
 *
 * @typedef {{ name: string, scientific: string, group: string }} Bird
 */

/** All that Tiercel needs beyond scripts of the page's own origin is `'wasm-unsafe-eval'`. */
export const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

/** @type {Record<string, [file: string, type: string]>} */
const FILES = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/style.css': ['style.css', 'text/css; charset=utf-8'],
  '/icon.svg': ['icon.svg', 'image/svg+xml'],
};

/**
 * @param {ServerOptions} [options]
 * @returns {Promise<Server>} `searches`: how many requests the search had.
 */
export async function serve({ host = '127.0.0.1', port = 8788, delay = 150, policy = POLICY } = {}) {
  const script = await bundle();
  /** @type {Bird[]} */
  const birds = JSON.parse(await readFile(local('birds.json'), 'utf8'));
  let searches = 0;

  /** @param {URL} url */
  const answer = async (url) => {
    const file = FILES[url.pathname];
    if (file) return { type: file[1], body: await readFile(local(file[0])) };
    if (url.pathname === '/app.js') return { type: 'text/javascript; charset=utf-8', body: script };
    if (url.pathname === '/search') {
      searches++;
      await sleep(delay * (1 + Math.random()));
      const found = find(birds, url.searchParams.get('q') ?? '');
      return { type: 'application/json', body: JSON.stringify(found) };
    }
    return undefined;
  };

  const server = createServer(async (request, response) => {
    response.setHeader('content-security-policy', policy);
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('cache-control', 'no-store');
    // A page that shares its process with no other may measure time in microseconds.
    response.setHeader('cross-origin-opener-policy', 'same-origin');
    response.setHeader('cross-origin-embedder-policy', 'require-corp');
    const found = request.method === 'GET' ? await answer(new URL(request.url ?? '/', 'http://localhost')) : undefined;
    if (found) response.setHeader('content-type', found.type).end(found.body);
    else response.writeHead(404).end();
  });
  server.listen(port, host);
  await once(server, 'listening');
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://${host}:${address.port}/`,
    searches: () => searches,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The script with all it imports. `tiercel` resolves by the condition `browser`, its engine inside. */
async function bundle() {
  const { outputFiles } = await build({
    entryPoints: [local('app.js')],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    conditions: ['browser'],
    logLevel: 'silent',
  });
  return /** @type {import('esbuild').OutputFile} */ (outputFiles[0]).contents;
}

/**
 * The birds whose names have all the words.
 *
 * @param {readonly Bird[]} birds
 * @param {string} query
 */
function find(birds, query) {
  const words = query.toLowerCase().split(/\s+/);
  return birds.filter(({ name, scientific, group }) => {
    const text = `${name} ${scientific} ${group}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** @param {string} name */
function local(name) {
  return fileURLToPath(new URL(name, import.meta.url));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { HOST, PORT } = process.env;
  const { url } = await serve({ ...(HOST && { host: HOST }), ...(PORT && { port: Number(PORT) }) });
  console.log(`listening on ${url}`);
}
