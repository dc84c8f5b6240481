import type { RedisClient } from './port.js';

/** One server that a client of a Cluster knows of. */
export interface RedisNode {
  readonly address: string;
  readonly client: RedisClient;
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

/** What is used of a Cluster of ioredis. */
interface IoredisCluster {
  nodes(role: 'all'): readonly (RedisClient & { readonly options: { host: string; port: number } })[];
}

/** All servers of a Cluster, primaries and replicas, as its client knows them; those it cannot be connected to are left out. */
export async function nodesOf(client: RedisClient): Promise<RedisNode[]> {
  const cluster = client as unknown as Partial<NodeRedisCluster & IoredisCluster>;
  if (cluster.nodes !== undefined)
    return cluster.nodes('all').map((node) => ({ address: `${node.options.host}:${node.options.port}`, client: node }));
  const { masters = [], replicas = [] } = cluster;
  const nodes = await Promise.allSettled(
    [...masters, ...replicas].map(async (node) => ({
      address: node.address,
      client: await (cluster as NodeRedisCluster).nodeClient(node),
    })),
  );
  return nodes.flatMap((node) => (node.status === 'fulfilled' ? [node.value] : []));
}
