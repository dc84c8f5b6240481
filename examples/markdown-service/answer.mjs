// How answers are written: with what every one of them has, to HEAD as to GET, and errors as a small page or as JSON.
import { STATUS_CODES } from 'node:http';
import { RequestError } from './errors.mjs';
import { escapeHtml, PAGE_POLICY, page } from './template.mjs';

/** @typedef {import('node:http').IncomingMessage} Request */
/** @typedef {import('node:http').ServerResponse} Response */

/**
 * @param {Request} request
 * @param {Response} response
 * @param {number} status
 * @param {Record<string, string>} headers
 * @param {string | Buffer} [body]
 */
export function answer(request, response, status, headers, body) {
  response.writeHead(status, {
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'same-origin',
    ...(body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) }),
    ...headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/**
 * @param {Request} request
 * @param {Response} response
 * @param {unknown} value
 * @param {number} [status]
 * @param {Record<string, string>} [headers]
 */
export function answerJson(request, response, value, status = 200, headers = {}) {
  const json = `${JSON.stringify(value, undefined, 2)}\n`;
  const all = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers };
  answer(request, response, status, all, json);
}

/**
 * Tells the client what it may know of an error: all of a {@link RequestError}, nothing of another.
 *
 * @param {Request} request
 * @param {Response} response
 * @param {unknown} error
 * @param {{ json: boolean }} options
 */
export function answerError(request, response, error, { json }) {
  const { status, message, headers } =
    error instanceof RequestError ? error : new RequestError(500, 'The service failed to answer this.');
  if (json) {
    answerJson(request, response, { error: message }, status, headers);
    return;
  }
  const title = STATUS_CODES[status] ?? 'Error';
  const html = `<h1>${title}</h1>\n<p>${escapeHtml(message)}</p>\n<p class="status">Status ${status}</p>\n`;
  const all = {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': PAGE_POLICY,
    'Cache-Control': 'no-store',
    ...headers,
  };
  answer(request, response, status, all, page({ title, html }));
}
