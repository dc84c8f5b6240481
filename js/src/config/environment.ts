import { type Milliseconds, toBytes, toMilliseconds } from '../duration.js';
import { invalidArgument, TiercelError } from '../errors.js';
import type { Bytes } from '../memory/types.js';
import { type HostAndPort, RedisSettings } from './redis-settings.js';
import { type Parse, type Variable, Variables, wrong } from './variables.js';

/** What {@link configFromEnv} found. */
export interface EnvironmentConfig {
  /** `'memory'`: each process by itself. `'redis'`: with Redis as the second tier. */
  readonly backend: 'memory' | 'redis';
  /** For `MemoryCache`, or as `memory` of `createCache`. */
  readonly memory: { readonly ttl?: Milliseconds; readonly maxBytes?: Bytes };
  /** There if the backend is `'redis'`. */
  readonly redis?: RedisSettings;
  /** Names that look like misspelt ones, a sentence each: for a log. */
  readonly warnings: readonly string[];
}

/**
 * Reads how a cache is to be made from the environment. `CACHE_BACKEND`: `memory` (default) or `redis`.
 * `CACHE_DEFAULT_TTL`: a duration (`5m`; a number alone is milliseconds). `CACHE_MAX_MEMORY_SIZE`: a size (`64mb`; a number
 * alone is bytes). With Redis: `REDIS_URL`, or `REDIS_HOST` (default `localhost`), `REDIS_PORT` (6379), `REDIS_USERNAME`,
 * `REDIS_PASSWORD`, `REDIS_DB` (0), `REDIS_TLS` (`false`); for Sentinel `REDIS_SENTINELS` (`host:port,host:port`),
 * `REDIS_SENTINEL_MASTER`, `REDIS_SENTINEL_USERNAME`, `REDIS_SENTINEL_PASSWORD`; for a cluster `REDIS_CLUSTER_NODES`.
 *
 * What is set to nothing is not set. `REDIS_*` is read if the backend is `redis` only: others use these names too.
 * @param environment default: that of the process; in Workers the `env` of the handler
 * @throws TiercelError `ERR_TIERCEL_INVALID_OPTION` naming the variable, its value unless that may be or hold a secret,
 * and what is accepted; also for variables that do not go together
 */
export function configFromEnv(environment: Readonly<Record<string, unknown>> = ofTheProcess()): EnvironmentConfig {
  if (typeof environment !== 'object' || environment === null)
    throw invalidArgument('environment', environment, 'an object of variables');
  const variables = new Variables(environment);
  const backend = variables.read('CACHE_BACKEND', oneOf('memory', 'redis'), '"memory", "redis"') ?? 'memory';
  const ttl = variables.read('CACHE_DEFAULT_TTL', duration, 'a duration such as "500ms", "30s", "5m", "2h" or "1d"');
  const maxBytes = variables.read(
    'CACHE_MAX_MEMORY_SIZE',
    size,
    'a size such as "512kb", "64mb" or "2gb", more than 0',
  );
  return {
    backend,
    memory: { ...(ttl !== undefined && { ttl }), ...(maxBytes !== undefined && { maxBytes }) },
    ...(backend === 'redis' && { redis: redisFrom(variables) }),
    warnings: variables.misspelt(),
  };
}

function ofTheProcess(): Record<string, unknown> {
  try {
    return { ...(globalThis as { process?: { env?: Record<string, unknown> } }).process?.env };
  } catch {
    // Deno, without leave to read variables.
    return {};
  }
}

// ---- Redis

const PLACE: readonly Variable[] = ['REDIS_HOST', 'REDIS_PORT'];
const SENTINEL: readonly Variable[] = [
  'REDIS_SENTINELS',
  'REDIS_SENTINEL_MASTER',
  'REDIS_SENTINEL_USERNAME',
  'REDIS_SENTINEL_PASSWORD',
];

function redisFrom(variables: Variables): RedisSettings {
  variables.refuseBoth('REDIS_CLUSTER_NODES', ['REDIS_URL', ...PLACE, ...SENTINEL], 'which says where it is');
  variables.refuseBoth('REDIS_SENTINELS', ['REDIS_URL', ...PLACE], 'which says who knows where it is');
  variables.refuseBoth(
    'REDIS_URL',
    [...PLACE, 'REDIS_USERNAME', 'REDIS_PASSWORD', 'REDIS_DB'],
    'which has all that in it',
  );
  const sentinels = variables.read('REDIS_SENTINELS', hostsWithPort(26_379), NODES);
  const nodes = sentinels ?? variables.read('REDIS_CLUSTER_NODES', hostsWithPort(6_379), NODES);
  const url = urlFrom(variables);
  const place = {
    host: url?.host ?? variables.read('REDIS_HOST', host, 'the name or address of a host') ?? 'localhost',
    port: url?.port ?? variables.read('REDIS_PORT', port, PORT) ?? 6_379,
  };
  const first = nodes?.[0] ?? place;
  const db =
    url?.db ?? variables.read('REDIS_DB', wholeNumber(0, 2 ** 31 - 1), 'the number of a database, from 0') ?? 0;
  if (db !== 0 && nodes !== undefined && sentinels === undefined)
    throw wrong('REDIS_DB', String(db), '0, the only database of a cluster');
  const places = {
    ...first,
    mode: nodes === undefined ? 'standalone' : sentinels === undefined ? 'cluster' : 'sentinel',
    nodes: nodes ?? [first],
    masterName: masterFrom(variables),
    username: url?.username ?? variables.text('REDIS_USERNAME'),
    sentinelUsername: variables.text('REDIS_SENTINEL_USERNAME'),
    db,
    tls: tlsFrom(variables, url?.tls),
  } as const;
  return new RedisSettings(places, {
    password: url?.password ?? variables.text('REDIS_PASSWORD'),
    sentinelPassword: variables.text('REDIS_SENTINEL_PASSWORD'),
  });
}

