// bentocache, as an actor uses what is under test: the same server and kind of client, its memory in front, its bus, and
// what it has against a second tier that fails. It has no health, no locks and no write-behind.
import { Redis } from 'ioredis';
import { untyped } from '../../../bench/untyped.mjs';
import { ADMIN } from '../../redis/support/resp.mjs';
import { partsOf } from './places.mjs';

const { BentoCache, bentostore } = await untyped('bentocache');
const { memoryDriver } = await untyped('bentocache/drivers/memory');
const { redisBusDriver, redisDriver } = await untyped('bentocache/drivers/redis');

const [username, password] = ADMIN;
/** As of Tiercel there: see tiercel-subject.mjs. */
const TIMEOUT = 400;
const RESET = 200;

export async function open({ ports }) {
  const connect = (port) => {
    const client = new Redis({ port, username, password, commandTimeout: TIMEOUT, retryStrategy: () => 20 });
    client.on('error', () => undefined);
    return client;
  };
  const [data, bus] = [connect(ports.data), connect(ports.bus)];
  const second = redisDriver({ connection: data });
  const cache = new BentoCache({
    default: 'both',
    ttl: '10m',
    l2CircuitBreakerDuration: RESET,
    stores: {
      both: bentostore()
        .useL1Layer(memoryDriver({ maxItems: 10_000 }))
        .useL2Layer(second)
        .useBus(redisBusDriver({ connection: bus })),
      second: bentostore().useL2Layer(second),
    },
  });
  // Each has loads in flight of its own.
  const tenants = new Map();
  const tenantOf = (store, name) => {
    const known = tenants.get(`${store}/${name}`) ?? cache.use(store).namespace(name);
    tenants.set(`${store}/${name}`, known);
    return known;
  };
  const of = (place, store = 'both') => {
    const [tenant, key] = partsOf(place);
    return { tenant: tenantOf(store, tenant), key, tags: [`tag of ${place}`] };
  };
  const remove = ({ tenant, key }) => tenant.delete({ key, suppressL2Errors: false });
  /** It has neither prefixes nor patterns. */
  const ways = {
    key: remove,
    prefix: remove,
    pattern: remove,
    tag: ({ tenant, tags }) => tenant.deleteByTag({ tags, suppressL2Errors: false }),
    set: ({ tenant, key, tags }, value) => tenant.set({ key, value, tags, suppressL2Errors: false }),
  };
  return {
    engine: 'bentocache',
    read(place, load, { ttl, isCold } = /** @type {any} */ ({})) {
      const { tenant, key, tags } = of(place, isCold ? 'second' : 'both');
      return tenant.getOrSet({ key, factory: load, tags, ...(ttl && { ttl }) });
    },
    /** What does not fail is taken for known to all. */
    async change(place, way, value) {
      await ways[way](of(place), value);
      return true;
    },
    acknowledged: async () => true,
    /** What is read `isCold` is read without memory. */
    forget: async () => undefined,
    async close() {
      await cache.disconnectAll().catch(() => undefined);
      for (const client of [data, bus]) client.disconnect();
    },
  };
}
