import type { RedisClient } from './port.js';

/** One server that a client of a Cluster knows of. */
export interface RedisNode {
  readonly address: string;
  /** A client of it alone, connected now if there was nothing to ask it before. */
  connect(): Promise<RedisClient>;
}

/** What is used of a Cluster of node-redis: it knows nodes, and connects to them when they are asked for. */
interface NodeRedisCluster {
  readonly masters: readonly NodeRedisNode[];
  readonly replicas: readonly NodeRedisNode[];
  nodeClient(node: NodeRedisNode): RedisClient | Promise<RedisClient>;
}

interface NodeRedisNode {
  readonly address: string;
}

/** What is used of a Cluster of ioredis: its nodes wait with connecting until they are asked something. */
interface IoredisCluster {
  nodes(role: 'all'): readonly IoredisNode[];
}

type IoredisNode = RedisClient & {
  readonly status: string;
  readonly options: { host: string; port: number };
  connect(): Promise<unknown>;
};

/** All servers of a Cluster, primaries and replicas, as its client knows them. */
export function nodesOf(client: RedisClient): RedisNode[] {
  const cluster = client as unknown as Partial<NodeRedisCluster & IoredisCluster>;
  if (cluster.nodes !== undefined)
    return cluster.nodes('all').map((node) => ({
      address: `${node.options.host}:${node.options.port}`,
      async connect() {
        if (node.status === 'wait') await node.connect();
        return node;
      },
    }));
  const { masters = [], replicas = [] } = cluster;
  return [...masters, ...replicas].map((node) => ({
    address: node.address,
    connect: async () => (cluster as NodeRedisCluster).nodeClient(node),
  }));
}