function masterFrom(variables: Variables): string | undefined {
  const master = variables.text('REDIS_SENTINEL_MASTER');
  const hasSentinels = variables.isSet('REDIS_SENTINELS');
  if (hasSentinels && master === undefined)
    throw wrong('REDIS_SENTINEL_MASTER', 'nothing', 'the name that REDIS_SENTINELS have for the server');
  const lone = SENTINEL.find((name) => variables.isSet(name));
  if (!hasSentinels && lone !== undefined)
    throw new TiercelError('ERR_TIERCEL_INVALID_OPTION', `${lone}: only with REDIS_SENTINELS, who are asked`);
  return master;
}

/** An URL that says `rediss:` has said it. */
function tlsFrom(variables: Variables, ofUrl: boolean | undefined): boolean {
  const tls = variables.read('REDIS_TLS', flag, '"true", "false", "1", "0", "yes", "no", "on", "off"');
  if (tls !== undefined && ofUrl !== undefined && tls !== ofUrl)
    throw wrong('REDIS_TLS', `"${tls}"`, `"${ofUrl}", as REDIS_URL says by its protocol, or nothing`);
  return tls ?? ofUrl ?? false;
}

interface ReadUrl extends HostAndPort {
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number;
}

const URL_SHAPE = 'redis://user:password@host:port/db, or rediss:// for TLS, with what is special in them as %XX';

/** Of the value nothing is told: it may hold a password. */
function urlFrom(variables: Variables): ReadUrl | undefined {
  const text = variables.text('REDIS_URL')?.trim();
  if (text === undefined) return undefined;
  try {
    const { protocol, hostname, port: at, username, password, pathname, search, hash } = new URL(text);
    const db = wholeNumber(0, 2 ** 31 - 1)(pathname.slice(1) || '0');
    const isFit = /^rediss?:$/.test(protocol) && hostname !== '' && at !== '0' && search === '' && hash === '';
    if (isFit && db !== undefined)
      return {
        host: hostname.replace(/^\[|\]$/g, ''),
        port: at === '' ? 6_379 : Number(at),
        tls: protocol === 'rediss:',
        username: decodeURIComponent(username) || undefined,
        password: decodeURIComponent(password) || undefined,
        db,
      };
  } catch {
    // No URL, or with an escape that is none.
  }
  throw wrong('REDIS_URL', 'something else (not shown: it may hold a password)', URL_SHAPE);
}

// ---- Values

const PORT = 'the number of a port, from 1 to 65535';
const NODES = 'hosts and ports such as "10.0.0.1:6379,10.0.0.2:6379"';

const oneOf =
  <T extends string>(...choices: T[]): Parse<T> =>
  (text) =>
    choices.find((choice) => choice === text.toLowerCase());

const flag: Parse<boolean> = (text) => {
  if (/^(?:true|1|yes|on)$/i.test(text)) return true;
  return /^(?:false|0|no|off)$/i.test(text) ? false : undefined;
};

const wholeNumber =
  (least: number, most: number): Parse<number> =>
  (text) => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    return value >= least && value <= most ? value : undefined;
  };

const port: Parse<number> = (text) => wholeNumber(1, 65_535)(text);

/** A name or an address; that of IPv6 may be in brackets. */
const host: Parse<string> = (text) => {
  const bare = /^\[([\da-f:.]+)\]$/i.exec(text)?.[1] ?? text;
  return /^[\w.-]+$/.test(bare) || /^[\da-f.]*:[\da-f:.]*$/i.test(bare) ? bare : undefined;
};

const hostsWithPort =
  (defaultPort: number): Parse<HostAndPort[]> =>
  (text) => {
    const nodes: HostAndPort[] = [];
    for (const item of text.split(',')) {
      const [, name = '', at] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(item.trim()) ?? [];
      const node = { host: host(name), port: at === undefined ? defaultPort : port(at) };
      if (node.host === undefined || node.port === undefined) return undefined;
      nodes.push(node as HostAndPort);
    }
    return nodes;
  };

/** A number alone is in the smallest unit, as everywhere. */
const duration: Parse<Milliseconds> = (text) => measured(text, toMilliseconds);
const size: Parse<Bytes> = (text) => measured(text, toBytes) || undefined;

function measured(text: string, parse: (value: unknown, name: string) => number): number | undefined {
  try {
    return parse(/^\d+$/.test(text) ? Number(text) : text, '');
  } catch {
    return undefined;
  }
}
