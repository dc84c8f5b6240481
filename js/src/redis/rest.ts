import type { Duration, Milliseconds } from '../duration.js';
import { TiercelError } from '../errors.js';
import { callback, flag, positiveDuration, type Reader, type Readers, readRequiring } from '../memory/readers.js';
import { LONGEST_DELAY } from '../timers.js';
import { Turns } from '../turns.js';
import type { RedisArgument, RedisPort, RedisReply } from './port.js';
import { asText, replyOf } from './rest-bytes.js';
import { bytesAsText, withBytes } from './rest-scripts.js';

export interface RestRedisOptions {
  /** Of the database, as `https://….upstash.io`; with `http:` only on the loopback, unless `allowHttp`. */
  url: string;
  /** Sent with each request as `Authorization: Bearer`. No error and no description says what it is. */
  token: string;
  /**
   * How long a request may take, its turn included; then it is aborted. Default 1 s. At least as long as the `timeout` of
   * whoever uses the client: that of a tier is until when a value that is sent may take effect, and a request that was
   * aborted before may be followed by one that overtakes it.
   */
  timeout?: Duration;
  /** Whether the token may go over a network as it is. Default false. */
  allowHttp?: boolean;
  /** What makes the requests. Default: that of the platform. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** Commands that go out with one request, and what becomes of them. */
interface Batch {
  readonly commands: (readonly string[])[];
  readonly answered: ((reply: RedisReply | Error) => void)[];
  /** Characters, of all commands. */
  size: number;
  /** When it is over, at the latest. */
  readonly until: Milliseconds;
  /** Whether those after it may overtake it. */
  isFree: boolean;
}

/** Most commands of a request, and how many characters end one. */
const MOST_COMMANDS = 128;
const MOST_CHARACTERS = 2 ** 20;
/** Of what a server says, in an error. */
const MOST_TEXT = 200;

/**
 * Redis over HTTP, with the protocol of Upstash. Commands of one turn of the event loop are one request. They take effect
 * in order: a request is made when those before it have ended, but for those that are free to be overtaken, as reads are.
 */
export class RestRedis implements RedisPort {
  readonly client = 'rest';
  readonly topology = 'standalone';
  readonly #url: string;
  readonly #token: string;
  readonly #timeout: Milliseconds;
  readonly #fetch: NonNullable<RestRedisOptions['fetch']>;
  /** Still taking commands, until this turn is over. */
  #open: Batch | undefined;
  readonly #turns = new Turns();

  constructor(options: RestRedisOptions) {
    const { url, token, timeout, allowHttp, fetch: given } = readRequiring(options, READERS, ['url', 'token']);
    this.#url = `${checkUrl(url, allowHttp === true)}/pipeline`;
    this.#token = token;
    this.#timeout = (timeout as Milliseconds | undefined) ?? 1_000;
    this.#fetch = given ?? ((to, init) => fetch(to, init));
  }

  isReady(): boolean {
    return true;
  }

  /** Sends a command. Rejects with a TiercelError if it was not answered, and with what Redis says if that is an error. */
  async send(args: readonly RedisArgument[], _key?: string, isFree = false): Promise<RedisReply> {
    const [name, what, script] = args;
    // Nobody needs to be asked what a script is called; whether it is there is seen when it is called.
    if (name === 'SCRIPT' && what === 'LOAD') return sha1(withBytes(script as string));
    const command = name === 'EVAL' || name === 'EVALSHA' ? bytesAsText(args) : args.map(asText);
    const reply = await new Promise<RedisReply | Error>((resolve) => this.#add(command, isFree, resolve));
    if (reply instanceof Error) throw reply;
    return reply;
  }

  #add(command: readonly string[], isFree: boolean, answered: Batch['answered'][number]): void {
    const size = command.reduce((sum, arg) => sum + arg.length, 0);
    let batch = this.#open;
    if (batch === undefined || batch.commands.length >= MOST_COMMANDS || batch.size + size > MOST_CHARACTERS)
      batch = this.#begin();
    batch.commands.push(command);
    batch.answered.push(answered);
    batch.size += size;
    batch.isFree &&= isFree;
  }

  #begin(): Batch {
    const until = performance.now() + this.#timeout;
    const batch: Batch = { commands: [], answered: [], size: 0, until, isFree: true };
    this.#open = batch;
    void this.#run(batch);
    return batch;
  }

  /** Never rejects. */
  async #run(batch: Batch): Promise<void> {
    // What is sent within this turn of the event loop is in it.
    await undefined;
    if (this.#open === batch) this.#open = undefined;
    let end: (() => void) | undefined;
    try {
      if (batch.isFree) await this.#turns.pass();
      else end = await this.#turns.take(() => batch.until);
      const replies = await this.#request(batch);
      for (const [i, answered] of batch.answered.entries()) answered(replies[i] as RedisReply | Error);
    } catch (error) {
      for (const answered of batch.answered) answered(error as Error);
    } finally {
      end?.();
    }
  }

