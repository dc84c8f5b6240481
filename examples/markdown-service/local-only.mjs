import { isIP } from 'node:net';
import { RequestError } from './errors.mjs';

/**
 * Throws unless the request comes from this machine and not from a page of another site in a browser on it.
 *
 * @param {import('node:http').IncomingMessage} request
 * @throws {RequestError}
 */
export function requireLocal({ socket, headers }) {
  if (!isLoopback(socket.remoteAddress ?? '')) throw new RequestError(403, 'Only this machine may do that.');

  // A name that an attacker owns can be pointed at this machine; an address and `localhost` cannot.
  const host = headers.host ?? '';
  const name = host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  if (name !== 'localhost' && isIP(name) === 0) {
    throw new RequestError(403, 'Name the service by its address or as localhost.');
  }
  const isForeign = headers.origin !== undefined && headers.origin !== `http://${host}`;
  const site = headers['sec-fetch-site'] ?? 'none';
  if (isForeign || (site !== 'none' && site !== 'same-origin')) {
    throw new RequestError(403, 'Pages of other sites may not do that.');
  }
}

/** @param {string} address */
function isLoopback(address) {
  return address === '::1' || /^(?:::ffff:)?127\./.test(address);
}
