// @ts-check
import assert from 'node:assert/strict';
import { rm, utimes, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ask, endAll, makeFolder, run, startService, until } from './support/service.mjs';

const START = fileURLToPath(new URL('../../scripts/start.mjs', import.meta.url));

after(endAll);

describe('the Markdown service as a process', () => {
  it('serves the documentation of the repository if it is given no folder', async () => {
    const service = await startService([]);
    const index = await ask(service.url, '/');
    assert.equal(index.status, 200);
    assert.match(index.body, /CHANGELOG\.md/);
    assert.equal((await ask(service.url, '/CHANGELOG.md')).status, 200);
    assert.equal((await ask(service.url, '/package.json')).status, 404);
    assert.match(service.output.stdout, /^engine (?:native|wasm) \d+\.\d+\.\d+/m);
    assert.equal(await service.stop(), 0);
  });

  it('says in one line why it cannot start, and exits with 1', async () => {
    const folder = await makeFolder({ 'a.md': '# A' });
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = /** @type {import('node:net').AddressInfo} */ (other.address());

    /** @type {[RegExp, string[], Record<string, string>][]} */
    const cases = [
      [/no-such-folder: there is no such folder/, [join(folder, 'no-such-folder')], {}],
      [/a\.md is not a folder/, [join(folder, 'a.md')], {}],
      [new RegExp(`port ${port}: the port is in use; set PORT`), [folder], { PORT: String(port) }],
      [/PORT must be a whole number from 0 to 65535, got "eighty"/, [folder], { PORT: 'eighty' }],
      [/PORT must be .*, got "65536"/, [folder], { PORT: '65536' }],
      [/SHUTDOWN_SECONDS must be/, [folder], { SHUTDOWN_SECONDS: '-1' }],
      [/HOST is not an address of this machine/, [folder], { HOST: '192.0.2.1' }],
      [/unknown option --colour/, ['--colour'], {}],
      [/one FOLDER is served/, [folder, folder], {}],
      [/--load must be a whole number from 1000/, ['--load', '12'], {}],
      [/--load .* takes no --no-cache/, ['--load', '2000', '--no-cache'], {}],
    ];
    for (const [message, args, env] of cases) {
      const { output, ended } = run(args, env);
      assert.equal((await ended).code, 1, String(message));
      assert.match(output.stderr, message);
      assert.match(output.stderr, /^markdown-service: [^\n]+\n$/);
      assert.ok(!output.stdout.includes('listening'));
    }
    other.close();
    await rm(folder, { recursive: true });
  });

  it('explains itself, and refuses wrong arguments before any set-up', async () => {
    const help = run(['--help'], {}, START);
    assert.equal((await help.ended).code, 0);
    assert.match(help.output.stdout, /npm start -- \[FOLDER\]/);
    const wrong = run(['--colour'], {}, START);
    assert.equal((await wrong.ended).code, 1);
    assert.equal(wrong.output.stderr, 'markdown-service: unknown option --colour; try --help\n');
    assert.equal(wrong.output.stdout, '');
  });

  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGINT'])) {
    it(`finishes a request in flight after ${signal}, accepts no other, and exits with 0`, async () => {
      const folder = await makeFolder({ 'a.md': '# A' });
      const service = await startService([folder]);
      const inFlight = request(`${service.url}/invalidate?tag=file:/a.md`, {
        method: 'POST',
        headers: { Expect: '100-continue', 'Content-Length': '2' },
      });
      inFlight.flushHeaders();
      // Sent by the service when it has the request; the answer waits for the body.
      await new Promise((resolve) => inFlight.once('continue', resolve));

      service.child.kill(signal);
      await until(5_000, 'the port to be closed', () =>
        ask(service.url, '/healthz').then(
          () => false,
          () => true,
        ),
      );
      inFlight.end('ok');
      const status = await new Promise((resolve, reject) => {
        inFlight.once('response', (response) => {
          response.resume();
          response.once('end', () => resolve(response.statusCode));
        });
        inFlight.once('error', reject);
      });
      assert.equal(status, 200);
      assert.deepEqual(await service.ended, { code: 0, signal: null });
      assert.equal(service.output.stderr, '');
      await rm(folder, { recursive: true });
    });
  }

  it('does not wait for ever for a request that does not end', async () => {
    const folder = await makeFolder({ 'a.md': '# A' });
    const service = await startService([folder], { SHUTDOWN_SECONDS: '1' });
    const stuck = request(`${service.url}/invalidate?tag=a`, {
      method: 'POST',
      headers: { Expect: '100-continue', 'Content-Length': '2' },
    });
    const cut = new Promise((resolve) => stuck.once('error', resolve));
    stuck.flushHeaders();
    await new Promise((resolve) => stuck.once('continue', resolve));
    assert.equal(await service.stop(), 0);
    assert.ok((await cut) instanceof Error);
    assert.equal(service.output.stderr, '');
    await rm(folder, { recursive: true });
  });

  it('renders every time without the cache, and keeps the rest', async () => {
    const folder = await makeFolder({ 'a.md': '# A' });
    const service = await startService([folder, '--no-cache']);
    const [first, second] = [await ask(service.url, '/a.md'), await ask(service.url, '/a.md')];
    assert.equal(first.headers['cache-status'], 'tiercel; fwd=bypass');
    assert.equal(second.body, first.body);
    const { etag = '' } = second.headers;
    assert.equal((await ask(service.url, '/a.md', { headers: { 'If-None-Match': etag } })).status, 304);
    const stats = JSON.parse((await ask(service.url, '/stats')).body);
    assert.equal(stats.renders, 3);
    assert.equal(stats.cache, null);
    assert.equal(await service.stop(), 0);
    await rm(folder, { recursive: true });
  });

  it('compares times of modification on every request if it does not watch', async () => {
    const folder = await makeFolder({ 'a.md': '# One', 'b.md': '# Other' });
    const service = await startService([folder, '--no-watch']);
    const show = async () => (await ask(service.url, '/a.md')).body;
    assert.match(await show(), /One/);
    await writeFile(join(folder, 'a.md'), '# Two');
    assert.match(await show(), /Two/);
    // The same length, the same time of modification: only the time of the change itself tells.
    const past = new Date('2020-01-01');
    await utimes(join(folder, 'a.md'), past, past);
    await show();
    await writeFile(join(folder, 'a.md'), '# Ten');
    await utimes(join(folder, 'a.md'), past, past);
    assert.match(await show(), /Ten/);

    await until(10_000, 'a hit once the file is older than its time stamps are coarse', async () => {
      const { headers } = await ask(service.url, '/b.md');
      return headers['cache-status']?.startsWith('tiercel; hit') ?? false;
    });
    assert.equal(JSON.parse((await ask(service.url, '/stats')).body).watcher.mode, 'mtime');
    assert.equal(await service.stop(), 0);
    await rm(folder, { recursive: true });
  });
});