  async #request({ commands, until }: Batch): Promise<readonly (RedisReply | Error)[]> {
    const abort = new AbortController();
    const left = until - performance.now();
    if (left <= 0) throw tooLate();
    const timer = setTimeout(() => abort.abort(), Math.min(left, LONGEST_DELAY));
    try {
      const response = await this.#fetch(this.#url, {
        method: 'POST',
        headers: {
          Authorization: `Bearer ${this.#token}`,
          'Content-Type': 'application/json',
          'Upstash-Encoding': 'base64',
        },
        body: JSON.stringify(commands),
        // Elsewhere the token has no business.
        redirect: 'manual',
        signal: abort.signal,
      });
      const text = await response.text();
      if (!response.ok) throw this.#refused(response.status, text);
      return this.#replies(text, commands.length);
    } catch (error) {
      if (abort.signal.aborted) throw tooLate();
      if (error instanceof TiercelError) throw error;
      throw unavailable(`the request failed: ${this.#quoted(reasonOf(error))}`);
    } finally {
      clearTimeout(timer);
    }
  }

  /** What is answered to each command. */
  #replies(text: string, count: number): readonly (RedisReply | Error)[] {
    const all = parse(text);
    if (!Array.isArray(all) || all.length !== count) throw nonsense();
    return all.map((one: unknown) => {
      const { result, error } = (one ?? {}) as { result?: unknown; error?: unknown };
      if (typeof error === 'string') return errorOf(this.#quoted(error));
      try {
        return replyOf(result);
      } catch {
        return nonsense();
      }
    });
  }

  #refused(status: number, text: string): TiercelError {
    const { error } = (parse(text) ?? {}) as { error?: unknown };
    const said = typeof error === 'string' ? `: ${this.#quoted(error)}` : '';
    return unavailable(`it answered with status ${status}${MEANINGS[status] ?? ''}${said}`);
  }

  /** A text from outside, which may repeat what it was sent. */
  #quoted(text: string): string {
    return text.replaceAll(this.#token, '***').slice(0, MOST_TEXT);
  }
}

const MEANINGS: Readonly<Record<number, string>> = {
  401: ', the token is not accepted',
  403: ', the token does not allow this',
  413: ', it is too large',
  429: ', there are too many',
};

/**
 * A client of Redis over HTTP, for `redisTier`, `DistributedLock` and `redisHealth`: where there is `fetch` and no sockets.
 * The protocol is that of Upstash, which other proxies speak as well. There is no bus over it: it cannot listen.
 * @throws ERR_TIERCEL_INVALID_OPTION
 */
export function restRedis(options: RestRedisOptions): RestRedis {
  return new RestRedis(options);
}

// ---- Options

/** Never said what was given. */
const secret =
  (pattern: RegExp, accepted: string): Reader<string> =>
  (value, name) => {
    if (typeof value === 'string' && pattern.test(value)) return value;
    throw new TiercelError('ERR_TIERCEL_INVALID_OPTION', `${name}: accepted: ${accepted}`);
  };

const URLS = 'the URL of a database without a query: https, or http on the loopback or with allowHttp';

const READERS: Readers<RestRedisOptions> = {
  // It may have the token in it, put there for another client.
  url: secret(/^https?:\/\//i, URLS),
  token: secret(/^[\x21-\x7e]{1,4096}$/, 'a string of 1 to 4096 printable characters of ASCII'),
  timeout: positiveDuration,
  allowHttp: flag,
  fetch: callback('a function like fetch'),
};

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

function checkUrl(text: string, allowHttp: boolean): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url?.protocol === 'https:' || allowHttp || LOOPBACK.test(url?.hostname ?? '');
  if (url === undefined || !isSafe || url.search !== '' || url.hash !== '' || url.username + url.password !== '')
    throw new TiercelError('ERR_TIERCEL_INVALID_OPTION', `url: accepted: ${URLS}`);
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

// ---- Answers

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An error of Redis. That a script is not there must be the first thing it says, whatever a proxy says before. */
function errorOf(text: string): Error {
  return new Error(text.includes('NOSCRIPT') ? text.slice(text.indexOf('NOSCRIPT')) : text);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no reason given';
  const { code, message } = (error.cause ?? {}) as { code?: unknown; message?: unknown };
  const why = [code, message].find((one) => typeof one === 'string' && one !== '');
  return why === undefined ? error.message : `${error.message} (${why})`;
}

const unavailable = (what: string) => new TiercelError('ERR_TIERCEL_UNAVAILABLE', `Redis over REST: ${what}`);
const tooLate = () => new TiercelError('ERR_TIERCEL_TIMEOUT', 'Redis over REST: no answer within the timeout');
const nonsense = () =>
  new TiercelError('ERR_TIERCEL_CORRUPT_VALUE', 'Redis over REST: the answer is not what the protocol says');

async function sha1(text: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-1', new TextEncoder().encode(text)));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
