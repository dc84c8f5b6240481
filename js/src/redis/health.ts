import type { Duration, Milliseconds } from '../duration.js';
import { integer, positiveDuration, type Readers, read } from '../memory/readers.js';
import type { Bytes, Count } from '../memory/types.js';
import { Commands, textOf } from './commands.js';
import { portOf, type RedisClient, type RedisReply } from './port.js';

/** What one server says of itself. */
export interface RedisHealth {
  readonly version: string;
  readonly role: string;
  readonly uptime: Milliseconds;
  readonly memory: {
    readonly used: Bytes;
    readonly peak: Bytes;
    /** 0: none, and then it grows until the machine has no more. */
    readonly limit: Bytes;
    /** What the process has of the machine for each byte in use; far above 1, memory is fragmented; below, swapped out. */
    readonly fragmentation: number;
    readonly policy: string;
  };
  readonly keys: { readonly evicted: Count; readonly expired: Count };
  readonly clients: { readonly connected: Count; readonly blocked: Count; readonly limit: Count };
  readonly commands: { readonly perSecond: number; readonly total: Count; readonly rejectedConnections: Count };
  /** Of reads by any client; the rate is undefined before the first. */
  readonly lookups: { readonly hits: Count; readonly misses: Count; readonly hitRate: number | undefined };
  readonly replication: {
    /** Of a primary: those that follow it, and how far behind each is. */
    readonly replicas: readonly {
      readonly address: string;
      readonly state: string;
      readonly lag: Milliseconds;
      readonly behind: Bytes;
    }[];
    /** Of a replica: whether it is connected to its primary, and when it last heard of it. */
    readonly primary?: { readonly address: string; readonly connected: boolean; readonly silent: Milliseconds };
  };
  /** The latest slow commands; without arguments, which may be secret. Undefined if the user may not see them. */
  readonly slowLog:
    | readonly { readonly id: number; readonly at: Date; readonly took: Milliseconds; readonly command: string }[]
    | undefined;
  /** Undefined if it is in no Cluster. */
  readonly cluster: RedisClusterHealth | undefined;
}

export interface RedisClusterHealth {
  readonly ok: boolean;
  readonly slots: { readonly assigned: Count; readonly ok: Count; readonly failing: Count };
  readonly nodes: Count;
  readonly primaries: Count;
  readonly ranges: readonly RedisSlotRange[];
}

/** Slots and who has them: the primary first. */
export interface RedisSlotRange {
  readonly from: number;
  readonly to: number;
  readonly nodes: readonly string[];
}

export interface RedisHealthOptions {
  /** How long Redis may take to answer. Default 1 s. */
  timeout?: Duration;
  /** How many slow commands are told of, from 0 to 256. Default 10. */
  slowCommands?: number;
}

const READERS: Readers<RedisHealthOptions> = {
  timeout: positiveDuration,
  slowCommands: integer(0, 256),
};

/**
 * What the server says of itself that a client is connected to; the client's user needs `INFO`, and `SLOWLOG GET` and `CLUSTER
 * INFO|SLOTS` for that part. Two round trips. @throws ERR_TIERCEL_TIMEOUT, ERR_TIERCEL_UNAVAILABLE, and errors of Redis
 */
