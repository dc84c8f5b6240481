// That the servers and the network of these tests do what the tests rely on.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { configured } from './support/configured.mjs';
import { startProxy } from './support/proxy.mjs';
import { ADMIN, ReplyError, request, send } from './support/resp.mjs';
import { startServer, until } from './support/server.mjs';

it('a configuration has each directive that a test replaces, once', () => {
  assert.equal(configured('# port 1\nport 2\nbind a b\n', { port: 3, bind: undefined }), '# port 1\nport 3\n');
  assert.throws(() => configured('port 1\n', { bind: 'a' }), /bind is 0 times/);
  assert.throws(() => configured('port 1\nport 2\n', { port: 3 }), /port is 2 times/);
});

describe('a server', () => {
  let server;
  before(async () => {
    server = await startServer();
  });
  after(() => server.stop());

  it('is that of examples/redis', async () => {
    assert.deepEqual(await server.command('CONFIG', 'GET', 'maxmemory-policy'), ['maxmemory-policy', 'allkeys-lfu']);
    assert.deepEqual(await server.command('CONFIG', 'GET', 'save'), ['save', '']);
    await assert.rejects(send(server.port, [['PING']], { user: [] }), /NOAUTH/);
  });

  it('answers any kind of reply', async () => {
    await server.command('SET', 'tiercel:é', Buffer.from([0, 13, 10, 255]));
    const [bytes, none, list] = await send(
      server.port,
      [
        ['GET', 'tiercel:é'],
        ['GET', 'tiercel:none'],
        ['MGET', 'tiercel:none', 'tiercel:é'],
      ],
      { raw: true },
    );
    assert.deepEqual([bytes, none, list], [Buffer.from([0, 13, 10, 255]), null, [null, Buffer.from([0, 13, 10, 255])]]);
    await assert.rejects(server.command('NOSUCHCOMMAND'), ReplyError);
    assert.equal(await server.command('EXISTS', 'tiercel:é'), 1);
  });

  it('stands still and goes on', async () => {
    server.suspend();
    await assert.rejects(send(server.port, [['PING']], { timeout: 100 }), /no reply from port/);
    server.resume();
    assert.equal(await server.command('PING'), 'PONG');
  });

  it('starts again on its port with nothing of what it had', async () => {
    await server.command('SET', 'tiercel:a', 1);
    await server.restart();
    assert.equal(await server.command('DBSIZE'), 0);
  });

  it('leaves nothing behind', async () => {
    const other = await startServer();
    const { pid, folder } = other;
    await other.stop();
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
    assert.equal(existsSync(folder), false);
  });
});

