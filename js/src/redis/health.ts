import type { Duration, Milliseconds } from '../duration.js';
import { invalidArgument, TiercelError } from '../errors.js';
import { integer, positiveDuration, type Readers, read } from '../memory/readers.js';
import type { Bytes, Count } from '../memory/types.js';
import { TimeLimit } from '../tiers/time-limit.js';
import { Commands, textOf } from './commands.js';
import { nodesOf, type RedisNode } from './nodes.js';
import { portOf, type RedisClient, type RedisReply } from './port.js';
import { redisSlot } from './slots.js';

/** What one server says of itself. */
export interface RedisServerHealth {
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
    /** Of a replica: whether it is connected to its primary, and how long ago it last was or heard of it; Infinity: never. */
    readonly primary?: { readonly address: string; readonly connected: boolean; readonly silent: Milliseconds };
  };
  /** The latest slow commands; without arguments, which may be secret. Undefined if the user may not see them. */
  readonly slowLog:
    | readonly { readonly id: number; readonly at: Date; readonly took: Milliseconds; readonly command: string }[]
    | undefined;
}

/** What the server says that a client is connected to: of a Cluster the first node that answers. */
export interface RedisHealth extends RedisServerHealth {
  /** Undefined if it is in no Cluster. */
  readonly cluster: RedisClusterHealth | undefined;
}

export interface RedisClusterHealth {
  readonly ok: boolean;
  readonly slots: { readonly assigned: Count; readonly ok: Count; readonly failing: Count };
  readonly nodes: Count;
  readonly primaries: Count;
  readonly ranges: readonly RedisSlotRange[];
  /**
   * What each node says of itself, primaries and replicas, by its address; why, if one does not answer. Empty if the client
   * is one of a single node.
   */
  readonly servers: readonly {
    readonly address: string;
    readonly health: RedisServerHealth | undefined;
    readonly error?: unknown;
  }[];
  /** Of the primaries that answered, all together. */
  readonly total: {
    readonly memory: Bytes;
    readonly evicted: Count;
    readonly commandsPerSecond: number;
    readonly hitRate: number | undefined;
  };
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
 * What the server says of itself that a client is connected to, and in a Cluster what each of its nodes does; the client's user
 * needs `INFO`, and `SLOWLOG GET` and `CLUSTER INFO|SLOTS` for that part. One round trip, two in a Cluster.
 * @throws ERR_TIERCEL_TIMEOUT, ERR_TIERCEL_UNAVAILABLE, and errors of Redis
 */
export async function redisHealth(client: RedisClient, options?: RedisHealthOptions): Promise<RedisHealth> {
  const { timeout = 1_000, slowCommands = 10 } = read(options, READERS, 'options') as {
    timeout?: number;
    slowCommands?: number;
  };
  const port = portOf(client);
  if (port.topology !== 'cluster') {
    const commands = commandsOf(client, timeout);
    const { isInCluster, ...health } = await serverHealth(commands, slowCommands);
    return { ...health, cluster: isInCluster ? await clusterOf(commands, []) : undefined };
  }
  const asked = await Promise.all(
    nodesOf(client).map(async (node) => {
      const { address } = node;
      try {
        const commands = commandsOf(await connected(node, timeout), timeout);
        const { isInCluster: _, ...health } = await serverHealth(commands, slowCommands);
        return { commands, server: { address, health } };
      } catch (error) {
        return { commands: undefined, server: { address, health: undefined, error } };
      }
    }),
  );
  const answer = asked.find(({ commands }) => commands !== undefined);
  if (answer?.commands === undefined)
    throw (
      asked.map(({ server }) => server.error).find(Boolean) ??
      new TiercelError('ERR_TIERCEL_UNAVAILABLE', 'health: no node of the Cluster is known')
    );
  const servers = asked.map(({ server }) => server);
  return { ...answer.server.health, cluster: await clusterOf(answer.commands, servers) };
}

/** Who has a key, by the name that it has in Redis. */
export interface RedisOwners {
  readonly slot: number;
  readonly primary: string;
  readonly replicas: readonly string[];
}

/**
 * The slot of a key and the nodes that have it, as a node of the Cluster sees it; undefined if nobody serves the slot. For
 * the names of a tier's keys see {@link RedisTier.nameOf}. The user needs `CLUSTER SLOTS`. One round trip.
 * @throws as {@link redisHealth}
 */
export async function redisOwners(
  client: RedisClient,
  key: string,
  options?: Pick<RedisHealthOptions, 'timeout'>,
): Promise<RedisOwners | undefined> {
  if (typeof key !== 'string') throw invalidArgument('key', key, 'a string: the name of a key in Redis');
  const { timeout = 1_000 } = read(options, { timeout: positiveDuration }, 'options') as { timeout?: number };
  const slot = redisSlot(key);
  const ranges = await slotRanges(commandsOf(client, timeout));
  const [primary, ...replicas] = ranges.find(({ from, to }) => from <= slot && slot <= to)?.nodes ?? [];
  return primary === undefined ? undefined : { slot, primary, replicas };
}

/** A client of a node, unless it takes longer to be connected. */
function connected(node: RedisNode, timeout: Milliseconds): Promise<RedisClient> {
  return new Promise((resolve, reject) => {
    const limit = new TimeLimit(timeout, () =>
      reject(
        new TiercelError('ERR_TIERCEL_TIMEOUT', `health: ${node.address} could not be connected to within the timeout`),
      ),
    );
    node
      .connect()
      .then(resolve, reject)
      .finally(() => limit.end());
  });
}

const commandsOf = (client: RedisClient, timeout: Milliseconds) =>
  new Commands(portOf(client), { prefix: '', timeout, maxInFlight: 16, durable: true });

async function serverHealth(
  commands: Commands,
  slowCommands: number,
): Promise<RedisServerHealth & { readonly isInCluster: boolean }> {
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
    lookups: { hits, misses, hitRate: rateOf(hits, misses) },
    replication: replicationOf(info),
    slowLog: slow,
    isInCluster: number('cluster_enabled') === 1,
  };
}

const rateOf = (hits: Count, misses: Count) => (hits + misses === 0 ? undefined : hits / (hits + misses));

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
  const connected = info.get('master_link_status') === 'up';
  // Without a connection Redis has -1 for when it last heard of it; -1 for how long that is so: there never was one.
  const silence = Number(info.get(connected ? 'master_last_io_seconds_ago' : 'master_link_down_since_seconds') ?? -1);
  const primary = {
    address: `${host}:${info.get('master_port')}`,
    connected,
    silent: silence < 0 ? Number.POSITIVE_INFINITY : silence * 1000,
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

async function clusterOf(
  commands: Commands,
  servers: RedisClusterHealth['servers'],
): Promise<RedisClusterHealth | undefined> {
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
      servers,
      total: totalOf(servers),
    };
  } catch (error) {
    if (isNotAllowed(error)) return undefined;
    throw error;
  }
}

function totalOf(servers: RedisClusterHealth['servers']): RedisClusterHealth['total'] {
  const primaries = servers.flatMap(({ health }) => (health?.role === 'master' ? [health] : []));
  const sum = (of: (health: RedisServerHealth) => number) => primaries.reduce((all, health) => all + of(health), 0);
  return {
    memory: sum(({ memory }) => memory.used),
    evicted: sum(({ keys }) => keys.evicted),
    commandsPerSecond: sum(({ commands }) => commands.perSecond),
    hitRate: rateOf(
      sum(({ lookups }) => lookups.hits),
      sum(({ lookups }) => lookups.misses),
    ),
  };
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
