import { invalidArgument, TiercelError } from '../errors.js';
import { read } from '../memory/readers.js';
import { hasMethods, type Store } from './store.js';
import { EDGE_READERS, EdgeTier, type EdgeTierOptions, edgeDefaults, MARGIN } from './tier.js';
import { Tokens } from './tokens.js';

/** What is used of a namespace of Workers KV: a binding, such as `env.CACHE`. */
export interface KvNamespaceLike {
  get(key: string, type: 'arrayBuffer'): Promise<ArrayBuffer | null>;
  put(key: string, value: Uint8Array, options: { expirationTtl: number }): Promise<void>;
}

/** Least seconds that KV keeps something, and most bytes of a value. */
const LEAST_SECONDS = 60;
const MOST_BYTES = 25 * 1024 ** 2;
/** How long it may take until what was written is seen everywhere. */
const LAG = 60_000;

export function kvStore(namespace: KvNamespaceLike, prefix: string): Store {
  return {
    async get(name) {
      const value = await namespace.get(`${prefix}:${name}`, 'arrayBuffer');
      return value === null ? undefined : new Uint8Array(value);
    },
    async put(name, bytes, life) {
      if (bytes.length > MOST_BYTES)
        throw new TiercelError(
          'ERR_TIERCEL_NOT_SERIALIZABLE',
          `value: takes ${bytes.length} bytes as an entry; accepted by KV: ${MOST_BYTES}`,
        );
      const expirationTtl = Math.max(LEAST_SECONDS, Math.ceil(life / 1000));
      await namespace.put(`${prefix}:${name}`, bytes, { expirationTtl });
    },
  };
}

/** KV loses nothing, and is late. */
export function kvTokens(store: Store, maxTtl: number): Tokens {
  return new Tokens(store, { life: maxTtl + MARGIN, isLossless: true, lag: LAG });
}

export function asKvNamespace(value: unknown, name: string): KvNamespaceLike {
  if (hasMethods(value, 'get', 'put')) return value as KvNamespaceLike;
  throw invalidArgument(name, value, 'a namespace of Workers KV: an object with get and put');
}

/**
 * A second tier in Workers KV. What is invalidated is gone here at once, and elsewhere when that has spread: after a
 * minute, as a rule. Nothing that was loaded before comes back after that. An entry needs a read of KV for itself, its key,
 * its prefixes, each of its tags and each part of its namespace, two at a time; an invalidation is one write.
 *
 * Values with dependencies are not stored, nor those whose tags are only known after the load; a change of a prefix or a
 * pattern is one of the whole namespace. There are no locks.
 * @throws ERR_TIERCEL_INVALID_ARGUMENT for what is no namespace
 */
export function kvTier(namespace: KvNamespaceLike, options?: EdgeTierOptions): EdgeTier {
  const { prefix, maxTtl, payload } = edgeDefaults(read(options, EDGE_READERS, 'options'));
  const entries = kvStore(asKvNamespace(namespace, 'namespace'), prefix);
  return new EdgeTier({
    name: 'kv',
    consistency: 'eventual',
    entries,
    tokens: kvTokens(entries, maxTtl),
    maxTtl,
    payload,
  });
}
