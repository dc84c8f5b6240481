// HTTP: what is asked, of whom, and what is answered.

/** @typedef {import('node:http').IncomingMessage} Request */
/** @typedef {import('node:http').ServerResponse} Response */

const LONGEST_BODY = 16_384;

/** What is wrong with a request, with its status. */
class RequestError extends Error {
  constructor(/** @type {number} */ status, /** @type {string} */ message) {
    super(message);
    this.status = status;
  }
}

/** @param {import('./chat.mjs').Chat} chat @returns {(request: Request, response: Response) => Promise<void>} */
export function createRoutes(chat) {
  return async (request, response) => {
    try {
      await answer(chat, request, response);
    } catch (error) {
      const status = error instanceof RequestError ? error.status : 500;
      if (status === 500) console.error(`${request.method} ${request.url}:`, error);
      send(response, status, { error: status === 500 ? 'failed' : error.message });
    }
  };
}

/** @param {import('./chat.mjs').Chat} chat @param {Request} request @param {Response} response */
async function answer(chat, request, response) {
  const url = new URL(request.url ?? '/', 'http://service');
  const { method } = request;
  const [, resource, idText, part] = url.pathname.split('/');
  if (method === 'GET' && url.pathname === '/stats') return send(response, 200, chat.stats());
  const user = userOf(request);
  const id = idText === undefined ? 0 : idOf(idText);
  const limit = (/** @type {number} */ byDefault) => limitOf(url.searchParams.get('limit') ?? String(byDefault));

  switch (`${method} ${resource}${idText === undefined ? '' : '/id'}${part === undefined ? '' : `/${part}`}`) {
    case 'GET sessions':
      return show(response, await chat.sessions(user, limit(20)));
    case 'POST sessions': {
      const { title } = await bodyOf(request, 'title');
      return send(response, 201, await chat.createSession(user, title));
    }
    case 'GET sessions/id':
      return show(response, await chat.session(user, id));
    case 'DELETE sessions/id':
      return send(response, (await chat.deleteSession(user, id)) ? 204 : 404);
    case 'GET sessions/id/messages':
      return show(response, await chat.messages(user, id, limit(50)));
    case 'POST sessions/id/messages': {
      const { role, text } = await bodyOf(request, 'role', 'text');
      const message = await chat.addMessage(user, id, role, text);
      return message === undefined ? send(response, 404, { error: 'no such session' }) : send(response, 201, message);
    }
    case 'GET search': {
      const query = url.searchParams.get('q') ?? '';
      if (query.trim() === '') throw new RequestError(400, 'q must be the text to search for');
      return show(response, await chat.search(user, query, url.searchParams.get('role') ?? undefined, limit(20)));
    }
    default:
      throw new RequestError(404, 'no such route');
  }
}

/** @param {Response} response @param {{ value: unknown, cached: boolean }} shown */
function show(response, { value, cached }) {
  response.setHeader('X-Cache', cached ? 'hit' : 'miss');
  if (value === undefined) send(response, 404, { error: 'no such session' });
  else send(response, 200, value);
}

/** @param {Response} response @param {number} status @param {unknown} [body] */
function send(response, status, body) {
  if (body === undefined) response.writeHead(status).end();
  else response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}

/** @param {Request} request */
function userOf(request) {
  const user = request.headers['x-user'];
  if (typeof user === 'string' && /^[\w.@-]{1,64}$/.test(user)) return user;
  throw new RequestError(401, 'X-User must be 1 to 64 letters, digits, or any of . @ - _');
}

/** @param {string} text */
function idOf(text) {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new RequestError(404, 'no such session');
}

/** @param {string} text */
function limitOf(text) {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 200) return limit;
  throw new RequestError(400, `limit must be a whole number from 1 to 200, got ${JSON.stringify(text)}`);
}

/** The members of a JSON body, each a text. @param {Request} request @param {string[]} names @returns {Promise<any>} */
async function bodyOf(request, ...names) {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk;
    if (text.length > LONGEST_BODY) throw new RequestError(413, `a body has at most ${LONGEST_BODY} characters`);
  }
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    throw new RequestError(400, 'the body must be JSON');
  }
  for (const name of names) {
    if (typeof body?.[name] !== 'string' || body[name] === '') throw new RequestError(400, `${name} must be a text`);
  }
  return body;
}
