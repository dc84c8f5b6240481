// A client for the tests' own questions, which has nothing in common with the clients under test: a connection for each
// command, so that no state of one is left for another.
import { connect } from 'node:net';

/** What `admin` of users.acl comes in with. */
export const ADMIN = ['admin', 'change-me-admin'];

/** An error that the server answered with. */
export class ReplyError extends Error {}

/** Reads one reply of RESP2, or a command, from the beginning of `bytes`. @param {Buffer} bytes @returns {[any, number] | undefined} it and where it ends */
export function parse(bytes, at = 0) {
  const end = bytes.indexOf('\r\n', at);
  if (end < 0) return undefined;
  const line = bytes.toString('utf8', at + 1, end);
  let next = end + 2;
  switch (bytes[at]) {
    case 0x2b: // +
      return [line, next];
    case 0x2d: // -
      return [new ReplyError(line), next];
    case 0x3a: // :
      return [Number(line), next];
    case 0x24: // $
      if (line === '-1') return [null, next];
      if (bytes.length < next + Number(line) + 2) return undefined;
      return [bytes.subarray(next, next + Number(line)), next + Number(line) + 2];
    case 0x2a: {
      // *
      if (line === '-1') return [null, next];
      const items = [];
      for (let i = 0; i < Number(line); i++) {
        const item = parse(bytes, next);
        if (item === undefined) return undefined;
        items.push(item[0]);
        next = item[1];
      }
      return [items, next];
    }
    default:
      throw new Error(`no reply of RESP2: ${bytes.toString('latin1', at, at + 40)}`);
  }
}

/** A command. @param {readonly (string | number | Uint8Array)[]} parts */
export function request(parts) {
  const pieces = [Buffer.from(`*${parts.length}\r\n`)];
  for (const part of parts) {
    const bytes = part instanceof Uint8Array ? part : Buffer.from(String(part));
    pieces.push(Buffer.from(`$${bytes.length}\r\n`), Buffer.from(bytes), Buffer.from('\r\n'));
  }
  return Buffer.concat(pieces);
}

/** Texts as strings, all the way down. */
const asText = (reply) =>
  Buffer.isBuffer(reply) ? reply.toString('utf8') : Array.isArray(reply) ? reply.map(asText) : reply;

/**
 * Sends commands over a connection of their own and gives the replies; rejects with the first that is an error, unless
 * errors are kept among the replies.
 *
 * @param {number} port
 * @param {readonly (readonly (string | number | Uint8Array)[])[]} commands
 * @param {{ user?: readonly string[], raw?: boolean, keep?: boolean, timeout?: number }} [options] user: name and password, none for
 *   sentinels; raw: texts as Buffers; timeout: milliseconds
 * @returns {Promise<any[]>}
 */
export function send(port, commands, { user = ADMIN, raw = false, keep = false, timeout = 10_000 } = {}) {
  const all = user.length > 0 ? [['AUTH', ...user], ...commands] : commands;
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const replies = [];
    let bytes = Buffer.alloc(0);
    const finish = (error) => {
      socket.destroy();
      const failed = error ?? (keep ? undefined : replies.find((reply) => reply instanceof ReplyError));
      if (failed === undefined)
        resolve((user.length > 0 ? replies.slice(1) : replies).map((reply) => (raw ? reply : asText(reply))));
      else reject(failed);
    };
    socket.setTimeout(timeout, () => finish(new Error(`no reply from port ${port} within ${timeout} ms`)));
    socket.on('error', finish);
    socket.on('close', () => finish(new Error(`port ${port} closed the connection`)));
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (let reply = parse(bytes); reply !== undefined; reply = bytes.length > 0 ? parse(bytes) : undefined) {
        replies.push(reply[0]);
        bytes = bytes.subarray(reply[1]);
      }
      if (replies.length >= all.length) finish(undefined);
    });
    socket.write(Buffer.concat(all.map(request)));
  });
}