it('a server does not outlive the process of its test, however that ends', async () => {
  const module = new URL('./support/server.mjs', import.meta.url);
  const script = `import { startServer } from '${module}'; const { pid, folder } = await startServer();
    console.log(JSON.stringify({ pid, folder })); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(child.stdout, 'data');
  const { pid, folder } = JSON.parse(line);
  assert.equal(existsSync(folder), true);
  child.kill('SIGKILL');
  await until('the server is gone', () => {
    try {
      return !process.kill(pid, 0);
    } catch {
      return true;
    }
  });
  await until('its folder is gone', () => !existsSync(folder));
});

it('a proxy answers some commands with an error, each in its turn, however they come', async () => {
  const server = await startServer();
  const proxy = await startProxy(server.port, { readsCommands: true });
  try {
    const commands = ['a', 'b', 'c'].map((key) => ['SET', `tiercel:${key}`, 'x'.repeat(20_000)]);
    const pings = (i) => [
      ['ECHO', `${i}`],
      ['GET', 'tiercel:a'],
      ['ECHO', 'é'],
    ];
    assert.deepEqual(await send(proxy.port, commands), ['OK', 'OK', 'OK']);
    proxy.answer('MOVED 1 127.0.0.1:2', ['GET']);
    const socket = connect({ port: proxy.port, host: '127.0.0.1' });
    const replies = [];
    socket.on('data', (bytes) => replies.push(bytes));
    const bytes = Buffer.concat([['AUTH', ...ADMIN], ...pings(1), ...pings(2)].map(request));
    for (const byte of bytes) {
      socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const expected =
      '+OK\r\n$1\r\n1\r\n-MOVED 1 127.0.0.1:2\r\n$2\r\né\r\n$1\r\n2\r\n-MOVED 1 127.0.0.1:2\r\n$2\r\né\r\n';
    await until('all is answered', () => Buffer.concat(replies).toString() === expected);
    // In the middle of a command.
    const next = Buffer.concat(pings(3).map(request));
    socket.write(next.subarray(0, 40));
    await pause(50);
    await proxy.pass();
    socket.write(next.subarray(40));
    await until('the rest is answered', () => Buffer.concat(replies).toString().includes('x'.repeat(20_000)));
    socket.destroy();
  } finally {
    await proxy.close();
    await server.stop();
  }
});

describe('a proxy', () => {
  let server;
  let proxy;
  before(async () => {
    server = await startServer();
    proxy = await startProxy(server.port);
  });
  after(async () => {
    await proxy.close();
    await server.stop();
  });
  beforeEach(() => proxy.pass());

  const ping = (timeout = 5_000) => send(proxy.port, [['ECHO', 'x'.repeat(100)]], { timeout });
  const pong = ['x'.repeat(100)];

  /** A connection that stays, with all that came of it. */
  async function open() {
    const socket = connect({ port: proxy.port, host: '127.0.0.1' });
    await once(socket, 'connect');
    const chunks = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    const events = [];
    for (const name of ['end', 'error', 'close']) socket.on(name, () => events.push(name));
    socket.write(`AUTH ${ADMIN.join(' ')}\r\n`);
    await until('the connection is let in', () => chunks.length > 0);
    chunks.length = 0;
    return { socket, chunks, events, text: () => Buffer.concat(chunks).toString() };
  }

  it('passes', async () => {
    assert.deepEqual(await ping(), pong);
    await until('the connection is gone', () => proxy.connections === 0);
  });

  it('refuses, and ends what there is', async () => {
    const { events } = await open();
    await proxy.refuse();
    await until('the connection is reset', () => events.includes('close'));
    assert.deepEqual(events, ['error', 'close']);
    await assert.rejects(ping(), { code: 'ECONNREFUSED' });
    await proxy.pass();
    assert.deepEqual(await ping(), pong);
  });

  it('is a black hole without a word, and loses nothing of what it held back', async () => {
    const { socket, chunks, events, text } = await open();
    proxy.blackhole();
    socket.write('PING\r\n');
    await assert.rejects(ping(100), /no reply/);
    assert.deepEqual([chunks.length, events], [0, []]);
    await proxy.pass();
    await until('the reply comes', () => text() === '+PONG\r\n');
    socket.destroy();
  });

  it('is a black hole in one direction', async () => {
    const { socket, chunks } = await open();
    proxy.blackhole({ up: false });
    socket.write('SET tiercel:up 1\r\n');
    await until('it is set', async () => (await server.command('GET', 'tiercel:up')) === '1');
    assert.equal(chunks.length, 0);
    socket.destroy();
  });

  it('delays, in order', async () => {
    proxy.delay(50, { up: false });
    const { socket, text } = await open();
    const begin = performance.now();
    for (let i = 0; i < 5; i++) {
      socket.write(`ECHO ${i}\r\n`);
      await pause(5);
    }
    await until('all is there', () => text().length >= 5 * 7);
    assert.deepEqual(text().match(/\d(?=\r\n(\$|$))/g), ['0', '1', '2', '3', '4']);
    assert.ok(performance.now() - begin >= 50);
    socket.destroy();
  });

  it('splits and coalesces', async () => {
    proxy.split(1, { up: false });
    const split = await open();
    split.socket.write('ECHO abcdefghij\r\n');
    await until('all is there', () => split.text() === '$10\r\nabcdefghij\r\n');
    assert.ok(split.chunks.length > 1);
    split.socket.destroy();
    await proxy.pass();
    const joined = await open();
    proxy.coalesce(500, { up: false });
    for (let i = 0; i < 5; i++) {
      joined.socket.write('PING\r\n');
      await pause(2);
    }
    await until('all is there', () => joined.text() === '+PONG\r\n'.repeat(5));
    assert.ok(joined.chunks.length < 5);
    joined.socket.destroy();
  });

  it('drops what there is, and takes what comes', async () => {
    const { events } = await open();
    proxy.drop();
    await until('the connection is reset', () => events.includes('close'));
    assert.deepEqual(await ping(), pong);
  });

  it('closes one half', async () => {
    const { socket, events } = await open();
    proxy.halfClose('down');
    await until('the end is seen', () => events.includes('end'));
    assert.ok(!events.includes('error'));
    socket.destroy();
  });

  it('resets connections to a server that is not there', async () => {
    await server.kill();
    await assert.rejects(ping(), { code: 'ECONNRESET' });
    await server.restart();
    assert.deepEqual(await ping(), pong);
  });
});
