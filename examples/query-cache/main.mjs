// Both libraries on one database and one cache: what one writes is gone from what the other has read.
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { eq, sum } from 'drizzle-orm';
import { MemoryCache } from 'tiercel';
import { QueryCache, Repository } from 'tiercel/patterns';
import { Database } from './database.mjs';
import * as tables from './with-drizzle.mjs';
import { cached, openKysely } from './with-kysely.mjs';

/** @param {import('tiercel').MemoryCacheOptions} [options] */
export async function open(options) {
  const database = await Database.open();
  const cache = MemoryCache.createSync(options);
  const queries = new QueryCache(cache, { options: { ttl: '10m' } });
  const drizzle = tables.openDrizzle(database, queries);
  const kysely = openKysely(database, queries);
  const { users, orders } = tables;

  return {
    database,
    cache,
    queries,
    drizzle,
    kysely,
    /** Read by Drizzle. @param {number} user */
    async totalOf(user) {
      const query = drizzle
        .select({ total: sum(orders.total) })
        .from(orders)
        .where(eq(orders.userId, user));
      const [row] = await queries.get({ models: 'orders', key: query.toSQL() }, async () => query);
      return Number(row?.total);
    },
    /** Read by Kysely. */
    totals: () =>
      cached(
        queries,
        kysely
          .selectFrom('users')
          .innerJoin('orders', 'orders.user_id', 'users.id')
          .select(({ fn }) => ['users.name', fn.sum('orders.total').as('total')])
          .groupBy('users.id')
          .orderBy('users.id'),
      ),
    /** Users by id, over Kysely. */
    repository: new Repository(cache, {
      model: 'users',
      queries,
      source: {
        find: (/** @type {number} */ id) =>
          kysely.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst(),
        findMany: (ids) =>
          kysely
            .selectFrom('users')
            .selectAll()
            .where('id', 'in', [...ids])
            .execute(),
        create: (/** @type {{ name: string }} */ user) =>
          kysely.insertInto('users').values(user).returningAll().executeTakeFirstOrThrow(),
        update: (id, changes) =>
          kysely.updateTable('users').set(changes).where('id', '=', id).returningAll().executeTakeFirst(),
        delete: async (id) =>
          (await kysely.deleteFrom('users').where('id', '=', id).executeTakeFirst()).numDeletedRows > 0n,
      },
    }),
    users,
    orders,
    async close() {
      await kysely.destroy();
      cache.close();
    },
  };
}

async function main() {
  const shop = await open();
  console.log(await shop.totals());
  console.log(await shop.totals(), `${shop.database.statements.length} statement so far`);
  await shop.drizzle.insert(shop.orders).values({ userId: 2, total: 100 });
  console.log('Drizzle inserted an order:', await shop.totals());
  await shop.close();
}

const started = process.argv[1];
if (started !== undefined && realpathSync(started) === fileURLToPath(import.meta.url)) await main();
