import { answer, answerError, answerJson } from './answer.mjs';
import { isNotModified } from './conditional.mjs';
import { codeOf, RequestError } from './errors.mjs';
import { requireLocal } from './local-only.mjs';
import { parsePath } from './paths.mjs';

/** @typedef {import('./answer.mjs').Request} Request */
/** @typedef {import('./answer.mjs').Response} Response */

/**
 * What the routes need of the service.
 *
 * @typedef {object} Backend
 * @property {(path: string) => Promise<{ page: import('./pages.mjs').Page, status: string }>} getPage
 * @property {(tags: string[]) => number} invalidate
 * @property {() => object} stats
 * @property {() => boolean} isClosing
 */

const MAX_BODY_BYTES = 64 * 1_024;

/**
 * The handler of all requests. A file or folder that is named as one of the fixed routes cannot be reached.
 *
 * @param {Backend} backend
 * @returns {(request: Request, response: Response) => Promise<void>}
 */
export function createRoutes(backend) {
  /** @type {Map<string, { methods: string[], handle: (request: Request, response: Response) => void | Promise<void> }>} */
  const fixed = new Map([
    ['/healthz', { methods: ['GET', 'HEAD'], handle: (request, response) => answerHealth(backend, request, response) }],
    [
      '/stats',
      { methods: ['GET', 'HEAD'], handle: (request, response) => answerJson(request, response, backend.stats()) },
    ],
    ['/invalidate', { methods: ['POST'], handle: (request, response) => invalidate(backend, request, response) }],
  ]);
  const pages = {
    methods: ['GET', 'HEAD'],
    handle: (/** @type {Request} */ request, /** @type {Response} */ response) =>
      answerPage(backend, request, response),
  };

  return async (request, response) => {
    let json = false;
    try {
      const name = (request.url ?? '').split('?', 1)[0] ?? '';
      const route = fixed.get(name) ?? pages;
      json = route !== pages;
      if (!route.methods.includes(request.method ?? '')) {
        throw new RequestError(405, `This answers to ${route.methods.join(' and ')}.`, {
          Allow: route.methods.join(', '),
        });
      }
      await route.handle(request, response);
    } catch (error) {
      // The client went away, or was cut off at the end of the service.
      if (request.destroyed && !request.complete) return;
      if (!(error instanceof RequestError)) console.error(`${request.method} ${request.url}:`, error);
      if (response.headersSent) response.destroy();
      else answerError(request, response, error, { json });
    }
  };
}

/**
 * @param {Backend} backend
 * @param {Request} request
 * @param {Response} response
 */
async function answerPage(backend, request, response) {
  const { page, status } = await backend.getPage(parsePath(request.url ?? ''));
  const headers = {
    ETag: page.etag,
    // A browser asks each time, as it hears nothing of invalidations; the answer is most often a 304.
    'Cache-Control': 'no-cache',
    'Cache-Status': `tiercel; ${status}`,
    'Content-Security-Policy': page.policy,
  };
  if (isNotModified(request.headers['if-none-match'], page.etag)) answer(request, response, 304, headers);
  else answer(request, response, 200, { ...headers, 'Content-Type': page.type }, page.body);
}

/**
 * @param {Backend} backend
 * @param {Request} request
 * @param {Response} response
 */
function answerHealth(backend, request, response) {
  if (backend.isClosing()) answerJson(request, response, { status: 'closing' }, 503);
  else answerJson(request, response, { status: 'ok' });
}

/**
 * @param {Backend} backend
 * @param {Request} request
 * @param {Response} response
 */
async function invalidate(backend, request, response) {
  requireLocal(request);
  const tags = new URLSearchParams((request.url ?? '').split('?')[1]).getAll('tag');
  if (tags.length === 0) {
    throw new RequestError(400, 'Name what to invalidate: /invalidate?tag=file:/README.md or ?tag=folder:/docs/');
  }
  await readToEnd(request);
  try {
    answerJson(request, response, { removed: backend.invalidate(tags) });
  } catch (error) {
    const isWrongTag = codeOf(error)?.startsWith('ERR_TIERCEL_KEY') || codeOf(error) === 'ERR_TIERCEL_INVALID_ARGUMENT';
    throw isWrongTag && error instanceof Error ? new RequestError(400, error.message) : error;
  }
}

/**
 * There is nothing to be said in the body, yet a client that sends one waits for it to be taken.
 *
 * @param {Request} request
 */
async function readToEnd(request) {
  let size = 0;
  // Left early, it must still be there to be answered.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new RequestError(413, 'The body is too large.', { Connection: 'close' });
  }
}
