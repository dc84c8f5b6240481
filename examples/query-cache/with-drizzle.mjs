// Drizzle on the database, with a hook in its driver.

import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { drizzle } from 'drizzle-orm/sqlite-proxy';

export const users = sqliteTable('users', {
  id: integer('id').primaryKey(),
  name: text('name').notNull(),
});
export const orders = sqliteTable('orders', {
  id: integer('id').primaryKey(),
  userId: integer('user_id').notNull(),
  total: integer('total').notNull(),
});

/**
 * @param {import('./database.mjs').Database} database
 * @param {import('tiercel/patterns').QueryCache} queries
 */
export function openDrizzle(database, queries) {
  return drizzle(async (sql, parameters, method) => {
    const run = async () => database.run(sql, parameters);
    const model = writtenTable(sql);
    const { rows } = await (model === undefined ? run() : queries.write(model, run));
    return { rows: method === 'get' ? /** @type {any[]} */ (rows[0]) : rows };
  });
}

/**
 * The table that a statement of Drizzle's writes: it always begins so, with the name in quotes.
 *
 * @param {string} sql
 */
export function writtenTable(sql) {
  return /^(?:insert into|update|delete from) "([^"]+)"/.exec(sql)?.[1];
}
