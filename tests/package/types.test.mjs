// The declarations, as a strict TypeScript project sees them, from ESM and from CommonJS.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { installedProject, root } from './support/packed.mjs';

const CONSUMER = `
import {
  type Cache,
  type CacheStats,
  cached,
  createCache,
  engineInfo,
  MemoryCache,
  type MemoryCacheOptions,
  memoize,
  TiercelError,
  version,
} from 'tiercel';
import { cacheAside, Repository, type WriteBehind, writeBehind } from 'tiercel/patterns';
import { DistributedLock, type HeldLock, type RedisClient, redisBus, redisHealth, redisTier } from 'tiercel/redis';
import { Refresher, Warmer, type WarmResult } from 'tiercel/warming';

interface User {
  name: string;
}
const options: MemoryCacheOptions<User> = { maxEntries: 10, maxBytes: '1mb', ttl: '5m', stale: 1_000 };
const cache: MemoryCache<User> = MemoryCache.createSync<User>(options);
export const later: Promise<MemoryCache<User>> = MemoryCache.create<User>(options);

export const stored: boolean = cache.set('a', { name: 'A' }, { ttl: 1_000, tags: ['users'] });
export const found: User | undefined = cache.get('a');
export const entry: { value: User; stale: boolean; ttl: number; tags: string[] } | undefined = cache.getEntry('a');
export const loaded: Promise<User> = cache.getOrSet('a', ({ key, signal }) => ({ name: key + signal.aborted }));
export const many: ReadonlyMap<string, User> = cache.getMany(['a', 'b']);
export const stop: () => void = cache.on('remove', ({ key, value, cause }) => console.log(key, value.name, cause));
export const stats: CacheStats = cache.stats();
export const engine: 'native' | 'wasm' = engineInfo().engine;
export const view: MemoryCache<User> = cache.namespace('tenant', 'x');
for (const key of cache.keys()) console.log(key.length, version);
try {
  cache.close();
} catch (error) {
  if (error instanceof TiercelError) console.log(error.code);
}

const aside = cacheAside<User, MemoryCache<User>>(cache, { load: ({ key }) => ({ name: key }), options: { ttl: '1m' } });
export const asideUser: Promise<User | undefined> = aside.get('a');
export const queue: WriteBehind<User> = writeBehind<User>(cache, {
  write: (operations) => operations.map((o) => (o.type === 'set' ? o.value.name : o.key)),
  deadLetter: () => undefined,
});
export const users = new Repository<User & { id: number }, number>(MemoryCache.createSync(), {
  model: 'users',
  source: { find: (id) => ({ id, name: String(id) }) },
});
export const found1: Promise<(User & { id: number }) | undefined> = users.get(1);
export const results: Promise<WarmResult[]> = new Warmer().add({ name: 'a', run: () => 1 }).run();
export const tiers = (client: RedisClient) => ({ remote: redisTier(client, { prefix: 'a' }), bus: redisBus(client) });
export const withRedis = (client: RedisClient): Promise<Cache<User>> => createCache<User>(tiers(client));
export const held = (client: RedisClient): Promise<HeldLock> => new DistributedLock(client, 'a').acquire({ wait: '1s' });
export const rate = async (client: RedisClient) => (await redisHealth(client)).lookups.hitRate?.toFixed(2);
// @ts-expect-error no client has so little
export const none = redisTier({ status: 'ready' });
export const refresher = new Refresher<User, MemoryCache<User>>(cache, { load: () => undefined });
// @ts-expect-error a store takes values of the type
cacheAside<User>(cache, { load: () => 1 });
// @ts-expect-error what cannot be written must go somewhere
writeBehind<User>(cache, { write: () => 1 });

// @ts-expect-error values have a type
cache.set('a', 1);
// @ts-expect-error keys are strings
cache.get(1);
// @ts-expect-error there is no such option
MemoryCache.createSync({ maxEntrys: 1 });
// @ts-expect-error there is no such policy
MemoryCache.createSync({ policy: 'random' });
// @ts-expect-error there is no such event
cache.on('removed', () => {});
// @ts-expect-error the result may be undefined
export const certain: User = cache.get('a');

// What has no type is unknown, and nothing that is returned is any: a wrong use of it would compile.
type IsAny<T> = 0 extends 1 & T ? true : false;
const untyped = MemoryCache.createSync();
export const unknownValue: unknown = untyped.get('a');
// @ts-expect-error it is not known to be a text
export const assumed: string = untyped.get('a');
export const tiered: Promise<Cache<User>> = createCache<User>({ memory: { maxEntries: 10 }, defaults: { ttl: '5m' } });
const found2 = tiered.then((it) => it.get('a'));
const double = memoize((n: number) => n * 2);
const named = cached((id: string, page: number) => Promise.resolve(id + page), { cache, key: 'users:{id}' });
export const twice: number = double(2);
// @ts-expect-error arguments keep their types
double('2');
// @ts-expect-error of the second tier, too, values have a type
tiered.then((it) => it.set('a', 1));
export const anywhere: [
  IsAny<ReturnType<typeof untyped.get>>,
  IsAny<ReturnType<typeof cache.get>>,
  IsAny<typeof entry>,
  IsAny<Awaited<typeof found2>>,
  IsAny<Awaited<typeof loaded>>,
  IsAny<ReturnType<typeof double>>,
  IsAny<Awaited<ReturnType<typeof named>>>,
  IsAny<typeof stats.hits>,
] = [false, false, false, false, false, false, false, false];
`;

let project;
before(() => {
  project = installedProject();
  project.write('consumer.mts', CONSUMER);
  project.write('consumer.cts', CONSUMER);
});

describe('a strict project compiles against the declarations', () => {
  for (const [module, moduleResolution] of [
    ['node16', 'node16'],
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ]) {
    it(`with module ${module}, as ESM${moduleResolution === 'bundler' ? '' : ' and as CommonJS'}`, () => {
      const config = {
        compilerOptions: {
          module,
          moduleResolution,
          target: 'es2022',
          lib: ['es2022', 'dom', 'dom.iterable'],
          types: [],
          strict: true,
          exactOptionalPropertyTypes: true,
          noUncheckedIndexedAccess: true,
          skipLibCheck: false,
          noEmit: true,
        },
        files: moduleResolution === 'bundler' ? ['consumer.mts'] : ['consumer.mts', 'consumer.cts'],
      };
      const path = project.write(`tsconfig.${module}.json`, JSON.stringify(config));
      const { status, stdout } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', path], { encoding: 'utf8' });
      assert.deepEqual({ status, stdout }, { status: 0, stdout: '' });
    });
  }
});
