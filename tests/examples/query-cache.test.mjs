// @ts-check
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eq } from 'drizzle-orm';
import { open } from '../../examples/query-cache/main.mjs';
import { writtenTable } from '../../examples/query-cache/with-drizzle.mjs';
import { tablesOf } from '../../examples/query-cache/with-kysely.mjs';

for (const engine of /** @type {const} */ (['native', 'wasm'])) {
  describe(`queries of a database, cached, on ${engine}`, () => {
    /** @type {Awaited<ReturnType<typeof open>>} */
    let shop;
    beforeEach(async () => {
      shop = await open({ engine });
    });
    afterEach(() => shop.close());

    /** How many statements a piece of work sends. @param {() => Promise<unknown>} work */
    async function statementsOf(work) {
      const before = shop.database.statements.length;
      await work();
      return shop.database.statements.length - before;
    }
    const readBoth = async () => [await shop.totalOf(1), await shop.totals()];

    it('are read once, by either library', async () => {
      assert.equal(await statementsOf(readBoth), 2);
      assert.equal(await statementsOf(readBoth), 0);
      assert.deepEqual(await readBoth(), [
        15,
        [
          { name: 'Ada', total: 15 },
          { name: 'Bob', total: 7 },
        ],
      ]);
      assert.equal(await shop.totalOf(2), 7);
    });

    it('are read again when Drizzle has written one of their tables, and not when it was another', async () => {
      await readBoth();
      await shop.drizzle.insert(shop.orders).values({ userId: 1, total: 100 });
      assert.deepEqual((await readBoth())[0], 115);
      await shop.drizzle.update(shop.orders).set({ total: 1 }).where(eq(shop.orders.id, 1));
      assert.deepEqual((await readBoth())[0], 106);
      await shop.drizzle.delete(shop.orders).where(eq(shop.orders.id, 2));
      assert.deepEqual((await readBoth())[0], 101);
      // Only the query of Kysely joins users.
      await shop.drizzle.update(shop.users).set({ name: 'Ada Lovelace' }).where(eq(shop.users.id, 1));
      assert.equal(await statementsOf(() => shop.totalOf(1)), 0);
      assert.equal((await shop.totals())[0]?.name, 'Ada Lovelace');
    });

    it('are read again when Kysely has written one of their tables', async () => {
      await readBoth();
      await shop.kysely.insertInto('orders').values({ user_id: 1, total: 100 }).execute();
      assert.deepEqual((await readBoth())[0], 115);
      await shop.kysely.updateTable('orders').set({ total: 1 }).where('id', '=', 1).execute();
      assert.deepEqual((await readBoth())[0], 106);
      await shop.kysely.deleteFrom('orders').where('user_id', '=', 1).execute();
      assert.deepEqual(await shop.totals(), [{ name: 'Bob', total: 7 }]);
    });

    it('are read again when a transaction was committed, or rolled back', async () => {
      for (const fails of [false, true]) {
        await readBoth();
        const transaction = shop.kysely.transaction().execute(async (trx) => {
          await trx.insertInto('orders').values({ user_id: 1, total: 1_000 }).execute();
          // Read within it, through the cache: nobody may see this later if it is rolled back.
          await shop.queries.get({ models: 'orders', key: 'all' }, () =>
            trx.selectFrom('orders').selectAll().execute(),
          );
          if (fails) throw new Error('no money');
        });
        if (fails) await assert.rejects(transaction, /no money/);
        else await transaction;
        assert.equal((await readBoth())[0], 1_015);
        assert.equal(await statementsOf(() => shop.queries.get({ models: 'orders', key: 'all' }, async () => [])), 0);
        assert.deepEqual(await shop.queries.get({ models: 'orders', key: 'all' }, async () => ['not reached']), []);
        await shop.queries.changed('orders');
      }
    });

    it('are read again after a statement that failed', async () => {
      await readBoth();
      await assert.rejects(
        shop.kysely.insertInto('orders').values({ id: 1, user_id: 1, total: 1 }).execute(),
        /UNIQUE/,
      );
      assert.equal(await statementsOf(readBoth), 2);
    });

    it('of a repository go with what either library writes', async () => {
      const { repository: users } = shop;
      assert.equal(await statementsOf(() => users.getMany([1, 2, 3])), 1);
      assert.equal(await statementsOf(() => users.getMany([1, 2])), 0);
      const cem = await users.create({ name: 'Cem' });
      assert.deepEqual(cem, { id: 3, name: 'Cem' });
      assert.deepEqual(await users.update(3, { name: 'Cem K.' }), { id: 3, name: 'Cem K.' });
      assert.deepEqual(await users.get(3), { id: 3, name: 'Cem K.' });
      assert.equal(await users.delete(3), true);
      assert.equal(await users.get(3), undefined);
      const names = () => users.query('names', () => shop.kysely.selectFrom('users').select('name').execute());
      assert.equal((await names()).length, 2);
      await shop.drizzle.insert(shop.users).values({ name: 'Dee' });
      assert.equal((await names()).length, 3);
    });
  });
}

it('tables are known from what the libraries make', () => {
  assert.equal(writtenTable('insert into "users" ("id") values (?)'), 'users');
  assert.equal(writtenTable('update "orders" set "total" = ?'), 'orders');
  assert.equal(writtenTable('delete from "a b" where 1'), 'a b');
  assert.equal(writtenTable('select "delete from" from "users"'), undefined);
  assert.deepEqual(tablesOf({ kind: 'X', a: [{ kind: 'TableNode', table: { identifier: { name: 't' } } }] }), ['t']);
});

it('the program of the README runs', () => {
  const main = fileURLToPath(new URL('../../examples/query-cache/main.mjs', import.meta.url));
  const output = execFileSync(process.execPath, [main], { encoding: 'utf8' });
  assert.match(output, /1 statement so far/);
  assert.match(output, /total: 107/);
});