export async function redisHealth(client: RedisClient, options?: RedisHealthOptions): Promise<RedisHealth> {
  const { timeout = 1_000, slowCommands = 10 } = read(options, READERS, 'options') as {
    timeout?: number;
    slowCommands?: number;
  };
  const commands = new Commands(portOf(client), { prefix: '', timeout, maxInFlight: 16, durable: true });
  const [info, slow] = await Promise.all([
    commands.command('INFO').then((reply) => parseInfo(textOf(reply))),
    slowLog(commands, slowCommands),
  ]);
  const number = (name: string) => Number(info.get(name) ?? 0);
  const text = (name: string) => info.get(name) ?? '';
  const hits = number('keyspace_hits');
  const misses = number('keyspace_misses');
  return {
    version: text('redis_version'),
    role: text('role'),
    uptime: number('uptime_in_seconds') * 1000,
    memory: {
      used: number('used_memory'),
      peak: number('used_memory_peak'),
      limit: number('maxmemory'),
      fragmentation: number('mem_fragmentation_ratio'),
      policy: text('maxmemory_policy'),
    },
    keys: { evicted: number('evicted_keys'), expired: number('expired_keys') },
    clients: {
      connected: number('connected_clients'),
      blocked: number('blocked_clients'),
      limit: number('maxclients'),
    },
    commands: {
      perSecond: number('instantaneous_ops_per_sec'),
      total: number('total_commands_processed'),
      rejectedConnections: number('rejected_connections'),
    },
    lookups: { hits, misses, hitRate: hits + misses === 0 ? undefined : hits / (hits + misses) },
    replication: replicationOf(info),
    slowLog: slow,
    cluster: number('cluster_enabled') === 1 ? await clusterOf(commands) : undefined,
  };
}

function parseInfo(text: string): ReadonlyMap<string, string> {
  return new Map(
    [...text.matchAll(/^([^#:\r\n]+):([^\r\n]*)/gm)].map(([, name, value]) => [name as string, value as string]),
  );
}

function replicationOf(info: ReadonlyMap<string, string>): RedisHealth['replication'] {
  const offset = Number(info.get('master_repl_offset') ?? 0);
  const replicas = [...info]
    .filter(([name]) => /^slave\d+$/.test(name))
    .map(([, value]) => {
      const fields = new Map(value.split(',').map((field) => field.split('=') as [string, string]));
      return {
        address: `${fields.get('ip')}:${fields.get('port')}`,
        state: fields.get('state') ?? '',
        lag: Number(fields.get('lag')) * 1000,
        behind: Math.max(0, offset - Number(fields.get('offset'))),
      };
    });
  const host = info.get('master_host');
  if (host === undefined) return { replicas };
  const primary = {
    address: `${host}:${info.get('master_port')}`,
    connected: info.get('master_link_status') === 'up',
    silent: Math.max(0, Number(info.get('master_last_io_seconds_ago') ?? 0)) * 1000,
  };
  return { replicas, primary };
}

/** Undefined if that is not allowed. */
async function slowLog(commands: Commands, count: number): Promise<RedisHealth['slowLog']> {
  if (count === 0) return [];
  try {
    const reply = (await commands.command('SLOWLOG', 'GET', String(count))) as RedisReply[][];
    return reply.map(([id, at, took, args]) => ({
      id: Number(id),
      at: new Date(Number(at) * 1000),
      took: Number(took) / 1000,
      command: textOf((args as RedisReply[])[0]).toUpperCase(),
    }));
  } catch (error) {
    if (isNotAllowed(error)) return undefined;
    throw error;
  }
}

async function clusterOf(commands: Commands): Promise<RedisClusterHealth | undefined> {
  try {
    const [info, ranges] = await Promise.all([
      commands.command('CLUSTER', 'INFO').then((reply) => parseInfo(textOf(reply))),
      slotRanges(commands),
    ]);
    const number = (name: string) => Number(info.get(name) ?? 0);
    return {
      ok: info.get('cluster_state') === 'ok',
      slots: {
        assigned: number('cluster_slots_assigned'),
        ok: number('cluster_slots_ok'),
        failing: number('cluster_slots_pfail') + number('cluster_slots_fail'),
      },
      nodes: number('cluster_known_nodes'),
      primaries: number('cluster_size'),
      ranges,
    };
  } catch (error) {
    if (isNotAllowed(error)) return undefined;
    throw error;
  }
}

async function slotRanges(commands: Commands): Promise<RedisSlotRange[]> {
  const reply = (await commands.command('CLUSTER', 'SLOTS')) as RedisReply[][];
  return reply.map(([from, to, ...nodes]) => ({
    from: Number(from),
    to: Number(to),
    nodes: nodes.map((node) => `${textOf((node as RedisReply[])[0])}:${textOf((node as RedisReply[])[1])}`),
  }));
}

function isNotAllowed(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOPERM');
}
